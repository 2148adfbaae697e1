"""What every client must make of an append that meets a server that refuses, restarts, starts or is busy; the same for all languages.

A client runs as `PROGRAM outcomes`: it reads orders, one a line, and prints what became of each.
"""

import contextlib
import json
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

from processes import request

from conftest import OPENAPI
from early import Early
from hard_times import SMALL_QUEUE, Network, full
from line_program import LineProgram
from scripted import Scripted

PAGE = OPENAPI.parent / "docs/clients.md"

# More than a connection takes before somebody reads.
LARGE = 4_000_000
# Over the limit of a request, in base64.
TOO_LARGE = 13_000_000

REFUSED_EARLY = [
    (401, "unauthenticated"), (403, "permission_denied"), (404, "not_found"), (413, "too_large"), (415, "unsupported_media_type"),
    (421, "not_writer"), (429, "overloaded"), (503, "unavailable"), (503, "fenced")]

# What a server or something in between does, in how many attempts the append is sent, what it must end in, and the requests that it takes.
SCRIPTS = [
    ("a server that is busy", [(429, "overloaded", {"retry-after": "0"})] * 2, 1, "Overloaded", 1),
    ("a server that is busy for a while", [(429, "overloaded", {"retry-after": "1"})], 2, "Appended", 2),
    ("a server that starts", [(503, "unavailable", {"retry-after": "1"})], 1, "Unavailable", 1),
    ("a server that has started meanwhile", [(503, "unavailable", {"retry-after": "1"})] * 2, 3, "Appended", 3),
    ("a server that lost the log", [(503, "fenced", {})], 3, "Fenced", 1),
    ("a server that only reads", [(421, "not_writer", {})], 3, "NotWriter", 1),
    ("a gateway that takes no such body", ["page 413"], 3, "UnexpectedAnswer", 1),
    ("a gateway that lost its server", ["page 502"], 3, "OutcomeUnknown", 1),
    ("an answer that is lost", ["lost answer"], 3, "OutcomeUnknown", 1),
    ("an append that took too long", [(504, "deadline_exceeded", {})], 3, "OutcomeUnknown", 1),
]


class Program(LineProgram):
    """A client that runs."""

    def append(self, url: str, size: int = 5, attempts: int = 1, token: str = "") -> tuple[str, int | None]:
        """The outcome, and the status. What is said must name the URL."""
        self.order({"url": url, "bytes": size, "attempts": attempts, "token": token})
        outcome, status, told = self.became()
        assert (told == "") == (outcome == "Appended") and (outcome == "Appended" or url in told), (outcome, told)
        self.told = told
        return outcome, status


