"""The requests that every server is sent: bodies of appends, and where they go."""

import base64
import http.client
import json
from dataclasses import dataclass
from pathlib import Path

import servers

import messages

PROTOBUF, JSON = "application/protobuf", "application/protobuf+json"
APPEND = "/api/v1/log/append"
KEY = "bench-key-0"
# A prefill of this many records and keys in each append.
FILL_RECORDS, FILL_KEYS = 1000, 100


@dataclass(frozen=True)
class Append:
    """An append: so many records of so many bytes over so many keys."""

    records: int = 1
    value_bytes: int = 100
    keys: int = 1
    durable: bool = False
    media: str = PROTOBUF

    def rows(self) -> list[tuple[bytes, bytes]]:
        return [(b"bench-key-%d" % (number % self.keys), value(number, self.value_bytes)) for number in range(self.records)]

    def body(self, target: str) -> bytes:
        """The body for a server. S2 has a stream instead of keys, and is always durable."""
        if target == "s2":
            return b"".join(messages.field(1, messages.field(3, value)) for _, value in self.rows())
        if self.media == PROTOBUF:
            return messages.append_request(self.rows(), self.durable)
        rows = [{"key": base64.b64encode(key).decode(), "value": base64.b64encode(value).decode()} for key, value in self.rows()]
        return json.dumps({"records": rows, "awaitDurable": self.durable}).encode()

    def written(self, target: str, folder: Path) -> Path:
        """A file with the body."""
        path = folder / f"body-{target}"
        path.write_bytes(self.body(target))
        return path


def value(number: int, size: int) -> bytes:
    """Not a byte again and again, which would be compressed to nothing."""
    period = bytes((at * 31 + number) % 251 for at in range(251))
    return (period * (size // 251 + 1))[:size]


def append_path(target: str) -> str:
    return f"/v1/streams/{servers.STREAM}/records" if target == "s2" else APPEND


def scan_path(target: str, start: int, limit: int) -> str:
    """A page of the log's first key, or of S2's stream."""
    if target == "s2":
        return f"/v1/streams/{servers.STREAM}/records?seq_num={start}&count={limit}"
    return f"/api/v1/log/scan?key={KEY}&limit={limit}&start_seq={start}"


def headers(target: str, media: str) -> dict[str, str]:
    told = {"Content-Type": media, "Accept": media}
    if target == "s2":
        # S2's JSON is plain JSON, with values in base64.
        told = {name: "application/json" if media == JSON else media for name in told} | {"s2-basin": servers.BASIN, "s2-format": "base64"}
    return told


def fill(server, target: str, appends: int):
    """Appends so many times 1,000 records over 100 keys (Redis and S2: one stream)."""
    append = Append(FILL_RECORDS, keys=FILL_KEYS)
    send(server.port, target, [append.body(target)] * appends)


def send(port: int, target: str, bodies):
    """Appends on one connection, and again what a server is too busy for."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    for body in bodies:
        while True:
            connection.request("POST", append_path(target), body, headers(target, PROTOBUF))
            answer = connection.getresponse()
            text = answer.read()
            if answer.status == 200:
                break
            assert answer.status in (429, 503), f"{target} answered {answer.status}: {text[:500]}"
    connection.close()
