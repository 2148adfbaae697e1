"""The asyncio client of Python as one that blocks, so that the same tests hold both."""

import asyncio
import inspect

from opendata_log import AsyncLogClient


class Awaited:
    """`AsyncLogClient`, with an event loop of its own that runs as long as each call."""

    def __init__(self, *arguments, **settings):
        self._runner, self._open = asyncio.Runner(), []
        self._client = AsyncLogClient(*arguments, **settings)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for items in self._open:
            items.close()
        self._runner.run(self._client.close())
        self._runner.close()

    def __getattr__(self, name):
        def call(*arguments, **settings):
            made = getattr(self._client, name)(*arguments, **settings)
            if not inspect.isasyncgen(made):
                return self._runner.run(made)
            self._open.append(self._each(made))
            return self._open[-1]

        return call

    def _each(self, items):
        async def following():
            return await anext(items, END)

        async def closed():
            await items.aclose()

        try:
            while (item := self._runner.run(following())) is not END:
                yield item
        finally:
            self._runner.run(closed())


END = object()
