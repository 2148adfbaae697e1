"""The little program that every client runs against a live server: `program.py URL`. It prints what it sees."""

import json
import sys
import threading
import time

from opendata_log import InvalidArgument, LogClient, LogError, TooLarge


def say(what: str, seen: object) -> None:
    print(json.dumps({what: seen}, separators=(",", ":")))


def error_of(client: LogClient, key: bytes, value: bytes) -> LogError | None:
    try:
        client.append([(key, value)])
    except LogError as error:
        return error
    return None


def main(url: str) -> None:
    key, other = bytes([0, 255, 10, 128]), b"other"
    with LogClient(url) as client:
        appended = client.append([(key, bytes([0, number])) for number in range(5)], await_durable=True)
        say("appended", [appended.start, appended.count])
        client.append([(other, b"")])
        client.append([(key, b"\xff last")])

        say("scanned", [[record.sequence, record.value.hex()] for record in client.scan(key, page=2)])
        say("part", [record.sequence for record in client.scan(key, start=1, end=4)])
        say("count", client.count(key))
        say("keys", [found.hex() for found in client.keys(page=1)])
        say("prefix", [found.hex() for found in client.keys(prefix=b"oth")])
        say("segments", [segment.start_seq for segment in client.segments()])

        say("followed in vain", client.follow_once(key, start=7, wait=0.05))
        later = threading.Timer(0.3, lambda: client.append([(key, b"late")]))
        later.start()
        records, following = client.follow_once(key, start=7, wait=30)
        say("followed", [[record.value.hex() for record in records], following])
        later.join()
        say("tailed", [record.sequence for record in client.tail(key, end=8)])

        empty, large = error_of(client, b"", b""), error_of(client, bytes(9000), b"")
        say("typed", [isinstance(empty, InvalidArgument), isinstance(large, TooLarge)])
        say("codes", [error.code for error in (empty, large) if error])
        began = time.monotonic()
        try:
            list(client.scan(b""))
        except InvalidArgument as error:
            say("status", error.status)
        say("not sent again", time.monotonic() - began < 2.5)


main(sys.argv[1])
