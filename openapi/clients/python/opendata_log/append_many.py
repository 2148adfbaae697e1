"""Streams of appends over the network: what sends and receives for `Appending`, and blocks. Appends are taken in a thread of their own."""

import contextvars
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from .appended import Appended
from .appending import Appending
from .errors import LogError
from .opening import PIECE, Opening, reason
from .records import RecordToAppend
from .session import Place, Session, broken

# Seconds that the server may take to end a session in which everything is answered.
END_SECONDS = 1.0

# A connection that would block, with TLS or without.
WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def blocking(
    appending: Appending, appends: Iterator[Iterable[RecordToAppend]], opening: Opening, timeout: float, place: Callable[[], Place],
) -> Iterator[Appended]:
    """The outcomes of a stream of appends. `place` says where the next session is opened."""
    taking = _Taking(appending, appends)
    stream = _Stream(appending, taking, opening, timeout, place)
    taking.start()
    try:
        yield from stream.outcomes()
    finally:
        taking.stop()
        stream.close()


class _Taking:
    """Takes appends as long as there is room, in a thread: so however long the next one takes, those before it are sent and answered."""

    def __init__(self, appending: Appending, appends: Iterator[Iterable[RecordToAppend]]):
        self._appending, self._appends = appending, appends
        self.changed = threading.Condition()
        """Held by who uses `Appending`."""
        self.is_awaited = False
        """Whether the next append is to wake who waits for `woken`."""
        self.woken, self._wake = socket.socketpair()
        self._is_over = False

    def start(self) -> None:
        """Begins to take."""
        # What the appends find in their context is what their caller has there. It may never end: nothing waits for it.
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(self._take_all,), name="opendata-log appends", daemon=True).start()

    def stop(self) -> None:
        """Takes no more."""
        with self.changed:
            self._is_over = True
            self.changed.notify_all()
            self.woken.close()
            self._wake.close()

    def _take_all(self) -> None:
        error: BaseException | None = None
        try:
            for records in self._appends:
                append = self._appending.made(records)
                with self.changed:
                    if self._is_over:
                        return
                    self._appending.take(append)
                    self._wake_up()
                    self.changed.wait_for(lambda: self._is_over or self._appending.has_room)
                    if self._is_over:
                        return
        except BaseException as raised:
            # It is raised at its place.
            error = raised
        with self.changed:
            if not self._is_over:
                self._appending.end(error)
                self._wake_up()

    def _wake_up(self) -> None:
        if self.is_awaited:
            self.is_awaited = False
            self._wake.send(b"\0")


class _Stream:
    """What sends and receives. Outside of `Appending`, nothing of it is shared with the thread that takes."""

    def __init__(self, appending: Appending, taking: _Taking, opening: Opening, timeout: float, place: Callable[[], Place]):
        self._appending, self._taking, self._opening, self._timeout, self._place = appending, taking, opening, timeout, place
        self._connection: _Connection | None = None
        self._heard = 0.0

    def outcomes(self) -> Iterator[Appended]:
        """The outcomes."""
        appending, changed = self._appending, self._taking.changed
        while True:
            with changed:
                session = appending.session
                if appending.is_over:
                    break
                is_idle = self._taking.is_awaited = session is None and not appending.is_waiting
            if session is None:
                self.close()
            if is_idle:
                self._taking.woken.recv(PIECE)
                continue
            try:
                if session is None:
                    session = self._opened()
                data = self._exchanged(session)
            except LogError as error:
                self._pause(lambda: appending.failed(error))
                continue
            except OSError as error:
                self._pause(lambda: appending.broke(broken(reason(error))))
                continue
            if data is not None:
                yield from self._told(data)
                self._heard = time.monotonic()
        if self._connection is not None and session is not None:
            self._connection.finish(session)

    def close(self) -> None:
        """Closes the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _opened(self) -> Session:
        session, connection = self._opening.blocking(self._place())
        self._connection = _Connection(connection, self._taking.woken)
        with self._taking.changed:
            self._appending.opened(session)
        self._heard = time.monotonic()
        return session

    def _exchanged(self, session: Session) -> bytes | None:
        """Sends what is to be sent, and waits if there is nothing else to do. What came, if anything did."""
        connection = self._connection
        assert connection is not None
        if (data := connection.received()) is not None:
            return data
        with self._taking.changed:
            if connection.has_room:
                connection.send(session.take())
            self._taking.is_awaited = connection.is_sent
            is_waiting = self._appending.is_waiting
        if not connection.is_sent and connection.goes_on():
            return None
        left = max(self._heard, connection.moved) + self._timeout - time.monotonic() if is_waiting else None
        if left is not None and left <= 0:
            raise TimeoutError
        connection.wait(left)
        if not is_waiting:
            # The server had nothing to answer, however long the appends paused.
            self._heard = time.monotonic()
        return None

    def _told(self, data: bytes) -> Iterator[Appended]:
        """The outcomes that came."""
        told = self._appending.received(data)
        while True:
            with self._taking.changed:
                came = next(told, None)
                if came is None:
                    self._taking.changed.notify_all()
                    return
            if isinstance(came, Appended):
                yield came
            else:
                time.sleep(came)

    def _pause(self, failed: Callable[[], float]) -> None:
        with self._taking.changed:
            seconds = failed()
        time.sleep(seconds)


class _Connection:
    """A connection that never blocks."""

    def __init__(self, connection: socket.socket, woken: socket.socket):
        self._socket, self._woken = connection, woken
        self._socket.setblocking(False)
        self._unsent = memoryview(b"")
        self._is_blocked = False
        self.moved = 0.0
        """When it last sent something that had to wait before: the other side is there, it only takes its time."""
        # Once it cannot send any more, what came before is still to be received: it may say why.
        self._failed: OSError | None = None
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)

    @property
    def is_sent(self) -> bool:
        """Whether everything was sent that can be."""
        return not self._unsent

    @property
    def has_room(self) -> bool:
        """Whether more can be sent."""
        return self.is_sent and self._failed is None

    def send(self, data: bytes) -> None:
        """Sends this, when it `goes_on`."""
        self._unsent = memoryview(data)

    def goes_on(self) -> bool:
        """Sends as much as can be sent now; whether that was everything."""
        try:
            while self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent):]
                if self._is_blocked:
                    self._is_blocked, self.moved = False, time.monotonic()
        except WOULD_BLOCK:
            self._is_blocked = True
            return False
        except OSError as error:
            self._failed, self._unsent = error, memoryview(b"")
        return True

    def received(self) -> bytes | None:
        """What came, if anything did; nothing (`b""`) when it was closed."""
        try:
            return self._socket.recv(PIECE)
        except WOULD_BLOCK:
            return None
        except OSError as error:
            raise self._failed or error

    def wait(self, seconds: float | None) -> None:
        """Waits until there is something to do."""
        self._selector.modify(self._socket, selectors.EVENT_READ if self.is_sent else selectors.EVENT_READ | selectors.EVENT_WRITE)
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self._woken:
                self._woken.recv(PIECE)

    def finish(self, session: Session) -> None:
        """Everything is answered: ends the session in order. However that ends, all is known."""
        with suppress(OSError):
            self._socket.settimeout(END_SECONDS)
            self._socket.sendall(bytes(self._unsent) + session.take())
            while not session.has_ended and session.failure is None:
                for _ in session.receive(self._socket.recv(PIECE)):
                    return

    def close(self) -> None:
        """Closes it."""
        self._selector.close()
        self._socket.close()
