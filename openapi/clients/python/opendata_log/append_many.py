"""Streams of appends over the network: what sends and receives for `Appending`, blocking or with asyncio."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import httpcore
import httpx

from . import errors
from .appended import Appended
from .appending import Appending
from .connections import Settings
from .records import RecordToAppend
from .retry import Retry
from .session import Session, broken

FAILURES = (httpcore.NetworkError, httpcore.TimeoutException)

# Bytes that are read at a time.
PIECE = 64 * 1024

# Appends are collected for so long at most, if the next one comes by then.
COLLECT_SECONDS = 0.005

# Seconds that the server may take to end a session in which everything is answered.
END_SECONDS = 1.0


class _Connecting:
    """How sessions are opened."""

    def __init__(self, settings: Settings, retry: Retry):
        url = httpx.URL(settings.url)
        self.host, self.is_tls = url.host, url.scheme == "https"
        self.port = url.port or (443 if self.is_tls else 80)
        self.timeout, self.tls = settings.timeout, settings.tls
        if self.is_tls:
            # As httpx does it: a session is HTTP/1.1, whatever the context offers.
            self.tls.set_alpn_protocols(["http/1.1"])
        self._settings, self._retry = settings, retry

    def session(self) -> Session:
        """One that is not open yet."""
        return Session(self._settings.url, self._settings.headers, self._retry)

    def check(self, session: Session, data: bytes) -> None:
        """Takes what came of a session that is being opened; raises why it is not opened."""
        # No append was sent yet that could be answered.
        for _ in session.receive(data):
            raise errors.UnexpectedAnswer("an answer that no log server gives")
        if isinstance(session.failure, errors.OutcomeUnknown):
            raise self.unavailable(session.failure.message)
        if session.failure is not None:
            raise session.failure
        if session.has_ended:
            raise self.unavailable("the server ended it")

    def unavailable(self, why: str) -> errors.Unavailable:
        """A session that was not opened."""
        return errors.Unavailable(f"no session can be opened: {why}", retry_after=self._retry.pause)


def blocking(
    appending: Appending, appends: Iterator[Iterable[RecordToAppend]], settings: Settings, retry: Retry,
) -> Iterator[Appended]:
    """The outcomes of a stream of appends."""
    connecting = _Connecting(settings, retry)
    stream: httpcore.NetworkStream | None = None
    try:
        while not appending.is_over:
            session = appending.session
            if session is None and stream is not None:
                stream.close()
                stream = None
            try:
                if session is None and appending.is_waiting:
                    session, stream = _opened(connecting)
                    appending.opened(session)
            except errors.LogError as error:
                time.sleep(appending.failed(error))
                continue
            try:
                data = None if stream is None or session is None else _exchanged(appending, session, stream, connecting.timeout)
            except FAILURES as error:
                time.sleep(appending.broke(broken(_reason(error))))
                continue
            if data is None:
                _take(appending, appends)
                continue
            for came in appending.received(data):
                if isinstance(came, Appended):
                    yield came
                else:
                    time.sleep(came)
        if stream is not None and appending.session is not None:
            _finished(appending.session, stream)
    finally:
        if stream is not None:
            stream.close()


def _exchanged(appending: Appending, session: Session, stream: httpcore.NetworkStream, timeout: float) -> bytes | None:
    """Sends what is to be sent. What came, if anything did or nothing else can be done than wait for it.

    While an append waits for its answer, those behind it are collected for a moment: what arrives together is committed together.
    """
    if appending.has_room and appending.is_sent and session.collects(PIECE, COLLECT_SECONDS):
        return None
    if stream.get_extra_info("is_readable"):
        return stream.read(PIECE, timeout)
    stream.write(session.take(), timeout)
    if appending.has_room:
        return None
    return stream.read(PIECE, timeout)


def _take(appending: Appending, appends: Iterator[Iterable[RecordToAppend]]) -> None:
    try:
        records = next(appends)
    except StopIteration:
        appending.end()
    except Exception as error:
        # It is raised at its place.
        appending.end(error)
    else:
        appending.take(records)


def _opened(connecting: _Connecting) -> tuple[Session, httpcore.NetworkStream]:
    timeout, session = connecting.timeout, connecting.session()
    try:
        stream = httpcore.SyncBackend().connect_tcp(connecting.host, connecting.port, timeout)
    except FAILURES as error:
        raise connecting.unavailable(_reason(error)) from error
    try:
        if connecting.is_tls:
            stream = stream.start_tls(connecting.tls, connecting.host, timeout)
        stream.write(session.take(), timeout)
        while not session.is_open:
            connecting.check(session, stream.read(PIECE, timeout))
    except FAILURES as error:
        stream.close()
        raise connecting.unavailable(_reason(error)) from error
    except BaseException:
        stream.close()
        raise
    return session, stream


def _finished(session: Session, stream: httpcore.NetworkStream) -> None:
    """Everything is answered: ends the session in order. However that ends, all is known."""
    with suppress(*FAILURES):
        stream.write(session.take(), END_SECONDS)
        while not session.has_ended and session.failure is None:
            for _ in session.receive(stream.read(PIECE, END_SECONDS)):
                return


async def asynchronous(
    appending: Appending, appends: Iterable[Iterable[RecordToAppend]] | AsyncIterable[Iterable[RecordToAppend]], settings: Settings,
    retry: Retry,
) -> AsyncGenerator[Appended, None]:
    """As `blocking`, for asyncio."""
    connecting = _Connecting(settings, retry)
    taking = _Taking(appending, appends)
    stream: httpcore.AsyncNetworkStream | None = None
    reading: asyncio.Task[bytes] | None = None
    heard = time.monotonic()
    try:
        while not appending.is_over:
            if appending.session is None:
                await _closed(stream, reading)
                stream = reading = None
            taking.take()
            try:
                if appending.session is None and appending.is_waiting:
                    session, stream = await _opened_async(connecting)
                    appending.opened(session)
                    heard = time.monotonic()
                if stream is not None and appending.session is not None:
                    await stream.write(appending.session.take(), connecting.timeout)
                    reading = reading or asyncio.create_task(stream.read(PIECE))
                was_waiting = appending.is_waiting
                left = heard + connecting.timeout - time.monotonic() if was_waiting and reading else None
                data = await taking.until(reading, left)
            except errors.LogError as error:
                await asyncio.sleep(appending.failed(error))
                continue
            except FAILURES as error:
                await asyncio.sleep(appending.broke(broken(_reason(error))))
                continue
            if data is None:
                if not was_waiting:
                    # The server had nothing to answer, however long the appends paused.
                    heard = time.monotonic()
                continue
            reading = None
            for came in appending.received(data):
                if isinstance(came, Appended):
                    yield came
                else:
                    await asyncio.sleep(came)
            heard = time.monotonic()
        if stream is not None and appending.session is not None:
            await _finished_async(appending.session, stream, reading)
    finally:
        await taking.stop()
        await _closed(stream, reading)


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
            _take(self._appending, self._here)

    async def until(self, reading: asyncio.Task[bytes] | None, seconds: float | None) -> bytes | None:
        """Waits until something was read, which it returns, or taken."""
        if self._here is None:
            self._waiting = self._waiting or asyncio.create_task(self._taken.wait())
        waited = [task for task in (reading, self._waiting) if task is not None]
        if not waited:
            return None
        done, _ = await asyncio.wait(waited, timeout=None if seconds is None else max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED)
        if not done:
            raise httpcore.ReadTimeout
        if self._waiting in done:
            self._taken.clear()
            self._waiting = None
        return reading.result() if reading in done and reading is not None else None

    async def stop(self) -> None:
        """Takes no more."""
        await _cancelled(self._task)
        await _cancelled(self._waiting)

    async def _take_all(self, appends: AsyncIterable[Iterable[RecordToAppend]]) -> None:
        try:
            async for records in appends:
                self._appending.take(records)
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


async def _opened_async(connecting: _Connecting) -> tuple[Session, httpcore.AsyncNetworkStream]:
    timeout, session = connecting.timeout, connecting.session()
    try:
        stream = await httpcore.AnyIOBackend().connect_tcp(connecting.host, connecting.port, timeout)
    except FAILURES as error:
        raise connecting.unavailable(_reason(error)) from error
    try:
        if connecting.is_tls:
            stream = await stream.start_tls(connecting.tls, connecting.host, timeout)
        await stream.write(session.take(), timeout)
        while not session.is_open:
            connecting.check(session, await stream.read(PIECE, timeout))
    except FAILURES as error:
        await stream.aclose()
        raise connecting.unavailable(_reason(error)) from error
    except BaseException:
        await stream.aclose()
        raise
    return session, stream


async def _finished_async(session: Session, stream: httpcore.AsyncNetworkStream, reading: asyncio.Task[bytes] | None) -> None:
    with suppress(*FAILURES, TimeoutError):
        async with asyncio.timeout(END_SECONDS):
            await stream.write(session.take())
            data = await reading if reading is not None else await stream.read(PIECE)
            while not [*session.receive(data)] and not session.has_ended and session.failure is None:
                data = await stream.read(PIECE)


async def _closed(stream: httpcore.AsyncNetworkStream | None, reading: asyncio.Task[bytes] | None) -> None:
    await _cancelled(reading)
    if stream is not None:
        await stream.aclose()


async def _cancelled(task: asyncio.Task[Any] | None) -> None:
    """Ends a task; what it ended with does not matter any more."""
    if task is not None:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()


def _reason(error: Exception) -> str:
    if isinstance(error, httpcore.TimeoutException):
        return "there was silence for too long"
    return str(error) or type(error).__name__
