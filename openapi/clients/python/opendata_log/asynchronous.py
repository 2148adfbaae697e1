"""The client for asyncio."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Mapping
from contextlib import aclosing
from types import MappingProxyType, TracebackType
from typing import Any, Self, TypeVar

import httpx
from httpx_sse import EventSource

from . import append_many_async as streams
from . import arguments
from .appended import Appended, AppendPart
from .appending import OUTSTANDING, OUTSTANDING_BYTES, Appending, Demands
from .calls import VISIBILITIES, Calls
from .cluster import Cluster
from .connections import Settings, is_a_stream
from .consumers import AsyncConsumer, Progress
from .cursors import Cursor, CursorMove
from .generated.models import ScanVisibility
from .opening import Opening
from .producers import Producer, Producing, producers_of
from .records import Page, Record, RecordToAppend, Segment
from .retry import Retry
from .seen import Seen
from .selection import Selection, kept
from .session import Place
from .steps import Ask, Await, Call, Done, Found, Listen, NextEvent, Pause, Running, Step
from .trimmed import OnTrimmed, taker, warn, without_notices
from .unordered import UnorderedPage

T = TypeVar("T")


class AsyncLogClient:
    """A client of one server, for asyncio: `LogClient` with `await` and `async for`. It belongs to one event loop.

    An append that is cancelled may have been applied. Close a tail that is left before its end (`contextlib.aclosing`), or its
    connection stays open until it is collected.
    """

    def __init__(
        self, url: str, *, token: str | None = None, timeout: float = 60.0, retry: Retry = Retry(),
        tls: ssl.SSLContext | None = None, connections: int = 100, producer: bool | Producer = True,
        concurrent_appends: int | None = None, read_your_writes: bool = True, cluster: bool | None = None,
    ):
        """The arguments are those of `LogClient`."""
        self._settings = Settings.checked(url, token, timeout, tls, connections)
        self._cluster = Cluster(self._settings.url, cluster)
        self._seen = Seen(read_your_writes, self._cluster)
        self._retry = arguments.instance("retry", retry, Retry)
        self._producers = producers_of(producer, concurrent_appends, self._cluster)
        self._calls = Calls(self._settings.url, self._retry, self._producers, self._seen, self._cluster)
        self._opening = Opening(self._settings, self._retry, self._cluster)
        self._requests = httpx.AsyncClient(**self._settings.for_requests())
        self._waiting = httpx.AsyncClient(**self._settings.for_waiting())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes its connections."""
        await self._requests.aclose()
        await self._waiting.aclose()

    @property
    def at_least(self) -> int:
        """See `LogClient.at_least`."""
        return self._seen.below

    def remember(self, at_least: int) -> None:
        """See `LogClient.remember`."""
        self._seen.advance(arguments.whole("at_least", at_least))

    async def append(
        self, records: Iterable[RecordToAppend], *, await_durable: bool = False,
        if_no_record_since: Mapping[bytes, int] | None = None, cursors: Iterable[CursorMove] | None = None,
    ) -> Appended:
        """See `LogClient.append`."""
        return await self._result(self._calls.append(records, await_durable, if_no_record_since, cursors))

    async def append_split(
        self, records: Iterable[RecordToAppend], *, await_durable: bool = False,
        if_no_record_since: Mapping[bytes, int] | None = None, cursors: Iterable[CursorMove] | None = None,
    ) -> list[AppendPart]:
        """See `LogClient.append_split`."""
        return await self._result(self._calls.append_split(records, await_durable, if_no_record_since, cursors))

    def append_many(
        self, appends: Iterable[Iterable[RecordToAppend]] | AsyncIterable[Iterable[RecordToAppend]], *, await_durable: bool = False,
        if_no_record_since: Mapping[bytes, int] | None = None, cursors: Iterable[CursorMove] | None = None,
        outstanding: int = OUTSTANDING, outstanding_bytes: int = OUTSTANDING_BYTES,
    ) -> AsyncGenerator[Appended, None]:
        """See `LogClient.append_many`. Close one that is left before its end.

        The appends may also come from an `AsyncIterable`. An iterable that is none must not wait: it would block the event loop.
        """
        demands = Demands.checked(await_durable, if_no_record_since, cursors, outstanding, outstanding_bytes)
        return self._append_many(arguments.appends(appends), demands)

    def scan(
        self, key: Selection, *, start: int = 0, end: int | None = None, page: int = 1000,
        visibility: ScanVisibility = "memory", start_time_ms: int | None = None, at_least: int | None = None,
        partition: int | None = None, on_trimmed: OnTrimmed | None = None,
    ) -> AsyncIterator[Record]:
        """See `LogClient.scan`."""
        return self._each(self._calls.scan(key, start, end, page, visibility, start_time_ms, at_least, partition), taker(on_trimmed))

    def scan_unordered(
        self, prefix: bytes, *, positions: Mapping[int, int] = MappingProxyType({}), page: int = 1000,
        visibility: ScanVisibility = "memory", start_time_ms: int | None = None, partition: int | None = None,
    ) -> AsyncIterator[UnorderedPage]:
        """See `LogClient.scan_unordered`."""
        return self._each(self._calls.scan_unordered(prefix, positions, page, visibility, start_time_ms, partition))

    async def last(
        self, key: bytes, count: int, *, visibility: ScanVisibility = "memory", start_time_ms: int | None = None,
        at_least: int | None = None,
    ) -> Page:
        """See `LogClient.last`."""
        return await self._result(self._calls.last(key, count, visibility, start_time_ms, at_least))

    async def follow_once(
        self, key: Selection, *, start: int = 0, limit: int = 1000, wait: float = 30.0, visibility: ScanVisibility = "memory",
        at_least: int | None = None, partition: int | None = None,
    ) -> Page:
        """See `LogClient.follow_once`."""
        return await self._result(self._calls.follow_once(key, start, limit, wait, visibility, at_least, partition))

    def tail(
        self, key: Selection, *, start: int = 0, end: int | None = None, visibility: ScanVisibility = "memory",
        start_time_ms: int | None = None, at_least: int | None = None, partition: int | None = None, on_trimmed: OnTrimmed | None = None,
    ) -> AsyncIterator[Record]:
        """See `LogClient.tail`."""
        return self._each(self._calls.tail(key, start, end, visibility, start_time_ms, at_least, partition), taker(on_trimmed))

    async def count(
        self, key: bytes, *, start: int = 0, end: int | None = None, at_least: int | None = None, on_trimmed: OnTrimmed | None = None,
    ) -> int:
        """See `LogClient.count`."""
        tell = taker(on_trimmed)
        records, trimmed = await self._result(self._calls.count(key, start, end, at_least))
        if trimmed is not None:
            tell(trimmed)
        return records

    def keys(self, *, prefix: bytes = b"", page: int = 1000, at_least: int | None = None, partition: int | None = None) -> AsyncIterator[bytes]:
        """See `LogClient.keys`."""
        return self._each(self._calls.keys(prefix, page, at_least, partition))

    async def segments(self, *, start: int = 0, end: int | None = None, partition: int | None = None) -> list[Segment]:
        """See `LogClient.segments`."""
        return await self._result(self._calls.segments(start, end, partition))

    async def trim_before(self, sequence: int, *, partition: int | None = None) -> int:
        """See `LogClient.trim_before`."""
        return await self._result(self._calls.trim_before(sequence, partition))

    async def trim_before_time(self, time_ms: int, *, partition: int | None = None) -> int:
        """See `LogClient.trim_before_time`."""
        return await self._result(self._calls.trim_before_time(time_ms, partition))

    async def delete_key(self, key: bytes, before_seq: int | None = None) -> int:
        """See `LogClient.delete_key`."""
        return await self._result(self._calls.delete_key(key, before_seq))

    async def cursor(self, name: str) -> Cursor | None:
        """See `LogClient.cursor`."""
        return await self._result(self._calls.cursor(name))

    def cursors(self, *, prefix: str = "", partition: int | None = None) -> AsyncIterator[Cursor]:
        """See `LogClient.cursors`."""
        return self._each(self._calls.cursors(prefix, partition))

    async def move_cursor(self, name: str, position: int, *, expected: int | None = None) -> Cursor:
        """See `LogClient.move_cursor`."""
        return await self._result(self._calls.move_cursor(name, position, expected))

    async def delete_cursor(self, name: str) -> bool:
        """See `LogClient.delete_cursor`."""
        return await self._result(self._calls.delete_cursor(name))

    async def consume(
        self, key: Selection, cursor: str, *, limit: int = 1000, auto_commit: bool = False,
        visibility: ScanVisibility = "memory", partition: int | None = None,
    ) -> AsyncConsumer:
        """See `LogClient.consume`; with `async for` and `await consumer.commit()`."""
        progress = Progress(
            kept(key), cursor, arguments.whole("limit", limit, least=1), arguments.flag("auto_commit", auto_commit),
            arguments.one_of("visibility", visibility, VISIBILITIES), arguments.whole_or_none("partition", partition))
        found = await self.cursor(cursor)
        return AsyncConsumer(self, progress, 0 if found is None else found.position)

    async def _append_many(
        self, appends: Iterable[Iterable[RecordToAppend]] | AsyncIterable[Iterable[RecordToAppend]], demands: Demands,
    ) -> AsyncGenerator[Appended, None]:
        turn = None if self._producers is None else self._producers.stream()
        try:
            producer: Producing | None = None
            if turn is not None:
                producer = turn.result() if turn.done() else await asyncio.wrap_future(turn)
            appending = Appending(self._settings.url, self._retry, self._seen, producer, demands)

            async def place() -> Place:
                nonlocal turn
                found, turn = await self._result(self._calls.place(appending, turn))
                return found

            async with aclosing(streams.asynchronous(appending, appends, self._opening, self._settings.timeout, place)) as outcomes:
                async for outcome in outcomes:
                    yield outcome
            if turn is not None and self._producers is not None:
                self._producers.settled(turn)
        finally:
            if turn is not None and self._producers is not None:
                self._producers.ended(turn)

    async def _result(self, call: Call[T]) -> T:
        running = Running(call)
        try:
            ended = await self._until_found(running)
        finally:
            running.end()
        assert isinstance(ended, Done)
        return ended.value

    async def _each(self, call: Call[None], on_trimmed: OnTrimmed = warn) -> AsyncIterator[Any]:
        running = Running(call)
        try:
            while isinstance(found := await self._until_found(running), Found):
                for item in without_notices(found.items, on_trimmed):
                    yield item
        finally:
            running.end()
            await self._close(running)

    async def _until_found(self, running: Running[T]) -> Found | Done[T]:
        step: Step | Done[T] = running.went(None)
        while not isinstance(step, (Found, Done)):
            try:
                result = await self._do(step, running)
            except httpx.RequestError as error:
                step = running.failed(error)
            else:
                step = running.went(result)
        return step

    async def _do(self, step: Ask | Listen | NextEvent | Pause | Await, running: Running[T]) -> object:
        match step:
            case Ask():
                client = self._waiting if step.wait > 0 else self._requests
                return await client.send(self._settings.request(client, step))
            case Listen():
                await self._close(running)
                response = await self._waiting.send(self._settings.request(self._waiting, step), stream=True)
                running.response = response
                if is_a_stream(response):
                    running.events = EventSource(response).aiter_sse()
                else:
                    await response.aread()
                return response
            case NextEvent():
                return await anext(running.events, None)
            case Pause():
                await asyncio.sleep(step.seconds)
                return None
            case Await():
                # Mostly it is there already.
                return step.future.result() if step.future.done() else await asyncio.wrap_future(step.future)

    async def _close(self, running: Running[T]) -> None:
        if running.events is not None:
            await running.events.aclose()
            running.events = None
        if running.response is not None:
            await running.response.aclose()
