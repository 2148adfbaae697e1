"""Reads orders, one a line: an append of a value of so many bytes, in so many attempts. Prints what became of each.

With the argument `asyncio` it uses the client for asyncio. Without a producer, as clients that are generated: what is unknown is
said in place of asking again.
"""

import asyncio
import json
import sys
from typing import Any

from opendata_log import AsyncLogClient, LogClient, LogError, Retry


def settings(order: dict[str, Any]) -> dict[str, Any]:
    return {"token": order["token"] or None, "retry": Retry(attempts=order["attempts"]), "producer": False}


def key(order: dict[str, Any]) -> tuple[str, str, int]:
    return order["url"], order["token"], order["attempts"]


def say(error: LogError | None) -> None:
    outcome = ["Appended", None, ""] if error is None else [type(error).__name__, error.status, str(error)]
    print(json.dumps(outcome), flush=True)


def blocking() -> None:
    clients: dict[tuple[str, str, int], LogClient] = {}
    for line in sys.stdin:
        order = json.loads(line)
        client = clients.setdefault(key(order), LogClient(order["url"], **settings(order)))
        try:
            client.append([(b"orders", bytes(order["bytes"]))])
            say(None)
        except LogError as error:
            say(error)


async def asynchronous() -> None:
    clients: dict[tuple[str, str, int], AsyncLogClient] = {}
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = json.loads(line)
        client = clients.setdefault(key(order), AsyncLogClient(order["url"], **settings(order)))
        try:
            await client.append([(b"orders", bytes(order["bytes"]))])
            say(None)
        except LogError as error:
            say(error)


if sys.argv[1:] == ["asyncio"]:
    asyncio.run(asynchronous())
else:
    blocking()
