"""Reads orders, one a line: a stream of appends to make over a session. Prints what became of it. See `openapi/tests/test_append_many.py`.

With the argument `asyncio` the client is one for asyncio, and so is the stream.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import aclosing, closing
from itertools import count
from typing import Any

from opendata_log import Appended, AsyncLogClient, LogClient, LogError, Retry

Records = list[tuple[bytes, bytes]]


# An input waits for outcomes for so many seconds at most.
HELD_SECONDS = 5.0


class Order:
    """What is asked for, and what became of it."""

    def __init__(self, told: dict[str, Any]):
        self._told, self._records = told, told.get("records", 1)
        self._taken = self._count = self._most = self._next = self._gaps = self._held = 0
        self._stop = 0
        self._failed: dict[str, Any] = {"error": None, "unknown": False, "told": ""}
        self.pause = told.get("pause", 0) / 1000
        retry = Retry(attempts=told.get("attempts", 100), pause=0.05, patience=told.get("patience", 300.0))
        self.client = {
            "url": told["url"], "retry": retry, "producer": told.get("producer", True), "timeout": told.get("timeout", 60.0)}
        self.settings = {"await_durable": told.get("durable", False), "outstanding": told.get("outstanding", 1000)}

    @property
    def numbers(self) -> Iterable[int]:
        return count() if self._told.get("appends") is None else range(self._told["appends"])

    def calls(self) -> Iterator[None]:
        for _ in range(self._told.get("calls", 1)):
            self._stop = self._count + self._told.get("stop", -1)
            yield

    def wait(self, number: int) -> Iterator[float]:
        """The pauses in seconds before an append is given."""
        at, seconds = self._told.get("pause_at", (None, 0))
        if number == at:
            yield seconds
        if not self._told.get("waits"):
            return
        until = time.monotonic() + HELD_SECONDS
        while self._count < number:
            if time.monotonic() > until:
                self._held += 1
                return
            yield 0.002

    def made(self, number: int) -> Records:
        self._taken += 1
        # The server refuses so long a key.
        key = b"k" * (10_000 if number == self._told.get("bad") else 1)
        size = self._told.get("bytes", 0)
        return [(key, str(number * self._records + each).encode().rjust(size, b"0")) for each in range(self._records)]

    def appends(self) -> Iterator[Records]:
        for number in self.numbers:
            for seconds in self.wait(number):
                time.sleep(seconds)
            yield self.made(number)

    async def appends_beside(self) -> AsyncIterator[Records]:
        for number in self.numbers:
            for seconds in self.wait(number):
                await asyncio.sleep(seconds)
            yield self.made(number)

    def came(self, appended: Appended) -> bool:
        """Whether it is enough."""
        start = self._next if appended.start is None else appended.start
        self._gaps += start != self._next or appended.count != self._records
        self._next = start + self._records
        self._count += 1
        self._most = max(self._most, self._taken - self._count)
        return self._count == self._stop

    def failed(self, error: LogError) -> None:
        self._failed = {"error": type(error).__name__, "unknown": error.is_unknown_outcome, "told": str(error)}

    def outcome(self) -> str:
        return json.dumps(self._failed | {"count": self._count, "most": self._most, "gaps": self._gaps, "held": self._held})


def blocking() -> None:
    for line in sys.stdin:
        order = Order(json.loads(line))
        try:
            with LogClient(**order.client) as log:
                for _ in order.calls():
                    with closing(log.append_many(order.appends(), **order.settings)) as outcomes:
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
            async with AsyncLogClient(**order.client) as log:
                for _ in order.calls():
                    async with aclosing(log.append_many(order.appends_beside(), **order.settings)) as outcomes:
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
