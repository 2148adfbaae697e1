"""The protobuf messages of the API, as far as measurements need them, written by hand: no package is needed."""

import http.client
import json
import time

PROTOBUF = "application/protobuf"


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def append_request(records: list[tuple[bytes, bytes]], durable: bool = False) -> bytes:
    """The body of an append of (key, value)."""
    body = b"".join(field(1, field(1, key) + field(2, value)) for key, value in records)
    return body + (b"\x10\x01" if durable else b"")


def append(connection: http.client.HTTPConnection, body: bytes):
    """Appends, and again when the server is busy."""
    while True:
        connection.request("POST", "/api/v1/log/append", body, {"Content-Type": PROTOBUF})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status == 200:
            return
        assert answer.status == 429, (answer.status, text[:500])
        time.sleep(0.05)


def get_json(connection: http.client.HTTPConnection, path: str, body: dict | None = None) -> tuple[int, dict]:
    """The status and the answer of a GET, or of a POST of `body`."""
    if body is None:
        connection.request("GET", path)
    else:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def page_of_scan(answer: bytes) -> tuple[int, int]:
    """How many records a ScanResponse in protobuf has, and the sequence to continue at."""
    records, next_sequence, at = 0, 0, 0
    while at < len(answer):
        tag, number, shift = answer[at], 0, 0
        while True:
            at += 1
            number |= (answer[at] & 127) << shift
            shift += 7
            if answer[at] < 128:
                break
        at += 1
        if tag & 7 == 2:
            at += number
            records += tag >> 3 == 3
        elif tag >> 3 == 4:
            next_sequence = number
    return records, next_sequence