class Outcomes:
    """The servers that the clients of a test meet."""

    def __init__(self, start, serve, restarted, store, tokens: str, folder: Path):
        self._start, self._serve, self._restarted, self._store = start, serve, restarted, store
        self._tokens, self._folder = tokens, folder

    def check(self, command: list):
        """Runs a client against all of them."""
        with Program(command) as client:
            self._refusals_of_a_server(client)
            self._early_refusals(client)
            self._scripts(client)
            self._opening(client)
            self._overload(client)
            self._network(client)
            self._restart(client)
            self._no_connection(client)

    def _refusals_of_a_server(self, client):
        url, admin = self._serve(LOG_AUTH__TOKENS=self._tokens), "admin-token-of-the-tests"
        # Java may find a connection of before broken while it sends: not applied, and sent again.
        assert client.append(url, TOO_LARGE, attempts=3) == ("Unauthenticated", 401), client.told
        assert client.append(url, TOO_LARGE, attempts=3, token="reader-token-of-the-tests") == ("PermissionDenied", 403), client.told
        assert client.append(url, TOO_LARGE, attempts=3, token=admin) == ("TooLarge", 413), client.told
        assert client.append(f"{url}/nowhere", TOO_LARGE, attempts=3, token=admin) == ("NotFound", 404), client.told
        assert client.append(url, LARGE, token=admin) == ("Appended", None)
        assert records(url, admin) == 1

    def _early_refusals(self, client):
        for status, code in REFUSED_EARLY:
            kind = code.title().replace("_", "")
            with Early(status, code) as server:
                assert client.append(server.url, LARGE) == (kind, status), client.told
        # The answer may be lost, but not that there was no whole request.
        with Early(413, "too_large", resets=True) as server:
            assert client.append(server.url, LARGE)[0] in ("TooLarge", "Unavailable"), client.told
            assert client.append(server.url) == ("TooLarge", 413)

    def _scripts(self, client):
        url, expected = self._serve(), 0
        for what, script, attempts, outcome, requests in SCRIPTS:
            with Scripted(url, script) as server:
                assert client.append(server.url, attempts=attempts)[0] == outcome, (what, client.told)
                assert len(server.requests) == requests, what
            expected += outcome == "Appended" or script == ["lost answer"]
            assert records(url) == expected, what

    def _opening(self, client):
        with self._store.opening(self._start) as (url, go_on):
            assert client.append(url) == ("Unavailable", 503), client.told
            threading.Timer(1, go_on).start()
            assert client.append(url, attempts=60) == ("Appended", None), client.told
            assert records(url) == 1

    def _overload(self, client):
        url = self._serve(**SMALL_QUEUE)
        with contextlib.ExitStack() as until:
            until.enter_context(full(url))
            assert client.append(url, LARGE // 2) == ("Overloaded", 429), client.told
            assert client.append(url) == ("Overloaded", 429), client.told
            threading.Timer(1, until.close).start()
            assert client.append(url, attempts=60) == ("Appended", None), client.told
        assert records(url) == 1

    def _network(self, client):
        """What never arrived as a whole is not applied, whether the server says so or nobody does."""
        url = self._serve(LOG_TIMEOUTS__BODY="1s")
        with Network(url) as stalls, Network(url, breaks=True) as breaks:
            assert client.append(stalls.url, LARGE) == ("Unavailable", 504), client.told
            assert client.append(breaks.url, LARGE) == ("Unavailable", None), client.told
        assert records(url) == 0

    def _restart(self, client):
        url = self._restarted.url
        assert client.append(url) == ("Appended", None)
        back = threading.Event()
        self._restarted.restart_after(0.3, then=back.set)
        # The connection of before is dead, and there is no other.
        assert client.append(url) == ("Unavailable", None), client.told
        assert client.append(url, attempts=60) == ("Appended", None), client.told
        assert back.wait(60) and records(url) == 2

    def _no_connection(self, client):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        assert client.append(f"http://127.0.0.1:{port}", attempts=2) == ("Unavailable", None), client.told
        # What answers there knows no TLS.
        assert client.append(self._serve().replace("http:", "https:")) == ("Unavailable", None), client.told

    def check_private_authority(self, command: list, trust: list[str]):
        """A certificate is refused, and trusted with what docs/clients.md says. What is told over TLS is as true."""
        certificates = authority(self._folder)
        url = self._serve(**certificates).replace("127.0.0.1", "localhost")
        page = PAGE.read_text()
        assert all(each in page for each in trust), f"docs/clients.md says nothing of {trust}"
        paths = [each.replace("ca.pem", str(self._folder / "ca.pem")) for each in trust]
        variables = dict(each.split("=", 1) for each in paths if not each.startswith("-"))
        with Program(command) as client:
            assert client.append(url, attempts=2) == ("Unavailable", None), client.told
        arguments = [each.replace("trust.p12", str(self._folder / "trust.p12")) for each in paths if each.startswith("-")]
        with Program([command[0], *arguments, *command[1:]], variables) as client:
            assert client.append(url) == ("Appended", None)
            assert client.append(url, TOO_LARGE) == ("TooLarge", 413), client.told
            with Network(url, breaks=True) as breaks:
                assert client.append(breaks.url, LARGE) == ("Unavailable", None), client.told


def authority(folder: Path) -> dict[str, str]:
    """Makes the authority `ca.pem`; the settings of a server with a certificate of it for localhost."""
    ca, key, certificate, leaf = (str(folder / name) for name in ("ca.pem", "ca.key", "tls.pem", "tls.key"))
    settings = {"LOG_TLS__CERTIFICATE": certificate, "LOG_TLS__KEY": leaf}
    if Path(ca).exists():
        return settings
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    subprocess.run([*new, "-subj", "/CN=authority of the tests", "-addext", "keyUsage=keyCertSign", "-keyout", key, "-out", ca],
                   check=True, capture_output=True)
    subprocess.run([*new, "-CA", ca, "-CAkey", key, "-subj", "/CN=localhost", "-addext", "basicConstraints=critical,CA:FALSE",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", leaf, "-out", certificate],
                   check=True, capture_output=True)
    return settings


def records(url: str, token: str = "") -> int:
    """How many there are."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    end = time.monotonic() + 10
    while True:
        status, body = request(f"{url}/api/v1/log/count?key=orders", headers)
        if status == 200 or time.monotonic() > end:
            return json.loads(body)["count"]
        time.sleep(0.1)
