"""The little program that every client runs against a live server: `program.py URL REFUSING_URL`. It prints what it sees.

At the second URL every request ends in another error. In a cluster, TAG is what its keys begin with, and PARTITION the partition of that tag.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable

from opendata_log import InvalidArgument, LogClient, LogError, Prefix, Retry, TooLarge


def say(what: str, seen: object) -> None:
    print(json.dumps({what: seen}, separators=(",", ":")))


def error_of(doing: Callable[[], object]) -> LogError:
    try:
        doing()
    except LogError as error:
        return error
    raise AssertionError("it was not refused")


def main(url: str, refusing_url: str) -> None:
    tag, partition = os.environ.get("TAG", ""), os.environ.get("PARTITION")
    key, other = tag.encode() + bytes([0, 255, 10, 128]), tag.encode() + b"other"
    of_partition = None if partition is None else int(partition)
    with LogClient(url) as client:
        appended = client.append([(key, bytes([0, number])) for number in range(5)], await_durable=True)
        say("appended", [appended.start, appended.count])
        client.append([(other, b"")])
        client.append([(key, b"\xff last")])

        say("scanned", [[record.sequence, record.value.hex()] for record in client.scan(key, page=2)])
        say("part", [record.sequence for record in client.scan(key, start=1, end=4)])
        records, following = client.last(key, 2)
        say("last", [[record.sequence for record in records], following])
        say("count", client.count(key))
        say("keys", [found.hex() for found in client.keys(page=1, partition=of_partition)])
        say("prefix", [found.hex() for found in client.keys(prefix=other[:-2], partition=of_partition)])
        say("segments", [segment.start_seq for segment in client.segments(partition=of_partition)])

        say("followed in vain", client.follow_once(key, start=7, wait=0.05))
        later = threading.Timer(0.3, lambda: client.append([(key, b"late")]))
        later.start()
        records, following = client.follow_once(key, start=7, wait=30)
        say("followed", [[record.value.hex() for record in records], following])
        later.join()
        say("tailed", [record.sequence for record in client.tail(key, end=8)])

        consumer = client.consume(Prefix(tag.encode()), f"{tag}program")
        batch = next(iter(consumer))
        consumer.commit()
        cursor = client.cursor(f"{tag}program")
        say("consumed", [[[record.sequence, record.key and record.key.hex()] for record in batch], cursor and cursor.position])

        empty, large = (error_of(lambda: client.append([(refused, b"")])) for refused in (b"", bytes(9000)))
        say("typed", [isinstance(empty, InvalidArgument), isinstance(large, TooLarge)])
        began = time.monotonic()
        say("status", error_of(lambda: list(client.scan(b""))).status)
        say("not sent again", time.monotonic() - began < 2.5)

    with LogClient(refusing_url, retry=Retry(attempts=1), producer=False) as client:
        reads = [error_of(lambda: client.count(key)) for _ in range(20)]
        say("errors", [[type(error).__name__, error.status] for error in reads])
        appends = [error_of(lambda: client.append([(other, b"")])) for _ in range(2)]
        say("appends", [[type(error).__name__, error.status] for error in appends])


main(*sys.argv[1:])
