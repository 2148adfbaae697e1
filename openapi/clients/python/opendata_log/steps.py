"""The steps of a call. A call decides and does no I/O: it is a generator of steps, run by the blocking or the asyncio client."""

from collections.abc import AsyncIterator, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

import httpx

from .partitions import About

T = TypeVar("T")

# A body is written in pieces of this size, so that what failed is noticed before the last one.
PIECE = 64 * 1024


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of one request, which knows whether all of it was written."""

    def __init__(self, content: bytes):
        self._content = content
        self.was_written = False
        """False: the connection broke before the last piece was written, so nobody can have read a whole request."""

    def __len__(self) -> int:
        return len(self._content)

    def __iter__(self) -> Iterator[bytes]:
        for at in range(0, len(self._content), PIECE):
            yield self._content[at:at + PIECE]
        self.was_written = True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


@dataclass(frozen=True, slots=True)
class Ask:
    """Send a request; the result is the `httpx.Response`, read to its end. Errors of httpx are thrown into the call."""

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Body | None = None
    wait: float = 0.0
    """Seconds for which the server was told that it may be silent."""
    about: About = About()
    url: str | None = None
    """That of the server, if it is not the client's."""
    is_quick: bool = False
    """Whether it is not to be waited for, as its answer is of use but not needed."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Open the event stream; the result is the `httpx.Response`, read to its end unless it is such a stream."""

    params: Mapping[str, Any]
    last_event_id: int | None
    about: About = About()
    url: str | None = None
    """That of the server, if it is not the client's."""


@dataclass(frozen=True, slots=True)
class NextEvent:
    """Wait for the next event of the open stream; the result is a `ServerSentEvent`, or None at the end."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Await:
    """Wait for something that another call provides; the result is that."""

    future: Future[Any]


@dataclass(frozen=True, slots=True)
class Found:
    """Hand these to the caller, one by one."""

    items: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """The call has ended with this."""

    value: T


Step: TypeAlias = Ask | Listen | NextEvent | Pause | Await | Found
Call: TypeAlias = Generator[Step, Any, T]


class Running(Generic[T]):
    """A call, and the event stream that it has open."""

    def __init__(self, call: Call[T]):
        self._call = call
        self.response: httpx.Response | None = None
        self.events: Any = None

    def went(self, result: object) -> Step | Done[T]:
        """The step after one that had this result."""
        try:
            return self._call.send(result)
        except StopIteration as end:
            return Done(end.value)

    def failed(self, error: Exception) -> Step | Done[T]:
        """The step after one that failed."""
        try:
            return self._call.throw(error)
        except StopIteration as end:
            return Done(end.value)

    def end(self) -> None:
        """The caller wants no more of it."""
        self._call.close()
