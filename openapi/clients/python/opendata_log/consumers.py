"""Consumers: the records of a key, or of several, from where a cursor is, and the cursor moved once they are processed."""

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from .appended import Appended
from .cursors import Cursor, CursorMove
from .generated.models import ScanVisibility
from .records import Page, Record, RecordToAppend
from .selection import Selection

# One wait for records is no longer than this; then another one follows.
WAIT_SECONDS = 30.0


class _Client(Protocol):
    def follow_once(
        self, key: Selection, *, start: int = 0, limit: int = 1000, wait: float = 30.0, visibility: ScanVisibility = "memory",
        partition: int | None = None,
    ) -> Page: ...

    def move_cursor(self, name: str, position: int, *, expected: int | None = None) -> Cursor: ...

    def append(
        self, records: Iterable[RecordToAppend], *, await_durable: bool = False, cursors: Iterable[CursorMove] | None = None,
    ) -> Appended: ...


class _AsyncClient(Protocol):
    async def follow_once(
        self, key: Selection, *, start: int = 0, limit: int = 1000, wait: float = 30.0, visibility: ScanVisibility = "memory",
        partition: int | None = None,
    ) -> Page: ...

    async def move_cursor(self, name: str, position: int, *, expected: int | None = None) -> Cursor: ...

    async def append(
        self, records: Iterable[RecordToAppend], *, await_durable: bool = False, cursors: Iterable[CursorMove] | None = None,
    ) -> Appended: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """What a consumer reads, and how it says how far it is."""

    key: Selection
    cursor: str
    limit: int
    """The most records of a batch."""
    commits: bool
    """Whether a batch is committed when the next one is asked for."""
    visibility: ScanVisibility
    partition: int | None
    """That of a prefix without a whole tag."""


class _Position:
    """How far a consumer is."""

    def __init__(self, progress: Progress, position: int):
        self._progress = progress
        self._committed = self._reached = position

    @property
    def committed(self) -> int:
        """Where the cursor is, as far as this consumer knows."""
        return self._committed

    def _move(self) -> CursorMove:
        return CursorMove(self._progress.cursor, self._reached, self._committed)


class Consumer(_Position):
    """Batches of records of a key, or of several, from where a cursor is, without an end; from `LogClient.consume`.

    Commit after each batch: with `commit` a batch that was processed and not committed is read again by the next consumer (at least
    once), with `append` its results are appended in the same commit as the cursor moves (exactly once). If another consumer has
    moved the cursor, both raise `Conflict` and change nothing: stop, or begin again with `LogClient.consume`. With `auto_commit`, the
    iterator commits each batch before it reads the next one (at least once).
    """

    def __init__(self, client: _Client, progress: Progress, position: int):
        super().__init__(progress, position)
        self._client = client

    def __iter__(self) -> Iterator[list[Record]]:
        """Each batch has at least one record. A batch that the loop is left in is not committed by `auto_commit`."""
        while True:
            page = self._client.follow_once(
                self._progress.key, start=self._reached, limit=self._progress.limit, wait=WAIT_SECONDS,
                visibility=self._progress.visibility, partition=self._progress.partition)
            self._reached = page.next_sequence
            if page.records:
                yield page.records
                if self._progress.commits:
                    self.commit()

    def commit(self) -> None:
        """Moves the cursor behind all that was handed out. It returns when that is durable."""
        if self._reached != self._committed:
            self._client.move_cursor(self._progress.cursor, self._reached, expected=self._committed)
            self._committed = self._reached

    def append(self, results: Iterable[RecordToAppend], *, await_durable: bool = False) -> Appended:
        """Appends results and moves the cursor behind all that was handed out: both or nothing."""
        appended = self._client.append(results, await_durable=await_durable, cursors=[self._move()])
        self._committed = self._reached
        return appended


class AsyncConsumer(_Position):
    """The same for asyncio: `async for batch in consumer`, and `await` for `commit` and `append`."""

    def __init__(self, client: _AsyncClient, progress: Progress, position: int):
        super().__init__(progress, position)
        self._client = client

    async def __aiter__(self) -> AsyncIterator[list[Record]]:
        """See `Consumer`."""
        while True:
            page = await self._client.follow_once(
                self._progress.key, start=self._reached, limit=self._progress.limit, wait=WAIT_SECONDS,
                visibility=self._progress.visibility, partition=self._progress.partition)
            self._reached = page.next_sequence
            if page.records:
                yield page.records
                if self._progress.commits:
                    await self.commit()

    async def commit(self) -> None:
        """See `Consumer.commit`."""
        if self._reached != self._committed:
            await self._client.move_cursor(self._progress.cursor, self._reached, expected=self._committed)
            self._committed = self._reached

    async def append(self, results: Iterable[RecordToAppend], *, await_durable: bool = False) -> Appended:
        """See `Consumer.append`."""
        appended = await self._client.append(results, await_durable=await_durable, cursors=[self._move()])
        self._committed = self._reached
        return appended
