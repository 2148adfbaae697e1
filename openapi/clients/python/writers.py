"""Reads orders, one a line: appends that begin one after another and run beside one another. Prints what became of each, as a list.

A client is made when it is named for the first time. With the argument `asyncio` it is one for asyncio.
"""

import asyncio
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from opendata_log import Appended, AppendsLost, AsyncLogClient, Conflict, LogClient, LogError, Producer, Retry

# The calls of threads come in the order in which they are made only if they are some time apart.
APART_SECONDS = 0.005


def settings(order: dict[str, Any]) -> dict[str, Any]:
    told = order["settings"]
    named = told.get("producer", True)
    return {
        "producer": Producer(**named) if isinstance(named, dict) else named, "concurrent_appends": told.get("concurrent"),
        "retry": Retry(
            attempts=told["attempts"], pause=told["pause"], longest_pause=max(told["pause"], 1), patience=told["patience"])}


def arguments(order: dict[str, Any]) -> dict[str, Any]:
    since = {key.encode(): sequence for key, sequence in order["since"]} if "since" in order else None
    records = [(order["key"].encode(), value.encode()) for value in order["values"]]
    return {"records": records, "await_durable": order.get("durable", False), "if_no_record_since": since}


def appended(done: Appended) -> dict[str, Any]:
    return {"outcome": "Appended", "start": done.start, "count": done.count, "duplicate": done.duplicate}


def failed(error: LogError) -> dict[str, Any]:
    told = {"outcome": type(error).__name__, "unknown": error.is_unknown_outcome, "status": error.status, "told": str(error)}
    if isinstance(error, Conflict):
        told |= {"key": error.key.decode(), "last": error.last_sequence, "trimmed": error.trimmed_before}
    if isinstance(error, AppendsLost):
        told |= {"requests": error.requests, "starts": [each.start for each in error.appended]}
    return told


def blocking() -> None:
    clients: dict[str, LogClient] = {}

    def one(order: dict[str, Any]) -> dict[str, Any]:
        try:
            return appended(clients[order["client"]].append(**arguments(order)))
        except LogError as error:
            return failed(error)

    with ThreadPoolExecutor(100) as threads:
        for line in sys.stdin:
            running = []
            for order in json.loads(line):
                if order["client"] not in clients:
                    clients[order["client"]] = LogClient(order["settings"]["url"], **settings(order))
                running.append(threads.submit(one, order))
                time.sleep(APART_SECONDS)
            print(json.dumps([each.result() for each in running]), flush=True)


async def asynchronous() -> None:
    clients: dict[str, AsyncLogClient] = {}

    async def one(order: dict[str, Any]) -> dict[str, Any]:
        if order["client"] not in clients:
            clients[order["client"]] = AsyncLogClient(order["settings"]["url"], **settings(order))
        try:
            async with asyncio.timeout(order.get("cancelAfter")):
                return appended(await clients[order["client"]].append(**arguments(order)))
        except TimeoutError:
            return {"outcome": "Cancelled"}
        except LogError as error:
            return failed(error)

    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await asyncio.gather(*(one(order) for order in json.loads(line)))), flush=True)


if sys.argv[1:] == ["asyncio"]:
    asyncio.run(asynchronous())
else:
    blocking()
