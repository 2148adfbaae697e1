"""Streams of appends: what is sent, and sent again when a session breaks, and what is known of it. No I/O happens here."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from . import arguments, errors
from .appended import Appended
from .cursors import CursorMove, moves
from .errors import LogError
from .exactly_once import OF_PRODUCER, Delivery
from .generated.log_pb2 import AppendRequest, AppendResponse
from .generated.log_pb2 import CursorMove as MoveToSend
from .generated.log_pb2 import Header, Precondition, Record
from .generated.log_pb2 import Producer as ProducerToSend
from .partitions import About, about
from .producers import Producing
from .records import RecordToAppend
from .retry import Retry
from .seen import Seen
from .session import PATH, Session, framed

OUTSTANDING = 1000
OUTSTANDING_BYTES = 4 * 1024 * 1024


@dataclass(slots=True)
class Append:
    """An append without an outcome."""

    content: bytes
    """But for its producer."""
    records: int
    about: About
    end: int = 0
    """Where it ends in the session that is open."""


@dataclass(frozen=True, slots=True)
class Demands:
    """What is demanded of each append of a stream."""

    await_durable: bool
    content: bytes
    """As it is sent."""
    most: int
    most_bytes: int

    @classmethod
    def checked(
        cls, await_durable: bool, if_no_record_since: Mapping[bytes, int] | None, cursors: Iterable[CursorMove] | None,
        outstanding: int, outstanding_bytes: int,
    ) -> "Demands":
        """The demands, or an error that says which is wrong."""
        request = AppendRequest(
            await_durable=arguments.flag("await_durable", await_durable),
            preconditions=[Precondition(key=key, no_record_since=since) for key, since in arguments.preconditions(if_no_record_since)],
            cursors=[
                MoveToSend(name=move.name, position=move.position, expected=move.expected if isinstance(move.expected, int) else None)
                for move in moves(cursors)])
        return cls(
            await_durable, request.SerializeToString(), arguments.whole("outstanding", outstanding, least=1),
            arguments.whole("outstanding_bytes", outstanding_bytes, least=1))


class Appending:
    """A stream of appends. Its first one without an outcome is the next request of the producer."""

    def __init__(self, url: str, retry: Retry, seen: Seen, producer: Producing | None, demands: Demands):
        self._request = f"POST {url}{PATH}"
        self._retry, self._seen, self._demands = retry, seen, demands
        self.producer = producer
        """None: appends are not protected."""
        self.is_elsewhere: bool | None = None
        """Whether the producer may be of another partition, as the server refused its first request. None: that was not found out yet."""
        self._outstanding: deque[Append] = deque()
        self._bytes = 0
        # So many of them, from the first one on, may have been applied in a session that broke.
        self._in_doubt = 0
        self._delivery = Delivery(retry, producer)
        self._about = About()
        self._has_ended = False
        self._error: BaseException | None = None
        self.session: Session | None = None
        """The session that is open."""

    @property
    def has_room(self) -> bool:
        """Whether another append is to be taken."""
        few = len(self._outstanding) < self._demands.most and self._bytes < self._demands.most_bytes
        return not self._has_ended and (few or not self._outstanding)

    @property
    def about(self) -> About:
        """What the first append without an outcome is about, or what the last one was."""
        return self._outstanding[0].about if self._outstanding else self._about

    @property
    def is_waiting(self) -> bool:
        """Whether there is an append without an outcome."""
        return bool(self._outstanding)

    @property
    def is_over(self) -> bool:
        """Whether every append has its outcome, and no other one comes. Raises why no other one comes, if it is for an error."""
        if self._outstanding or not self._has_ended:
            return False
        if self._error is not None:
            raise self._error
        return True

    def made(self, records: Iterable[RecordToAppend]) -> Append:
        """An append of these records. Any thread may call this, at any time: it uses nothing that changes."""
        checked = arguments.records(records)
        if not checked:
            raise ValueError('records must have at least one record, such as [(b"orders", b"first")]')
        request = AppendRequest(records=[
            Record(key=key, value=value, headers=[Header(name=name, value=content) for name, content in headers])
            for key, value, headers in checked])
        return Append(request.SerializeToString() + self._demands.content, len(checked), about(checked[0][0]))

    @property
    def is_fresh(self) -> bool:
        """Whether there was no outcome yet."""
        return self._about.tag is None

    def exchange(self, producer: Producing) -> None:
        """All of it is of this producer. To be called while it is fresh, and no session is open."""
        if self.producer is not None:
            self.producer.refused()
        self.producer, self._in_doubt = producer, 0
        self._delivery.exchange(producer)
        producer.is_open = bool(self._outstanding)

    def take(self, append: Append) -> None:
        """Takes an append."""
        self._outstanding.append(append)
        self._bytes += len(append.content)
        if self.producer is not None:
            self.producer.is_open = True
        if self.session is not None:
            self._send(self.session, append, len(self._outstanding) - 1)

    def end(self, error: BaseException | None = None) -> None:
        """No more appends are taken; if there is an error, it is raised when all others have their outcomes."""
        self._has_ended, self._error = True, error
        if self.session is not None:
            self.session.end()

    def opened(self, session: Session) -> None:
        """Sends all that has no outcome in this session."""
        self.session = session
        self._delivery.opened()
        for after, append in enumerate(self._outstanding):
            self._send(session, append, after)
        if self._has_ended:
            session.end()

    def received(self, data: bytes) -> Iterator[Appended | float]:
        """What these bytes from the session say: outcomes, or at the end how many seconds to wait before another session. Raises the error
        that the stream ends in.
        """
        session = self.session
        assert session is not None
        for answer in session.receive(data):
            yield self._told(answer)
            if self.session is not session:
                return
        if session.failure is not None:
            yield self.broke(session.failure)
        elif session.has_ended:
            yield self._ended()

    def _told(self, answer: AppendResponse | LogError) -> Appended | float:
        """What the first append has become; or seconds to wait before another session. Raises the error that the stream ends in."""
        if not self._outstanding:
            # Something is wrong with what was not sent.
            self.session = None
            return 0.0
        if isinstance(answer, LogError):
            answer.request = self._request
            return self._refused(answer)
        done = Appended(answer.start_sequence, answer.records_appended, answer.duplicate)
        if self.producer is not None:
            self.producer.applied(done, self._demands.await_durable)
        if self._demands.await_durable and done.start is not None:
            self._seen.advance(done.start + done.count, self.about)
        return self._settled(done)

    def _ended(self) -> float:
        """The server has ended the session in order."""
        self.session = None
        if not self._outstanding:
            return 0.0
        return self.failed(errors.Unavailable(
            "the server ended the session before it took the append; nothing of it was applied", retry_after=self._retry.pause))

    def broke(self, error: LogError) -> float:
        """The session broke: what was sent whole may have been applied. Seconds to wait before another one."""
        sent = self._give_up()
        if not self._outstanding:
            return 0.0
        self._in_doubt = max(self._in_doubt, sent)
        if self._in_doubt == 0:
            told = "the session broke while the append was being sent; nothing was applied"
            error = errors.Unavailable(f"{told}: {error.message}", retry_after=self._retry.pause)
        return self.failed(error)

    def failed(self, error: LogError) -> float:
        """No session is open. Seconds to wait before the next attempt; raises what the stream ends in when there is none."""
        error.request = error.request or self._request
        if self._in_doubt > 0:
            if self.producer is None:
                raise _with_others(error, self._in_doubt - 1)
            self._delivery.doubt()
        try:
            return self._delivery.pause(error).seconds
        except LogError as last:
            last.request = self._request
            raise _with_others(last, self._in_doubt - 1)

    def _send(self, session: Session, append: Append, after: int) -> None:
        producer = b""
        if self.producer is not None:
            name = ProducerToSend(id=self.producer.id, epoch=self.producer.epoch, sequence=self.producer.sequence + after)
            producer = AppendRequest(producer=name).SerializeToString()
        append.end = session.add(framed(append.content, producer))

    def _settled(self, done: Appended) -> Appended:
        """The first append has an outcome."""
        append = self._outstanding.popleft()
        self._bytes -= len(append.content)
        self._about = append.about
        self._in_doubt = max(0, self._in_doubt - 1)
        self._delivery.settled()
        if self.producer is not None:
            self.producer.about, self.producer.is_open = append.about, bool(self._outstanding)
        return done

    def _refused(self, error: LogError) -> Appended | float:
        """The first append was refused, or its outcome is unknown."""
        if self.producer is None:
            error.retry_after = None
            raise _with_others(error, self._give_up() - 1)
        if isinstance(error, errors.OutcomeUnknown):
            return self.broke(error)
        if isinstance(error, OF_PRODUCER):
            if self.is_elsewhere is None and self.is_fresh and self.producer.about not in (About(), self.about):
                # Whoever opens the next session finds out.
                self.is_elsewhere, self.session = True, None
                return 0.0
            if self._in_doubt > 0:
                self._delivery.doubt()
            try:
                done = self._delivery.judged(error, self._outstanding[0].records, self._demands.await_durable)
            except LogError as last:
                last.request = self._request
                raise _with_others(last, self._in_doubt - 1 if last.is_unknown_outcome else 0)
            if done is not None:
                return self._settled(done)
            self.session = None
            return 0.0
        if isinstance(error, errors.Conflict):
            # The server judges the producer first, so no earlier attempt was applied.
            self.producer.refused()
            raise error
        self.session = None
        return self.failed(error)

    def _give_up(self) -> int:
        """Gives the session up; how many appends without an outcome may have been sent in it."""
        session, self.session = self.session, None
        return 0 if session is None else sum(session.was_taken(each.end) for each in self._outstanding)


def _with_others(error: LogError, others: int) -> LogError:
    """The error of an append behind which so many may have been applied."""
    if others > 0:
        error.message += f"; up to {others} appends behind it may have been applied, too"
    return error
