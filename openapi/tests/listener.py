"""A server of plain sockets, for tests of what clients do with one that misbehaves."""

import contextlib
import socket
import threading


class Listener:
    """Accepts connections at an address of its own until the end of the `with` block, and serves each in a thread of its own."""

    def __init__(self, *, scheme: str = "http", host: str = "127.0.0.1", buffer: int | None = None):
        """Listens. With `buffer`, the system takes no more bytes for a connection than about so many."""
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        if buffer is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.url = f"{scheme}://{host}:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # A thread that is in accept() holds the listener open.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                number, self.connections = self.connections, self.connections + 1
                threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int):
        """Serves one connection and closes it. Connections are numbered from 0."""
        raise NotImplementedError
