"""Appends that are sent until it is known what became of them."""

import time
from collections.abc import Callable

from . import errors
from .appended import Appended
from .cluster import Cluster
from .errors import LogError
from .generated.models import AppendResponse
from .outcome import unknown
from .partitions import About
from .producers import Producers, Producing
from .retry import Retry
from .steps import Await, Call, Pause

# After these, the same request may have another outcome later, here or at the server that a proxy chooses then.
PASSING = (errors.OutcomeUnknown, errors.Unavailable, errors.Overloaded, errors.Fenced, errors.NotWriter, errors.Internal)

OF_PRODUCER = (
    errors.ProducerOutOfOrder, errors.ProducerSequenceTooOld, errors.ProducerSequenceReused, errors.ProducerFenced,
    errors.ProducerUnknown)


def exactly_once(
    cluster: Cluster, retry: Retry, producers: Producers, about: About, records: int, await_durable: bool,
    send: Callable[[Producing], Call[AppendResponse]],
) -> Call[Appended]:
    """Appends exactly once: what may have been applied is sent again for `Retry.patience`."""
    turn = producers.turn(about)
    try:
        producer = yield Await(turn)
        while True:
            try:
                done = yield from Delivery(retry, producer).run(records, await_durable, send, lambda: is_elsewhere(cluster, producer, about))
                producer.about = about
                return done
            except Elsewhere:
                turn = producers.exchanged(turn, about)
                producer = turn.result()
    finally:
        producers.ended(turn)


class Elsewhere(Exception):
    """The producer is of another partition, so the server refused the request."""


def is_elsewhere(cluster: Cluster, producer: Producing, about: About) -> Call[bool]:
    """Whether a request about this is of another partition than what the producer did before. If it may be, the cluster is asked."""
    if producer.about.tag is None or producer.about == about:
        return False
    if not cluster.is_known:
        yield from cluster.learn()
    return cluster.partition(producer.about) != cluster.partition(about)


def appended(answer: AppendResponse) -> Appended:
    """What an answer says."""
    return Appended(answer.start_sequence, answer.records_appended, answer.duplicate is True)


class Delivery:
    """The attempts to deliver one append, or the first of several that are sent together."""

    def __init__(self, retry: Retry, producer: Producing | None):
        self._retry, self._producer = retry, producer
        self._was_open = False
        self.settled()

    def exchange(self, producer: Producing) -> None:
        """The append is of another producer, by which it was not sent yet."""
        self._producer = producer
        self.settled()

    def settled(self) -> None:
        """The next append begins."""
        self._failed = 0
        self._failed_since = 0.0
        self._unknown_since: float | None = None
        # Whether only something that is no log server ever answered: the address may be wrong.
        self._only_pages = True

    def opened(self) -> None:
        """A session is open: the server is there. From now on it may be away for `Retry.patience`, as while it restarts."""
        self._was_open = True

    def run(
        self, records: int, await_durable: bool, send: Callable[[Producing], Call[AppendResponse]], is_elsewhere: Callable[[], Call[bool]],
    ) -> Call[Appended]:
        """Sends one append until it is known what became of it, or raises `Elsewhere`."""
        assert self._producer is not None
        self._producer.is_open = True
        while True:
            try:
                done = appended((yield from send(self._producer)))
                self._producer.applied(done, await_durable)
                return done
            except OF_PRODUCER as error:
                if (yield from is_elsewhere()):
                    # It was not applied: the first request of a producer has another sequence.
                    self._producer.refused()
                    raise Elsewhere from error
                applied = self.judged(error, records, await_durable)
                if applied is not None:
                    return applied
            except errors.Conflict:
                # The server judges the producer first, so no earlier attempt was applied.
                self._producer.refused()
                raise
            except LogError as error:
                yield self.pause(error)

    def doubt(self) -> None:
        """The append may have been applied."""
        if self._unknown_since is None:
            self._unknown_since = time.monotonic()

    @property
    def _may_be_applied(self) -> bool:
        return self._unknown_since is not None

    def judged(self, error: LogError, records: int, await_durable: bool) -> Appended | None:
        """What was appended, or None if it is to be sent again by a producer that began anew."""
        producer = self._producer
        assert producer is not None
        if isinstance(error, errors.ProducerSequenceTooOld) and self._may_be_applied:
            done = Appended(None, records, duplicate=True)
            producer.applied(done, await_durable)
            return done
        if isinstance(error, errors.ProducerOutOfOrder) and error.expected_sequence < producer.sequence:
            raise self._lost(producer, error.expected_sequence, "were") from error
        if isinstance(error, errors.ProducerUnknown) and producer.durable_below < producer.sequence:
            lost = self._lost(producer, producer.durable_below, "may have been")
            lost.is_unknown_outcome = self._may_be_applied
            raise lost from error
        if isinstance(error, errors.ProducerUnknown) and not self._may_be_applied and producer.sequence > 0:
            # It was idle for so long that the server forgot it, and nothing depends on what it knew.
            producer.restart()
            return None
        error.is_unknown_outcome = self._may_be_applied
        producer.replace()
        producer.refused()
        raise error

    def _lost(self, producer: Producing, first: int, were: str) -> errors.AppendsLost:
        """The server does not know what was acknowledged from `first` on, and has refused this append."""
        requests = producer.sequence - first
        error = errors.AppendsLost(
            f"{requests} appends that were acknowledged before they were durable {were} lost in a crash of the server; "
            "this one was refused", status=409)
        error.requests, error.appended = requests, producer.undurable_from(first)
        producer.restart()
        producer.refused()
        return error

    def pause(self, error: LogError) -> Pause:
        """The wait before the next attempt; raises what the append ends in when there is none."""
        self._failed += 1
        if self._failed == 1:
            self._failed_since = time.monotonic()
        self._only_pages &= error.is_unknown_outcome and error.status not in (None, 504)
        if error.is_unknown_outcome:
            self.doubt()
        if self._unknown_since is not None:
            pause = self._patient_pause(error, self._unknown_since)
            is_no_server = self._only_pages and self._failed >= self._retry.attempts
            if pause is None or is_no_server or not isinstance(error, PASSING):
                raise unknown(error, "append")
            return Pause(pause)
        if self._was_open and error.retry_after is not None:
            pause = self._patient_pause(error, self._failed_since)
        else:
            pause = self._retry.pause_for(error, self._failed)
        if pause is None:
            if self._producer is not None:
                self._producer.refused()
            raise error
        return Pause(pause)

    def _patient_pause(self, error: LogError, since: float) -> float | None:
        """Seconds to wait if it is to be sent again for `Retry.patience` from then on; None at its end."""
        pause = min(max(self._retry.pause_after(self._failed), error.retry_after or 0.0), self._retry.longest_pause)
        return None if time.monotonic() + pause > since + self._retry.patience else pause
