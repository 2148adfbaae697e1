"""What happens to servers and networks, done to a real server: a store that is paused, a queue that is full, a network that stalls or breaks."""

import contextlib
import os
import signal
import socket
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from listener import Listener
from processes import S3, free_ports, request, seaweedfs

APPEND = "/api/v1/log/append"
PATIENCE_SECONDS = 30


class PausedStore:
    """SeaweedFS, and servers that open a log in it while it is paused."""

    def __init__(self, store: S3):
        self._store, self._logs = store, 0

    @contextlib.contextmanager
    def opening(self, start):
        """Starts a server that cannot open its log yet; where it is, and what lets it."""
        self._logs += 1
        bucket = f"log-{self._logs}"
        self._store.make_bucket(bucket)
        self._signal(signal.SIGSTOP)
        try:
            [port] = free_ports(1)
            server = start(["--s3-bucket", bucket, "--port", str(port)], self._store.env())
            url = f"http://127.0.0.1:{port}"
            server.wait_until("it answers", lambda: request(f"{url}/-/ready")[0] == 503)
            yield url, lambda: self._signal(signal.SIGCONT)
        finally:
            self._signal(signal.SIGCONT)

    def _signal(self, number):
        os.killpg(self._store.pid, number)


@contextlib.contextmanager
def paused_store(folder: Path):
    with seaweedfs(folder) as store:
        yield PausedStore(store)


# The queue of a server that `full` fills; it has room for two requests at least.
SMALL_QUEUE = {"LOG_LIMITS__REQUEST_BYTES": "4MiB", "LOG_LIMITS__APPEND_QUEUE_BYTES": "8MiB"}


@contextlib.contextmanager
def full(url: str):
    """The queue of appends of a server with a `SMALL_QUEUE` is full: two appends that never end hold all of it but two bytes."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        with contextlib.ExitStack() as held:
            for _ in range(2):
                _hold(held, url)
            # What is asked before all of both has arrived may take the room of one of them: then it is they that are refused.
            time.sleep(0.1)
            if request(f"{url}{APPEND}", data=b'{"records":[]}')[0] == 429:
                yield
                return
        assert time.monotonic() < end, "there is always room"


def _hold(held: contextlib.ExitStack, url: str):
    length, at = 4 << 20, urlsplit(url)
    append = held.enter_context(socket.create_connection((at.hostname, at.port)))
    append.sendall(f"POST {APPEND} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n".encode())
    append.sendall(b" " * (length - 1))


class Network(Listener):
    """A network in front of a server that takes no more than a part of each request: `passes` bytes of it.

    It stalls until the server answers, or breaks with `breaks`.
    """

    def __init__(self, url: str, *, passes: int = 100_000, breaks: bool = False):
        at = urlsplit(url)
        self._target, self._passes, self._breaks = (at.hostname, at.port), passes, breaks
        super().__init__(scheme=at.scheme, host="localhost")

    def _serve(self, client: socket.socket, number: int):
        with client, socket.create_connection(self._target) as server, contextlib.suppress(OSError):
            client.settimeout(PATIENCE_SECONDS)
            server.settimeout(PATIENCE_SECONDS)
            answers = threading.Thread(target=_copy, args=(server, client), daemon=True)
            answers.start()
            left = self._passes
            while left > 0 and (piece := client.recv(min(left, 65536))):
                server.sendall(piece)
                left -= len(piece)
            if self._breaks:
                # Both sides see a reset.
                server.shutdown(socket.SHUT_RDWR)
                return
            answers.join(PATIENCE_SECONDS)
            while client.recv(65536):
                pass


def _copy(source: socket.socket, target: socket.socket):
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
