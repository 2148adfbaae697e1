"""A reverse proxy that serves a server below a path of its own, and takes that path off before it passes a request on."""

import contextlib
import http.client
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

# Of one connection only, or stated anew.
HOP_BY_HOP = {"connection", "host", "keep-alive", "transfer-encoding", "content-length"}


@contextmanager
def stripping_proxy(url, prefix):
    """Where `url` is served below `prefix`."""
    upstream = urlsplit(url)

    class Handler(BaseHTTPRequestHandler):
        def pass_on(self):
            if not self.path.startswith(f"{prefix}/"):
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            connection = http.client.HTTPConnection(upstream.hostname, upstream.port, timeout=30)
            # A browser that leaves a page waits for nothing of it any more.
            with contextlib.closing(connection), contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(self.command, self.path.removeprefix(prefix), body, headers)
                self.answer(connection.getresponse())

        def answer(self, answer):
            streams = (answer.getheader("content-type") or "").startswith("text/event-stream")
            content = b"" if streams else answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            if not streams:
                self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            # Events are passed on as they come, until either side ends them.
            with contextlib.suppress(OSError, http.client.HTTPException):
                while streams and (part := answer.read1(65536)):
                    self.wfile.write(part)

        do_GET = do_POST = do_PUT = do_DELETE = pass_on

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{prefix}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
