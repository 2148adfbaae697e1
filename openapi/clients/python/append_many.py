"""Reads orders, one a line: a stream of appends to make over a session. Prints what became of it. See `openapi/tests/test_append_many.py`.

With the argument `asyncio` the client is one for asyncio, and so is the stream.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from itertools import count
from typing import Any

from opendata_log import Appended, AsyncLogClient, LogClient, LogError, Retry

Records = list[tuple[bytes, bytes]]


class Order:
    """What is asked for, and what became of it."""

    def __init__(self, told: dict[str, Any]):
        self._told, self._records = told, told.get("records", 1)
        self._taken = self._count = self._most = self._next = self._gaps = 0
        self._failed: dict[str, Any] = {"error": None, "unknown": False, "told": ""}
        self.pause = told.get("pause", 0) / 1000
        retry = Retry(attempts=100, pause=0.05)
        self.client = {"url": told["url"], "retry": retry, "producer": told.get("producer", True)}
        self.settings = {"await_durable": told.get("durable", False), "outstanding": told.get("outstanding", 1000)}

    def appends(self) -> Iterator[Records]:
        for number in count() if self._told.get("appends") is None else range(self._told["appends"]):
            self._taken += 1
            # The server refuses so long a key.
            key = b"k" * (10_000 if number == self._told.get("bad") else 1)
            yield [(key, str(number * self._records + each).encode()) for each in range(self._records)]

    async def appends_beside(self) -> AsyncIterator[Records]:
        for records in self.appends():
            yield records

    def came(self, appended: Appended) -> bool:
        """Whether it is enough."""
        start = self._next if appended.start is None else appended.start
        self._gaps += start != self._next or appended.count != self._records
        self._next = start + self._records
        self._count += 1
        self._most = max(self._most, self._taken - self._count)
        return self._count == self._told.get("stop")

    def failed(self, error: LogError) -> None:
        self._failed = {"error": type(error).__name__, "unknown": error.is_unknown_outcome, "told": str(error)}

    def outcome(self) -> str:
        return json.dumps(self._failed | {"count": self._count, "most": self._most, "gaps": self._gaps})


def blocking() -> None:
    for line in sys.stdin:
        order = Order(json.loads(line))
        try:
            with LogClient(**order.client) as log, closing(log.append_many(order.appends(), **order.settings)) as outcomes:
                for appended in outcomes:
                    if order.came(appended):
                        break
                    time.sleep(order.pause)
        except LogError as error:
            order.failed(error)
        print(order.outcome(), flush=True)


async def asynchronous() -> None:
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = Order(json.loads(line))
        try:
            async with (
                AsyncLogClient(**order.client) as log, aclosing(log.append_many(order.appends_beside(), **order.settings)) as outcomes,
            ):
                async for appended in outcomes:
                    if order.came(appended):
                        break
                    if order.pause:
                        await asyncio.sleep(order.pause)
        except LogError as error:
            order.failed(error)
        print(order.outcome(), flush=True)


if sys.argv[1:] == ["asyncio"]:
    asyncio.run(asynchronous())
else:
    blocking()
