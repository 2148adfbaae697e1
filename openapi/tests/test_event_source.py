"""The EventSource of a browser against servers that have no room, are not there yet, or not any more: it comes back by itself."""

import contextlib
import json
import shutil
import socket
import subprocess
import threading
import time

import pytest
from conftest import NODE_MODULES, OPENAPI
from processes import free_ports, request

STREAM = "/api/v1/log/stream"
RECORD = json.dumps({"records": [{"keyText": "k", "valueText": "v"}]}).encode()
PATIENCE_SECONDS = 40


class Browser:
    """Chromium, and what its event sources told."""

    def __init__(self, script, url, log):
        self.told = []
        self._log = log
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                ["node", script, shutil.which("chromium"), url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            self.told.append(json.loads(line))

    def follow(self, path):
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()

    def until(self, what, holds):
        end = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            assert time.monotonic() < end, f"{what}: {self.told}\n{self._log.read_text()}"
            time.sleep(0.05)

    def until_told(self, code, words=""):
        """Until an event told this error, in words with these among them."""
        def holds():
            errors = [each["told"] for each in list(self.told) if each.get("told")]
            return any(error["code"] == code and words in error["message"] for error in errors)

        self.until(code, holds)

    def records(self):
        """The ids of the records that came."""
        return [each["id"] for each in list(self.told) if each["kind"] == "record"]

    def close(self):
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._reader.join()
        self._process.stdout.close()


@pytest.fixture
def browse(tmp_path):
    """Opens a browser at a URL."""
    opened = []

    def browse_one(url):
        # Node looks for packages from where a script is.
        script = shutil.copy(OPENAPI / "tests/event_source.mjs", tmp_path)
        (tmp_path / "node_modules").symlink_to(NODE_MODULES)
        opened.append(Browser(script, url, tmp_path / "browser.log"))
        opened[-1].until("a page", lambda: opened[-1].told)
        return opened[-1]

    yield browse_one
    for browser in opened:
        browser.close()


@contextlib.contextmanager
def another_follows(port):
    """Somebody who takes a place and what is there."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(f"GET {STREAM}?key=k HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
        while b"id: " not in connection.recv(4096):
            pass
        yield


def append(url):
    """The sequence of another record."""
    status, body = request(f"{url}/api/v1/log/append", data=RECORD)
    assert status == 200, body
    return str(json.loads(body).get("startSequence", 0))


def test_an_event_source_outlives_servers_that_are_overloaded_opening_fenced_and_gone(start, browse, tmp_path):
    [port] = free_ports(1)
    url, data = f"http://127.0.0.1:{port}", ["--data-dir", str(tmp_path / "data"), "--take-over"]
    browser = browse(url)

    def serve(**settings):
        server = start([*data, "--port", str(port)], settings)
        server.wait_until_ready(url)
        return server

    crowded = serve(LOG_LIMITS__FOLLOWERS="1")
    appended = [append(url)]
    with another_follows(port):
        browser.follow(f"{STREAM}?key=k")
        browser.until_told("overloaded")
    browser.until("a record", lambda: browser.records() == appended)
    assert crowded.stop() == 0

    with socket.create_server(("127.0.0.1", 0)) as silent:
        opening = start(["--s3-bucket", "silent", "--port", str(port)], {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{silent.getsockname()[1]}", "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "LOG_TIMEOUTS__OPEN": "1s"})
        browser.until_told("unavailable", "opening the log")
        opening.kill()

    first = serve(LOG_SHUTDOWN__FENCED="5s")
    appended.append(append(url))
    browser.until("another record", lambda: browser.records() == appended)
    second = start([*data, "--port", "0"], {})
    second.wait_until("it says where it listens", second.url)
    second.wait_until_ready(second.url())
    appended.append(append(second.url()))
    browser.until_told("fenced")
    assert first.process.wait(timeout=30) == 3
    assert second.stop() == 0

    serve()
    appended.append(append(url))
    browser.until("the others", lambda: browser.records() == appended)
    assert not any(each.get("closed") for each in browser.told), browser.told

    # What is wrong with the request ends it.
    browser.follow(STREAM)
    browser.until("its end", lambda: any(each.get("closed") for each in browser.told))
    assert [each["path"] for each in browser.told if each.get("closed")] == [STREAM]
