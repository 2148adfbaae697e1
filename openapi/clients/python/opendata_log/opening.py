"""How append sessions are opened: on connections of their own, which notice when the other side is gone."""

import socket
import ssl
import time
from dataclasses import dataclass

import httpcore
import httpx

from . import errors
from .cluster import Cluster
from .connections import CONNECT_SECONDS, Settings
from .retry import Retry
from .session import Place, Session

# What connections of httpcore fail with.
FAILURES = (httpcore.NetworkError, httpcore.TimeoutException)

# Bytes that are read at a time.
PIECE = 64 * 1024

# A connection on which nothing moves is asked after 15 s whether the other side is there, three times. Not every system has each of them.
_KEEPALIVE = {"TCP_KEEPIDLE": 15, "TCP_KEEPALIVE": 15, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 3}
SOCKET_OPTIONS = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), *(
    (socket.IPPROTO_TCP, getattr(socket, name), value) for name, value in _KEEPALIVE.items() if hasattr(socket, name))]


@dataclass(frozen=True, slots=True)
class _Server:
    """What a connection is made to."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    timeout: float
    """How long that may take."""


class Opening:
    """Opens sessions of one client. What an opening takes in all, up to the end of a refusal, is bounded by the client's timeout."""

    def __init__(self, settings: Settings, retry: Retry, cluster: Cluster):
        self._settings, self._retry, self._cluster = settings, retry, cluster

    def blocking(self, place: Place) -> tuple[Session, socket.socket]:
        """A session that is open, and its connection."""
        session, until, server = self._session(place), time.monotonic() + self._settings.timeout, self._server(place)
        try:
            connection = socket.create_connection((server.host, server.port), server.timeout)
        except OSError as error:
            self._cluster.unreachable(place.url)
            raise self._unavailable(reason(error)) from error
        try:
            for option in [*SOCKET_OPTIONS, (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]:
                connection.setsockopt(*option)
            connection.settimeout(_left(until))
            if server.tls is not None:
                connection = server.tls.wrap_socket(connection, server_hostname=server.host)
            failed = None
            try:
                connection.sendall(session.take())
            except OSError as error:
                # The server may have said why before it closed.
                failed = error
            while not session.is_open:
                connection.settimeout(_left(until))
                try:
                    self._check(session, connection.recv(PIECE))
                except OSError as error:
                    raise failed or error
        except OSError as error:
            connection.close()
            raise self._unavailable(reason(error)) from error
        except BaseException:
            connection.close()
            raise
        return session, connection

    async def asynchronous(self, place: Place) -> tuple[Session, httpcore.AsyncNetworkStream]:
        """As `blocking`, for asyncio."""
        session, until, server = self._session(place), time.monotonic() + self._settings.timeout, self._server(place)
        try:
            stream = await httpcore.AnyIOBackend().connect_tcp(server.host, server.port, server.timeout, socket_options=SOCKET_OPTIONS)
        except FAILURES as error:
            self._cluster.unreachable(place.url)
            raise self._unavailable(reason(error)) from error
        try:
            if server.tls is not None:
                stream = await stream.start_tls(server.tls, server.host, _left(until))
            failed = None
            try:
                await stream.write(session.take(), _left(until))
            except FAILURES as error:
                failed = error
            while not session.is_open:
                try:
                    self._check(session, await stream.read(PIECE, _left(until)))
                except FAILURES as error:
                    raise failed or error
        except (*FAILURES, TimeoutError) as error:
            await stream.aclose()
            raise self._unavailable(reason(error)) from error
        except BaseException:
            await stream.aclose()
            raise
        return session, stream

    def _session(self, place: Place) -> Session:
        return Session(place, self._settings.headers, self._retry)

    def _server(self, place: Place) -> "_Server":
        url, timeout = httpx.URL(place.url), self._settings.timeout
        tls = self._settings.tls if url.scheme == "https" else None
        if tls is not None:
            # As httpx does it: a session is HTTP/1.1, whatever the context offers.
            tls.set_alpn_protocols(["http/1.1"])
        port = url.port or (80 if tls is None else 443)
        return _Server(url.host, port, tls, timeout if place.url == self._settings.url else min(CONNECT_SECONDS, timeout))

    def _check(self, session: Session, data: bytes) -> None:
        """Takes what came of a session that is being opened; raises why it is not opened."""
        # No append was sent yet that could be answered.
        for _ in session.receive(data):
            raise errors.UnexpectedAnswer("an answer that no log server gives")
        if isinstance(session.failure, errors.OutcomeUnknown):
            raise self._unavailable(session.failure.message)
        if session.failure is not None:
            raise session.failure
        if session.has_ended:
            raise self._unavailable("the server ended it")

    def _unavailable(self, why: str) -> errors.Unavailable:
        """A session that was not opened."""
        return errors.Unavailable(f"no session can be opened: {why}", retry_after=self._retry.pause)


def reason(error: Exception) -> str:
    """Why it failed, in words."""
    if isinstance(error, (TimeoutError, httpcore.TimeoutException)):
        return "there was silence for too long"
    return str(error) or type(error).__name__


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
