"""A server in front of a live one that does now and then what a network or a busy server does."""

import contextlib
import http.client
import http.server
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Raw:
    """An answer as it is sent, with the end of the connection behind it."""

    body: bytes
    status: int = 200
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


def events(body: bytes) -> Raw:
    """A stream that ends after `body`."""
    return Raw(body, kind="text/event-stream")


HEARTBEAT = events(b":\n\n")


class Scripted:
    """Forwards to `url`, and does as `script` says first, a request each: an answer `(status, code, headers)` of its own, a
    `Raw` one, `"lost answer"` (forwarded, and the answer is thrown away), `"cut after N"` (the connection ends after N bytes),
    `"page N"` (a gateway's page with status N), or `None`. With `reads`, it forwards GET there, as a balancer before a read-only server.
    """

    def __init__(self, url: str, script: list, reads: str | None = None):
        self.requests: list[tuple[str, str | None]] = []
        """The path and the Last-Event-ID of each request."""
        self.bodies: list[bytes] = []
        self.times: list[float] = []
        """When each of them came, by the monotonic clock."""
        self._script, self._target, self._reads = list(script), urlsplit(url).netloc, urlsplit(reads or url).netloc
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer._handle(self)

            do_POST = do_PUT = do_DELETE = do_GET

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def forget_script(self):
        """Only forwards from now on."""
        self._script.clear()

    def _handle(self, handler):
        handler.close_connection = True
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        self.times.append(time.monotonic())
        self.requests.append((handler.path, handler.headers.get("last-event-id")))
        self.bodies.append(body)
        step = self._script.pop(0) if self._script else None
        if isinstance(step, tuple):
            status, code, headers = step
            told = b'{"status":"error","message":"scripted","code":"%s"}' % code.encode()
            step = Raw(told, status, headers=headers)
        elif isinstance(step, str) and step.startswith("page "):
            step = Raw(b"<html><h1>The gateway is unhappy</h1></html>", int(step.removeprefix("page ")), "text/html")
        if isinstance(step, Raw):
            self._answer(handler, step)
            return
        target = http.client.HTTPConnection(self._reads if handler.command == "GET" else self._target, timeout=30)
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in ("host", "connection")}
        # The server may be gone, or end.
        with contextlib.closing(target), contextlib.suppress(OSError, http.client.HTTPException):
            target.request(handler.command, handler.path, body or None, headers)
            with target.getresponse() as answer:
                if step == "lost answer":
                    answer.read()
                else:
                    self._forward(handler, answer, int(step.removeprefix("cut after ")) if step else None)

    def _answer(self, handler, answer: Raw):
        handler.send_response(answer.status)
        for name, value in {"content-type": answer.kind, **answer.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(answer.body)

    def _forward(self, handler, answer, cut):
        handler.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                handler.send_header(name, value)
        if cut is not None:
            # More than will come: a client can see that the connection broke.
            handler.send_header("content-length", "1000000")
        handler.end_headers()
        sent = 0
        # The client may leave, and the server may end.
        with contextlib.suppress(OSError, http.client.HTTPException):
            while piece := answer.read1(1 if cut is not None else 65536):
                if cut is not None and sent + len(piece) > cut:
                    break
                handler.wfile.write(piece)
                sent += len(piece)
