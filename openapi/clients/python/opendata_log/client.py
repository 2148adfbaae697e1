"""The client that blocks."""

import ssl
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from types import MappingProxyType, TracebackType
from typing import Any, Self, TypeVar

import httpx
from httpx_sse import EventSource

from . import append_many as streams
from . import arguments
from .appended import Appended, AppendPart
from .appending import OUTSTANDING, OUTSTANDING_BYTES, Appending, Demands
from .calls import VISIBILITIES, Calls
from .cluster import Cluster
from .connections import Settings, is_a_stream
from .consumers import Consumer, Progress
from .cursors import Cursor, CursorMove
from .generated.models import ScanVisibility
from .opening import Opening
from .producers import Producer, producers_of
from .records import Page, Record, RecordToAppend, Segment
from .retry import Retry
from .seen import Seen
from .selection import Selection, kept
from .session import Place
from .steps import Ask, Await, Call, Done, Found, Listen, NextEvent, Pause, Running, Step
from .trimmed import OnTrimmed, taker, warn, without_notices
from .unordered import UnorderedPage

T = TypeVar("T")


class LogClient:
    """A client of one server. It may be shared by threads. `AsyncLogClient` is the same for asyncio.

    Arguments are checked before anything is sent: a wrong one is a `TypeError` or a `ValueError`.
    """

    def __init__(
        self, url: str, *, token: str | None = None, timeout: float = 60.0, retry: Retry = Retry(),
        tls: ssl.SSLContext | None = None, connections: int = 100, producer: bool | Producer = True,
        concurrent_appends: int | None = None, read_your_writes: bool = True, cluster: bool | None = None,
    ):
        """`url` is the server's, `token` one of its token file; `timeout` is for silence, in seconds.

        `tls` says which certificates are trusted: `ssl.create_default_context(cafile="ca.pem")`, for a private authority. No
        more than `connections` requests are sent at a time; others wait for `timeout`. Tails and follows do not count.

        Appends are applied exactly once, as those of producers with names of their own; `producer=False` sends them without, for
        servers that know no producers, and a `Producer` gives the name. Up to `concurrent_appends` (100) are on their way at a time; with 1,
        and with a name, they are applied in the order in which they are called.

        The client remembers up to where it appended (with `await_durable`) and read, as far as that is durable, and its reads wait until
        the server shows that much, which matters with read-only servers: see `at_least`. `read_your_writes=False` switches that off.

        In a cluster, each request goes to the node that serves its partition, at the URL that the cluster tells, and with it the token. The
        client asks for these URLs when an answer shows that there is a cluster; with `cluster=True`, before its first request. With `cluster=False`,
        all requests go to `url`, and the server there passes them on. Reads by a prefix without a whole tag, `keys`, `segments`, trims and `cursors`
        are about one `partition` then.
        """
        self._settings = Settings.checked(url, token, timeout, tls, connections)
        self._cluster = Cluster(self._settings.url, cluster)
        self._seen = Seen(read_your_writes, self._cluster)
        self._retry = arguments.instance("retry", retry, Retry)
        self._producers = producers_of(producer, concurrent_appends, self._cluster)
        self._calls = Calls(self._settings.url, self._retry, self._producers, self._seen, self._cluster)
        self._opening = Opening(self._settings, self._retry, self._cluster)
        self._requests = httpx.Client(**self._settings.for_requests())
        self._waiting = httpx.Client(**self._settings.for_waiting())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes its connections."""
        self._requests.close()
        self._waiting.close()

    @property
    def at_least(self) -> int:
        """What this client has appended or read, and no crash can undo, is below this sequence: its later reads show at least that much.

        To have another client or process see as much, give this to its `remember`, or to one of its reads as `at_least`. A read that is
        given `at_least` waits for that in place of what the client remembers; with 0, it does not wait. One that waited for too long is
        sent again as other reads are, and then raises `Behind`.

        In a cluster, sequences count per partition, and this is 0.
        """
        return self._seen.below

    def remember(self, at_least: int) -> None:
        """From now on, reads of this client show at least everything below this sequence: the `at_least` of another client."""
        self._seen.advance(arguments.whole("at_least", at_least))

    def append(
        self, records: Iterable[RecordToAppend], *, await_durable: bool = False,
        if_no_record_since: Mapping[bytes, int] | None = None, cursors: Iterable[CursorMove] | None = None,
    ) -> Appended:
        """Appends pairs of key and value, or those with headers as a third, whole or not at all, and exactly once.

        With `if_no_record_since={key: sequence}` only if none of these keys has a record with this sequence or a higher one (0: it has
        no record); otherwise this raises `Conflict`. `cursors` are moved in the same commit, each from where it is expected, or nothing
        is applied and this raises `Conflict`, too.

        What was certainly not applied is sent again up to `Retry.attempts` times. What may have been applied is sent again for
        `Retry.patience` seconds: the server applies it once. Only then this raises `OutcomeUnknown`.
        """
        return self._result(self._calls.append(records, await_durable, if_no_record_since, cursors))

    def append_split(
        self, records: Iterable[RecordToAppend], *, await_durable: bool = False,
        if_no_record_since: Mapping[bytes, int] | None = None, cursors: Iterable[CursorMove] | None = None,
    ) -> list[AppendPart]:
        """Appends records of any partitions of a cluster. The server splits them: each part is applied whole or not at all. Returns all parts.

        Keys of `if_no_record_since` and `cursors` must be in a partition of one of the records. It has no producer, so what may have been applied
        is not sent again: this raises `OutcomeUnknown`. If some parts were applied and others were not, it raises `PartlyApplied`. Both have
        `parts`, which say what became of each. After any other error, nothing was applied. A log that is not clustered has one part.
        """
        return self._result(self._calls.append_split(records, await_durable, if_no_record_since, cursors))

    def append_many(
        self, appends: Iterable[Iterable[RecordToAppend]], *, await_durable: bool = False,
        if_no_record_since: Mapping[bytes, int] | None = None, cursors: Iterable[CursorMove] | None = None,
        outstanding: int = OUTSTANDING, outstanding_bytes: int = OUTSTANDING_BYTES,
    ) -> Generator[Appended, None, None]:
        """Appends what an iterable gives: each item is an append of its own, as for `append`, and has an outcome of its own, in the same order.

        For many small appends at the highest rate: they are sent on one request, an append session, without waiting for answers. Appends are
        taken only as long as fewer than `outstanding`, with fewer than `outstanding_bytes`, have no outcome yet. What is demanded holds for
        each of them.

        The iterable is iterated in a thread of its own, from the first outcome that is asked for on. It may wait for as long as it likes: what
        it gave is sent and answered meanwhile. If this ends before the iterable, that thread ends when the iterable gives its next item.

        They are applied once and in their order: all of them have a producer of their own, which does not depend on other appends of this
        client. When a session breaks, another one is opened, and everything without an outcome is sent again, for up to `Retry.patience`; then
        `Appended.start` may be None for appends that had been applied. A server that opens no session at all is given up after
        `Retry.attempts`.

        It ends with the error of an append, which is raised at its place. Nothing behind an append that was refused is applied. If its outcome
        is unknown, those behind it may have been applied, too: the message says how many. With `producer=False`, so may those behind one that
        was refused, and when a session breaks, this raises `OutcomeUnknown`. With a named `Producer`, other appends of this client wait until it
        ends or is closed. A read-only server has no sessions: `NotWriter`. In a cluster, all of them must be of the partition of the first one; one
        that is not is refused.
        """
        demands = Demands.checked(await_durable, if_no_record_since, cursors, outstanding, outstanding_bytes)
        return self._append_many(iter(arguments.appends(appends)), demands)

    def scan(
        self, key: Selection, *, start: int = 0, end: int | None = None, page: int = 1000,
        visibility: ScanVisibility = "memory", start_time_ms: int | None = None, at_least: int | None = None,
        partition: int | None = None, on_trimmed: OnTrimmed | None = None,
    ) -> Iterator[Record]:
        """The records of `key` with sequences from `start` up to, not including, `end`, read page by page.

        With `Keys([…])` or a `Prefix` in place of a key, those of several keys are read in one order, each with its `key`.

        Those before the first one that was appended at or after `start_time_ms` are skipped. With the visibility `durable` only
        what is on object storage is read. `at_least` is what must be shown, in place of `LogClient.at_least`.

        If records of the range had been trimmed, `on_trimmed` is called with a `Trimmed`, before the next record. Without
        it, that is logged as a warning (the logger is `opendata_log`).
        """
        return self._each(self._calls.scan(key, start, end, page, visibility, start_time_ms, at_least, partition), taker(on_trimmed))

    def scan_unordered(
        self, prefix: bytes, *, positions: Mapping[int, int] = MappingProxyType({}), page: int = 1000,
        visibility: ScanVisibility = "memory", start_time_ms: int | None = None, partition: int | None = None,
    ) -> Iterator[UnorderedPage]:
        """The records of all keys that begin with `prefix`, of all partitions of a cluster, page by page, to the end of each partition: those of
        a partition in their order, and in no order between partitions.

        It begins at `positions`, and at the start of the partitions that are not in it. They are the `positions` of the last page that was
        processed: a client that keeps them sees each record once, across restarts, and while partitions move.

        With `partition`, or a prefix with a whole tag, that partition alone is read. A log that is not clustered has partition 0 alone.
        """
        return self._each(self._calls.scan_unordered(prefix, positions, page, visibility, start_time_ms, partition))

    def last(
        self, key: bytes, count: int, *, visibility: ScanVisibility = "memory", start_time_ms: int | None = None,
        at_least: int | None = None,
    ) -> Page:
        """The last `count` records of `key`, in order; and where a tail continues.

        With `start_time_ms`, only those from the first one on that was appended at that time or later. The server limits a page (to 10,000
        records and 8 MiB by default): of more, the newest come. If reading them takes too long, too: then the page says so with `more`.
        """
        return self._result(self._calls.last(key, count, visibility, start_time_ms, at_least))

    def follow_once(
        self, key: Selection, *, start: int = 0, limit: int = 1000, wait: float = 30.0, visibility: ScanVisibility = "memory",
        at_least: int | None = None, partition: int | None = None,
    ) -> Page:
        """The next records of `key` as soon as there are any, or none after `wait` seconds; and where to continue.

        A long wait takes several requests. If records from `start` on had been trimmed, the page says so: `Page.trimmed_before`.
        """
        return self._result(self._calls.follow_once(key, start, limit, wait, visibility, at_least, partition))

    def tail(
        self, key: Selection, *, start: int = 0, end: int | None = None, visibility: ScanVisibility = "memory",
        start_time_ms: int | None = None, at_least: int | None = None, partition: int | None = None, on_trimmed: OnTrimmed | None = None,
    ) -> Iterator[Record]:
        """The records of `key`, each as it arrives, without an end or up to `end`; the rest is as for `scan`.

        A connection that breaks is made anew, and continues exactly after the last record that came. It ends with an error when
        the server has not answered for `Retry.patience`.

        `on_trimmed` is called, or a warning is logged, also when a trim overtakes the tail. An error that it raises ends the tail.
        """
        return self._each(self._calls.tail(key, start, end, visibility, start_time_ms, at_least, partition), taker(on_trimmed))

    def count(
        self, key: bytes, *, start: int = 0, end: int | None = None, at_least: int | None = None, on_trimmed: OnTrimmed | None = None,
    ) -> int:
        """How many records `key` has in a range of sequences. Those that were trimmed do not count.

        If the range begins before the floor, `on_trimmed` is called, or a warning is logged, as by `scan`.
        """
        tell = taker(on_trimmed)
        records, trimmed = self._result(self._calls.count(key, start, end, at_least))
        if trimmed is not None:
            tell(trimmed)
        return records

    def keys(self, *, prefix: bytes = b"", page: int = 1000, at_least: int | None = None, partition: int | None = None) -> Iterator[bytes]:
        """The distinct keys that begin with `prefix`, in byte order, read page by page."""
        return self._each(self._calls.keys(prefix, page, at_least, partition))

    def segments(self, *, start: int = 0, end: int | None = None, partition: int | None = None) -> list[Segment]:
        """The segments that overlap a range of sequences."""
        return self._result(self._calls.segments(start, end, partition))

    def trim_before(self, sequence: int, *, partition: int | None = None) -> int:
        """Trims the log: removes the records of all keys below `sequence` from every read. The right `admin` is needed. It returns
        the floor of the log: `sequence`, or a higher one that an earlier trim has set.

        A trim whose outcome is unknown is sent again, up to `Retry.attempts` times: a floor is never lowered. Only then this raises
        `OutcomeUnknown`; call it again.
        """
        return self._result(self._calls.trim_before(sequence, partition))

    def trim_before_time(self, time_ms: int, *, partition: int | None = None) -> int:
        """Trims the log by time: removes the oldest whole segments that have no record of `time_ms` (Unix ms) or later. It returns the
        floor of the log; the rest is as for `trim_before`.
        """
        return self._result(self._calls.trim_before_time(time_ms, partition))

    def delete_key(self, key: bytes, before_seq: int | None = None) -> int:
        """Deletes the records of `key` with sequences below `before_seq`, or all that it has, from every read. The right `admin` is
        needed. It returns the floor of the key, the first sequence that a record of it can still have. The server removes the
        records from storage later.

        With `before_seq`, a deletion whose outcome is unknown is sent again, up to `Retry.attempts` times. Without it, this raises
        `OutcomeUnknown` at once, as the same request would also delete what was appended meanwhile; call it again if that may go, too.
        """
        return self._result(self._calls.delete_key(key, before_seq))

    def cursor(self, name: str) -> Cursor | None:
        """The cursor of this name; None if there is none."""
        return self._result(self._calls.cursor(name))

    def cursors(self, *, prefix: str = "", partition: int | None = None) -> Iterator[Cursor]:
        """The cursors whose names begin with `prefix`, in byte order, read page by page."""
        return self._each(self._calls.cursors(prefix, partition))

    def move_cursor(self, name: str, position: int, *, expected: int | None = None) -> Cursor:
        """Moves a cursor, forward or back, or creates it. It returns when that is durable. The right `append` is needed.

        With `expected`, it is moved only if it is there; one that does not exist is at 0. Otherwise this raises `Conflict`. To move
        it together with results, give `append` a `CursorMove`.
        """
        return self._result(self._calls.move_cursor(name, position, expected))

    def delete_cursor(self, name: str) -> bool:
        """Deletes a cursor. It returns, when that is durable, whether there was one. The right `append` is needed."""
        return self._result(self._calls.delete_cursor(name))

    def consume(
        self, key: Selection, cursor: str, *, limit: int = 1000, auto_commit: bool = False,
        visibility: ScanVisibility = "memory", partition: int | None = None,
    ) -> Consumer:
        """Batches of up to `limit` records of `key`, from where the cursor is; from the beginning if there is none:

            consumer = client.consume(b"orders", "orders-projection")
            for batch in consumer:
                process(batch)
                consumer.commit()

        With `Keys([…])` or a `Prefix` in place of a key, the records of several keys come in one order, each with its `key`. With
        `auto_commit`, each batch is committed when the next one is asked for:

            for batch in client.consume(Prefix(b"orders/"), "orders-projection", auto_commit=True):
                process(batch)

        With the visibility `durable` it never processes what a crash of the server then undoes: for results that are outside of the log.
        """
        progress = Progress(
            kept(key), cursor, arguments.whole("limit", limit, least=1), arguments.flag("auto_commit", auto_commit),
            arguments.one_of("visibility", visibility, VISIBILITIES), arguments.whole_or_none("partition", partition))
        found = self.cursor(cursor)
        return Consumer(self, progress, 0 if found is None else found.position)

    def _append_many(self, appends: Iterator[Iterable[RecordToAppend]], demands: Demands) -> Generator[Appended, None, None]:
        turn = None if self._producers is None else self._producers.stream()
        try:
            producer = None if turn is None else turn.result()
            appending = Appending(self._settings.url, self._retry, self._seen, producer, demands)

            def place() -> Place:
                nonlocal turn
                found, turn = self._result(self._calls.place(appending, turn))
                return found

            yield from streams.blocking(appending, appends, self._opening, self._settings.timeout, place)
            if turn is not None and self._producers is not None:
                self._producers.settled(turn)
        finally:
            if turn is not None and self._producers is not None:
                self._producers.ended(turn)

    def _result(self, call: Call[T]) -> T:
        running = Running(call)
        try:
            ended = self._until_found(running)
        finally:
            running.end()
        assert isinstance(ended, Done)
        return ended.value

    def _each(self, call: Call[None], on_trimmed: OnTrimmed = warn) -> Iterator[Any]:
        running = Running(call)
        try:
            while isinstance(found := self._until_found(running), Found):
                yield from without_notices(found.items, on_trimmed)
        finally:
            running.end()
            self._close(running)

    def _until_found(self, running: Running[T]) -> Found | Done[T]:
        step: Step | Done[T] = running.went(None)
        while not isinstance(step, (Found, Done)):
            try:
                result = self._do(step, running)
            except httpx.RequestError as error:
                step = running.failed(error)
            else:
                step = running.went(result)
        return step

    def _do(self, step: Ask | Listen | NextEvent | Pause | Await, running: Running[T]) -> object:
        match step:
            case Ask():
                client = self._waiting if step.wait > 0 else self._requests
                return client.send(self._settings.request(client, step))
            case Listen():
                self._close(running)
                response = self._waiting.send(self._settings.request(self._waiting, step), stream=True)
                running.response = response
                if is_a_stream(response):
                    running.events = EventSource(response).iter_sse()
                else:
                    response.read()
                return response
            case NextEvent():
                return next(running.events, None)
            case Pause():
                time.sleep(step.seconds)
                return None
            case Await():
                return step.future.result()

    def _close(self, running: Running[T]) -> None:
        if running.response is not None:
            running.response.close()
