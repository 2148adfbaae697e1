"""Producers: what makes an append safe to send again.

The server applies each sequence of a producer once, and remembers the answers of its last few requests. A client has as many
producers as it has appends on their way, each with one request at a time: so an append is never ahead of its turn, its answer is never
forgotten, and one that waits for its retry holds nobody up. Appends that are made one after another use the same producer.

Each stream of appends has a producer of its own, so it and other appends do not depend on each other. One that ended in order leaves
it to the next one. Only with a name, the stream is one turn of the one producer.
"""

import os
import secrets
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

from . import arguments
from .appended import Appended

# How many appends that a crash may undo are remembered for each producer. Of older ones only the number is known.
MOST_UNDURABLE = 1000

# Producers that are kept for streams of appends to come.
MOST_APART = 16

# Appends of a client that are on their way at a time, unless it is told otherwise.
CONCURRENT_APPENDS = 100


@dataclass(frozen=True, slots=True)
class Producer:
    """Under which name a client appends, for `LogClient(producer=…)`: one append at a time, in the order of the calls.

    A client with a higher epoch takes the name over: appends of the ones before are refused from then on, as `ProducerFenced`. A
    program that starts again needs a higher epoch than any before. A client raises its own by one after `AppendsLost` and after an
    outcome that stayed unknown, so leave room: 1,000 times the number of the start, for example.
    """

    id: str
    epoch: int = 0

    def __post_init__(self) -> None:
        arguments.producer_id(self.id)
        arguments.whole("Producer.epoch", self.epoch)


def producers_of(producer: object, concurrent_appends: object) -> "Producers | None":
    """The producers of a client with these settings."""
    if not isinstance(producer, (bool, Producer)):
        raise TypeError(
            f'producer must be True, False or a Producer, such as Producer("orders", epoch=1), not {arguments.kind(producer)}')
    named = producer if isinstance(producer, Producer) else None
    most = 1 if named else CONCURRENT_APPENDS
    if concurrent_appends is not None:
        most = arguments.whole("concurrent_appends", concurrent_appends, least=1)
    if named and most > 1:
        raise ValueError(f"concurrent_appends must be 1 with a Producer, whose appends are sent one after another, not {most}")
    return Producers(named, most) if producer else None


class Producing:
    """One producer as the client knows it, with one request at a time."""

    def __init__(self, named: Producer | None = None, is_apart: bool = False):
        self._named = named
        self.is_apart = is_apart
        """Whether it is of streams of appends alone."""
        self.id, self.epoch = (named.id, named.epoch) if named else (secrets.token_hex(16), 0)
        self.sequence = 0
        """That of the next request."""
        self.durable_below = 0
        """The requests of this epoch below this sequence are durable."""
        self._undurable: deque[tuple[int, Appended]] = deque(maxlen=MOST_UNDURABLE)
        self.is_open = False
        """Whether there is a request of which it is not known what became of it."""

    def applied(self, appended: Appended, durable: bool) -> None:
        """The request was applied."""
        if durable:
            # So are all that came before it.
            self.durable_below = self.sequence + 1
            self._undurable.clear()
        else:
            self._undurable.append((self.sequence, appended))
        self.sequence += 1
        self.is_open = False

    def refused(self) -> None:
        """The request was not applied; the next one has its sequence."""
        self.is_open = False

    def undurable_from(self, sequence: int) -> list[Appended]:
        """What was answered for this sequence and all after it, as far as it is remembered."""
        return [appended for each, appended in self._undurable if each >= sequence]

    def restart(self) -> None:
        """Begins anew, with the next epoch."""
        self._begin(self.epoch + 1)

    def replace(self) -> None:
        """Another client uses the name. If it was drawn, draws another one; if it was given, it stays as it is."""
        if self._named is None:
            self.id = secrets.token_hex(16)
            self._begin(0)

    def _begin(self, epoch: int) -> None:
        self.epoch, self.sequence, self.durable_below = epoch, 0, 0
        self._undurable.clear()


class Producers:
    """The producers of a client. No more than `most` appends are on their way at a time; others wait in the order in which they came."""

    def __init__(self, named: Producer | None, most: int):
        self._named, self._most = named, most
        self._lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        # The one that was used last is used first.
        self._idle: list[Producing] = [] if self._named is None else [Producing(self._named)]
        self._apart: list[Producing] = []
        self._places = self._most
        self._waiting: deque[Future[Producing]] = deque()

    @contextmanager
    def _unforked(self) -> Iterator[None]:
        with self._lock:
            if self._process != os.getpid():
                # A process that was forked must not go on as its parent does.
                self._begin()
            yield

    def turn(self) -> Future[Producing]:
        """A producer for one append, once there is room; hand it back with `ended`."""
        turn: Future[Producing] = Future()
        with self._unforked():
            if self._places == 0:
                self._waiting.append(turn)
            else:
                self._places -= 1
                turn.set_result(self._idle.pop() if self._idle else Producing())
        return turn

    def stream(self) -> Future[Producing]:
        """A producer for a stream of appends, which is not one of those that are on their way, or a turn of the one with the name; hand it
        back with `ended`.
        """
        if self._named is not None:
            return self.turn()
        apart: Future[Producing] = Future()
        with self._unforked():
            apart.set_result(self._apart.pop() if self._apart else Producing(is_apart=True))
        return apart

    def settled(self, turn: Future[Producing]) -> None:
        """A stream of appends ended in order, with an outcome for each of them: its producer is as good for the next one."""
        producer = turn.result()
        with self._unforked():
            if producer.is_apart and len(self._apart) < MOST_APART:
                self._apart.append(producer)

    def ended(self, turn: Future[Producing]) -> None:
        """The append is over, or does not wait for its turn any more.

        If it is not known what became of its request, the producer takes a new epoch: that keeps the server from taking the next
        request for this one, and from applying what may still be on its way.
        """
        with self._lock:
            if turn.cancel():
                if turn in self._waiting:
                    self._waiting.remove(turn)
                return
            producer = turn.result()
            if producer.is_apart:
                return
            if producer.is_open:
                producer.restart()
                producer.is_open = False
            while self._waiting:
                following = self._waiting.popleft()
                if following.set_running_or_notify_cancel():
                    following.set_result(producer)
                    return
            self._idle.append(producer)
            self._places += 1
