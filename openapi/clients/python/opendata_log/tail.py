"""Following a key over server-sent events, with resume."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
from httpx_sse import ServerSentEvent

from . import errors
from .answers import NOT_OF_A_LOG, error_of, naming, reason, refusal
from .cluster import Cluster
from .generated.models import ErrorResponse, Value
from .partitions import About
from .records import record
from .retry import Connections
from .selection import Selection
from .steps import Call, Found, Listen, NextEvent
from .trimmed import Trimmed, floor

T = TypeVar("T")

# After these the same stream may be asked for again.
PASSING = (errors.Overloaded, errors.Unavailable, errors.Behind, errors.DeadlineExceeded, errors.UnexpectedAnswer)


@dataclass(frozen=True, slots=True)
class Rest:
    """What is left of a tail whose stream has ended."""

    is_over: bool
    """Whether nothing can come any more."""
    trimmed_before: int | None = None
    """The floor of the log, if it is beyond where the tail is."""


@dataclass(frozen=True, slots=True)
class Stream:
    """What a tail follows."""

    url: str
    parameters: Callable[[], dict[str, Any]]
    """Those of the next connection."""
    rest: Callable[[int | None], Call[Rest]]
    """What is left after a sequence, or at all: a stream ends at its end and also with its server."""
    cluster: Cluster
    about: About
    seen: Callable[[int, Mapping[str, str]], None]
    """Told of each record: its sequence, and the headers of the stream that it came in."""


def tail(key: Selection, stream: Stream, connections: Connections) -> Call[None]:
    """The records of `key` in `stream`, over as many connections as it takes, and notices of what was trimmed."""
    position = _Position(key)
    with naming(f"GET {stream.url}"):
        while True:
            error: errors.LogError
            try:
                yield from _one_connection(stream, position, connections)
                left = yield from stream.rest(position.last)
                yield from position.trimmed(left.trimmed_before)
                if left.is_over:
                    return
                error = errors.Unavailable("the server ended the stream")
            except httpx.RequestError as cause:
                error = errors.Unavailable(f"the stream broke: {reason(cause)}")
                error.__cause__ = cause
            except PASSING as told:
                error = told
            yield connections.pause(error)


@dataclass
class _Position:
    """How far a tail has come."""

    key: Selection
    last: int | None = None
    """The sequence of the last record."""
    floor: int = 0
    """The highest floor that was told."""

    def trimmed(self, before: int | None) -> Call[None]:
        """Tells of a floor. A stream that is asked for again before the next record tells the same one again."""
        if before is not None and before > self.floor:
            self.floor = before
            yield Found([Trimmed(self.key, before)])


def _one_connection(stream: Stream, position: _Position, connections: Connections) -> Call[None]:
    response = yield from stream.cluster.ask(Listen(stream.parameters(), position.last, stream.about))
    if response.status_code == 204:
        return
    if response.status_code != 200:
        raise error_of(refusal(response), response.status_code, response.headers)
    kind = response.headers.get("content-type", "")
    if not kind.startswith("text/event-stream"):
        raise errors.UnexpectedAnswer(f"a stream that no log server gives: {kind!r}", status=response.status_code)
    try:
        yield from _records(response, stream, position, connections)
    except httpx.RequestError:
        _heard(response, connections)
        raise
    _heard(response, connections)


def _records(response: httpx.Response, stream: Stream, position: _Position, connections: Connections) -> Call[None]:
    while True:
        event: ServerSentEvent | None = yield NextEvent()
        if event is None:
            return
        if event.event == "error":
            raise error_of(_read(ErrorResponse.from_dict, event.data), None, response.headers)
        if event.event == "trimmed":
            before = _read(lambda told: floor(told["trimmedBefore"]), event.data)
            connections.answered()
            yield from position.trimmed(before)
        # Other events are those of a newer server, for newer clients.
        if event.event == "message":
            found = record(_read(Value.from_dict, event.data))
            connections.answered()
            position.last = found.sequence
            stream.seen(found.sequence, response.headers)
            yield Found([found])


def _heard(response: httpx.Response, connections: Connections) -> None:
    """Comments count as well, which the parser of events keeps to itself."""
    if response.num_bytes_downloaded > 0:
        connections.answered()


def _read(kind: Callable[[dict[str, object]], T], data: str) -> T:
    try:
        return kind(json.loads(data))
    except NOT_OF_A_LOG as cause:
        raise errors.UnexpectedAnswer(f"an event that no log server sends: {data[:200]!r}") from cause
