"""A server in front of a live one that does now and then what a network or a busy server does."""

import http.client
import http.server
import threading
from urllib.parse import urlsplit


class Scripted:
    """Forwards to `url`, and does as `script` says first, a request each: an answer `(status, code, headers)` of its own,
    `"lost answer"` (forwarded, and the answer is thrown away), `"cut after N"` (the connection ends after N bytes), `"page N"` (a
    gateway's page with status N), or `None`.
    """

    def __init__(self, url: str, script: list):
        self.requests: list[tuple[str, str | None]] = []
        """The path and the Last-Event-ID of each request."""
        self._script, self._target = list(script), urlsplit(url).netloc
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer._handle(self)

            do_POST = do_GET

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

    def _handle(self, handler):
        handler.close_connection = True
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        self.requests.append((handler.path, handler.headers.get("last-event-id")))
        step = self._script.pop(0) if self._script else None
        if isinstance(step, tuple):
            self._answer(handler, *step)
            return
        if step and step.startswith("page "):
            handler.send_response(int(step.removeprefix("page ")))
            handler.send_header("content-type", "text/html")
            handler.end_headers()
            handler.wfile.write(b"<html><h1>The gateway is unhappy</h1></html>")
            return
        target = http.client.HTTPConnection(self._target, timeout=30)
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in ("host", "connection")}
        target.request(handler.command, handler.path, body or None, headers)
        answer = target.getresponse()
        if step == "lost answer":
            answer.read()
        else:
            self._forward(handler, answer, int(step.removeprefix("cut after ")) if step else None)
        target.close()

    def _answer(self, handler, status, code, headers):
        handler.send_response(status)
        handler.send_header("content-type", "application/json")
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(b'{"status":"error","message":"scripted","code":"%s"}' % code.encode())

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
        while piece := answer.read1(1 if cut is not None else 65536):
            if cut is not None and sent + len(piece) > cut:
                break
            try:
                handler.wfile.write(piece)
            except OSError:
                break
            sent += len(piece)
