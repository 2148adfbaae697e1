"""Streams of appends over the network, for asyncio: what sends and receives for `Appending`."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import httpcore

from .append_many import END_SECONDS
from .appended import Appended
from .appending import Appending
from .errors import LogError
from .opening import FAILURES, PIECE, Opening, reason
from .records import RecordToAppend
from .session import Place, Session, broken

# A piece that took longer to be written had to wait for the other side.
WAITED_SECONDS = 0.01


async def asynchronous(
    appending: Appending, appends: Iterable[Iterable[RecordToAppend]] | AsyncIterable[Iterable[RecordToAppend]], opening: Opening,
    timeout: float, place: Callable[[], Awaitable[Place]],
) -> AsyncGenerator[Appended, None]:
    """The outcomes of a stream of appends. `place` says where the next session is opened."""
    taking = _Taking(appending, appends)
    connection: _Connection | None = None
    heard = time.monotonic()
    try:
        while not appending.is_over:
            if appending.session is None and connection is not None:
                await connection.close()
                connection = None
            taking.take()
            was_waiting = appending.is_waiting
            try:
                if connection is None and was_waiting:
                    session, stream = await opening.asynchronous(await place())
                    connection = _Connection(stream, timeout)
                    appending.opened(session)
                    heard = time.monotonic()
                data = None
                if connection is None:
                    await taking.until()
                elif appending.session is not None:
                    left = max(heard, connection.moved) + timeout - time.monotonic() if was_waiting else None
                    await taking.until(*connection.going_on(appending.session), seconds=left)
                    data = connection.received()
            except LogError as error:
                await asyncio.sleep(appending.failed(error))
                continue
            except (*FAILURES, TimeoutError) as error:
                await asyncio.sleep(appending.broke(broken(reason(error))))
                continue
            if data is not None:
                for came in appending.received(data):
                    if isinstance(came, Appended):
                        yield came
                    else:
                        await asyncio.sleep(came)
            if data is not None or not was_waiting:
                # The server had nothing to answer, however long the appends paused.
                heard = time.monotonic()
        if connection is not None and appending.session is not None:
            await connection.finish(appending.session)
    finally:
        await taking.stop()
        if connection is not None:
            await connection.close()


class _Taking:
    """Takes appends as long as there is room: those of an `AsyncIterable` in a task of its own."""

    def __init__(self, appending: Appending, appends: Iterable[Iterable[RecordToAppend]] | AsyncIterable[Iterable[RecordToAppend]]):
        self._appending = appending
        self._room, self._taken = asyncio.Event(), asyncio.Event()
        self._waiting: asyncio.Task[bool] | None = None
        self._here: Iterator[Iterable[RecordToAppend]] | None = None
        self._task: asyncio.Task[None] | None = None
        if isinstance(appends, AsyncIterable):
            self._task = asyncio.create_task(self._take_all(appends))
        else:
            self._here = iter(appends)

    def take(self) -> None:
        """There may be room."""
        if self._here is None:
            if self._appending.has_room:
                self._room.set()
            return
        while self._appending.has_room:
            try:
                append = self._appending.made(next(self._here))
            except StopIteration:
                self._appending.end()
            except Exception as error:
                # It is raised at its place.
                self._appending.end(error)
            else:
                self._appending.take(append)

    async def until(self, *tasks: asyncio.Task[Any], seconds: float | None = None) -> None:
        """Waits until one of these is done, or something was taken; raises `TimeoutError` after so many seconds."""
        waited = {*tasks}
        if self._here is None:
            self._waiting = self._waiting or asyncio.create_task(self._taken.wait())
            waited.add(self._waiting)
        if not waited:
            return
        done, _ = await asyncio.wait(waited, timeout=None if seconds is None else max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED)
        if not done:
            raise TimeoutError
        if self._waiting in done:
            self._taken.clear()
            self._waiting = None

    async def stop(self) -> None:
        """Takes no more."""
        await _cancelled(self._task)
        await _cancelled(self._waiting)

    async def _take_all(self, appends: AsyncIterable[Iterable[RecordToAppend]]) -> None:
        try:
            async for records in appends:
                self._appending.take(self._appending.made(records))
                self._taken.set()
                while not self._appending.has_room:
                    self._room.clear()
                    await self._room.wait()
        except (Exception, asyncio.CancelledError) as error:
            # It is raised at its place; also if what the appends wait for was cancelled.
            self._appending.end(error)
        else:
            self._appending.end()
        self._taken.set()


class _Connection:
    """The connection of a session that is open: it reads and writes at the same time."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, timeout: float):
        self._stream, self._timeout = stream, timeout
        self._is_tls = stream.get_extra_info("ssl_object") is not None
        self._reading = asyncio.create_task(stream.read(PIECE))
        self._writing: asyncio.Task[None] | None = None
        self._unsent = memoryview(b"")
        self.moved = 0.0
        """When it last wrote something that had to wait before: the other side is there, it only takes its time."""
        # Once it cannot write any more, what came before is still to be read: it may say why.
        self._failed: Exception | None = None

    def going_on(self, session: Session) -> list[asyncio.Task[Any]]:
        """Begins to send what is to be sent; what is under way."""
        # What is there is read first: a connection that cannot be written to any more forgets it. With TLS, it may be nothing to be read.
        is_readable = self._reading.done() or (not self._is_tls and self._stream.get_extra_info("is_readable"))
        if self._writing is None and self._failed is None and not is_readable:
            if not self._unsent:
                self._unsent = memoryview(session.take())
            if self._unsent:
                # A piece after the other: each of them has the time to be sent.
                piece, self._unsent = self._unsent[:PIECE], self._unsent[PIECE:]
                self._writing = asyncio.create_task(self._write(bytes(piece)))
        return [self._reading] if self._writing is None else [self._reading, self._writing]

    async def _write(self, piece: bytes) -> None:
        began = time.monotonic()
        await self._stream.write(piece, self._timeout)
        if time.monotonic() - began > WAITED_SECONDS:
            self.moved = time.monotonic()

    def received(self) -> bytes | None:
        """What came, if anything did."""
        if self._writing is not None and self._writing.done():
            try:
                self._writing.result()
            except FAILURES as error:
                self._failed = error
            self._writing = None
        if not self._reading.done():
            return None
        try:
            data = self._reading.result()
        except FAILURES as error:
            raise self._failed or error
        self._reading = asyncio.create_task(self._stream.read(PIECE))
        return data

    async def finish(self, session: Session) -> None:
        """Everything is answered: ends the session in order. However that ends, all is known."""
        with suppress(*FAILURES, TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                if self._writing is not None:
                    await self._writing
                await self._stream.write(bytes(self._unsent) + session.take())
                data = await self._reading
                while not [*session.receive(data)] and not session.has_ended and session.failure is None:
                    data = await self._stream.read(PIECE)

    async def close(self) -> None:
        """Closes it."""
        await _cancelled(self._writing)
        await _cancelled(self._reading)
        await self._stream.aclose()


async def _cancelled(task: asyncio.Task[Any] | None) -> None:
    """Ends a task; what it ended with does not matter any more."""
    if task is not None:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
