"""Producers: what makes an append safe to send again.

The server applies each sequence of a producer once, and remembers the answers of its last few requests. A client has as many
producers as it has appends on their way, each with one request at a time: so an append is never ahead of its turn, its answer is never
forgotten, and one that waits for its retry holds nobody up. Appends that are made one after another use the same producer.

Each stream of appends has a producer of its own, so it and other appends do not depend on each other. One that ended in order leaves
it to the next one. Only with a name, the stream is one turn of the one producer.

Sequences count per partition, so in a cluster a producer is of one partition. As long as it is not known whether there is a cluster, all
producers are those of one log; the first request that a producer makes of another partition is refused, and then the client asks.
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
from .cluster import Cluster
from .partitions import About

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


def producers_of(producer: object, concurrent_appends: object, cluster: Cluster) -> "Producers | None":
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
    return Producers(named, most, cluster) if producer else None


class Producing:
    """One producer as the client knows it, with one request at a time."""

    def __init__(self, named: Producer | None = None, is_apart: bool = False):
        self._named = named
        self.is_apart = is_apart
        """Whether it is of streams of appends alone."""
        self.id, self.epoch = (named.id, named.epoch) if named else (secrets.token_hex(16), 0)
        self.about = About()
        """What its last request was about that was applied."""
        self.partition: int | None = None
        """In a cluster, the partition that it is of; None if it was not used yet."""
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

    def __init__(self, named: Producer | None, most: int, cluster: Cluster):
        self._named, self._most, self._cluster = named, most, cluster
        self._lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        # In a cluster, those of each partition; else all of them, for no partition. The one that was used last is used first.
        self._idle: dict[int | None, list[Producing]] = {None: [] if self._named is None else [Producing(self._named)]}
        self._apart: dict[int | None, list[Producing]] = {}
        self._places = self._most
        self._waiting: deque[tuple[Future[Producing], About]] = deque()

    @contextmanager
    def _unforked(self) -> Iterator[None]:
        with self._lock:
            if self._process != os.getpid():
                # A process that was forked must not go on as its parent does.
                self._begin()
            yield

    def turn(self, about: About) -> Future[Producing]:
        """A producer for one append, once there is room; hand it back with `ended`."""
        turn: Future[Producing] = Future()
        with self._unforked():
            if self._places == 0:
                self._waiting.append((turn, about))
            else:
                self._places -= 1
                turn.set_result(self._taken(self._idle, about))
        return turn

    def stream(self) -> Future[Producing]:
        """A producer for a stream of appends, which is not one of those that are on their way, or a turn of the one with the name; hand it
        back with `ended`.
        """
        if self._named is not None:
            return self.turn(About())
        apart: Future[Producing] = Future()
        with self._unforked():
            idle = [producers for producers in self._apart.values() if producers]
            apart.set_result(idle[-1].pop() if idle else Producing(is_apart=True))
        return apart

    def exchanged(self, turn: Future[Producing], about: About) -> Future[Producing]:
        """The same turn with a producer of the partition that it is about, if that has another one."""
        producer = turn.result()
        with self._unforked():
            if self._partition_of(producer) == self._cluster.partition(about):
                return turn
            idle = self._apart if producer.is_apart else self._idle
            self._keep(idle, producer)
            other: Future[Producing] = Future()
            other.set_result(self._taken(idle, about, is_apart=producer.is_apart))
        return other

    def settled(self, turn: Future[Producing]) -> None:
        """A stream of appends ended in order, with an outcome for each of them: its producer is as good for the next one."""
        producer = turn.result()
        with self._unforked():
            if producer.is_apart and sum(map(len, self._apart.values())) < MOST_APART:
                self._keep(self._apart, producer)

    def ended(self, turn: Future[Producing]) -> None:
        """The append is over, or does not wait for its turn any more.

        If it is not known what became of its request, the producer takes a new epoch: that keeps the server from taking the next
        request for this one, and from applying what may still be on its way.
        """
        with self._lock:
            if turn.cancel():
                self._waiting = deque(each for each in self._waiting if each[0] is not turn)
                return
            producer = turn.result()
            if producer.is_apart:
                return
            if producer.is_open:
                producer.restart()
                producer.is_open = False
            self._keep(self._idle, producer)
            while self._waiting:
                following, about = self._waiting.popleft()
                if following.set_running_or_notify_cancel():
                    following.set_result(self._taken(self._idle, about))
                    return
            self._places += 1

    def _partition_of(self, producer: Producing) -> int | None:
        """The partition that a producer is of; None if it can be that of any partition."""
        if producer.partition is None:
            producer.partition = self._cluster.partition(producer.about)
        return producer.partition

    def _keep(self, idle: dict[int | None, list[Producing]], producer: Producing) -> None:
        idle.setdefault(self._partition_of(producer), []).append(producer)

    def _taken(self, idle: dict[int | None, list[Producing]], about: About, *, is_apart: bool = False) -> Producing:
        partition = self._cluster.partition(about)
        if partition is not None:
            # Some may be from before the partitions were known.
            for each in idle.pop(None, []):
                self._keep(idle, each)
        found = idle.get(partition) or idle.get(None)
        producer = found.pop() if found else Producing(self._named, is_apart)
        if self._named is not None and producer.partition is None:
            # Before the partitions were known, an append may have begun a later epoch than the one that was given.
            producer.epoch = max([producer.epoch, *(each.epoch for kept in idle.values() for each in kept)])
        producer.partition = partition
        return producer
