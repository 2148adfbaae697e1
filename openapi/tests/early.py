"""A server that answers a request as soon as it has its head, as one that refuses does, and leaves the body unread."""

import contextlib
import socket
import time

from listener import Listener

# The bounds of who lingers: nginx's, and the server's own.
LINGERS_SECONDS = 30
LINGERS_BYTES = 256 * 1024 * 1024


class Early(Listener):
    """Refuses each request at `url` with `status` and `code`, before it has read the body.

    What follows is discarded until the client is done, so that it sees the answer. With `resets` the connection is closed at once,
    which a client may see as a reset while it is still sending, and not see the answer.
    """

    def __init__(self, status: int, code: str, *, headers: dict[str, str] | None = None, resets: bool = False):
        body = b'{"status":"error","code":"%s","message":"early"}' % code.encode()
        all_headers = {"content-type": "application/json", "content-length": str(len(body)), "connection": "close", **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in all_headers.items())
        self._answer = f"HTTP/1.1 {status} Refused\r\n{head}\r\n".encode() + body
        self._resets = resets
        self.requests = 0
        super().__init__()

    def _serve(self, connection: socket.socket, number: int):
        with connection, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(1024)
                if not piece:
                    return
                head += piece
            self.requests += 1
            connection.sendall(self._answer)
            if self._resets:
                return
            connection.shutdown(socket.SHUT_WR)
            end, left = time.monotonic() + LINGERS_SECONDS, LINGERS_BYTES
            while left > 0 and time.monotonic() < end:
                piece = connection.recv(1024 * 1024)
                if not piece:
                    return
                left -= len(piece)
