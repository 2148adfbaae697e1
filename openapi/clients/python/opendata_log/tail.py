"""Following a key over server-sent events, with resume."""

import json
from collections.abc import Callable, Iterator
from typing import TypeVar

import httpx
from httpx_sse import EventSource

from . import errors
from .answers import NOT_OF_A_LOG, error_of, refusal
from .generated import AuthenticatedClient
from .generated.models import ErrorResponse, Value
from .records import Record, record
from .retry import Connections

T = TypeVar("T")

# The server sends a comment every 15 s by default; a connection that is silent for longer is dead.
SILENCE_SECONDS = 60.0

# After these the same stream may be asked for again.
PASSING = (errors.Overloaded, errors.Unavailable, errors.DeadlineExceeded, errors.UnexpectedAnswer)


def tail(
    api: AuthenticatedClient, query: dict[str, str | int], connections: Connections, is_over: Callable[[int | None], bool],
) -> Iterator[Record]:
    """The records that `query` asks for, over as many connections as it takes.

    A stream ends at its end and also with its server; `is_over` says whether nothing can come after a sequence, or at all.
    """
    last: int | None = None
    while True:
        error: errors.LogError
        try:
            for found in _one_connection(api, query, last, connections):
                connections.answered()
                last = found.sequence
                yield found
            if is_over(last):
                return
            error = errors.Unavailable("the server ended the stream")
        except httpx.RequestError as cause:
            error = errors.Unavailable(f"the stream broke: {cause!r}")
            error.__cause__ = cause
        except PASSING as told:
            error = told
        connections.failed(error)


def _one_connection(
    api: AuthenticatedClient, query: dict[str, str | int], last: int | None, connections: Connections
) -> Iterator[Record]:
    headers = {"Accept": "text/event-stream"} | ({} if last is None else {"Last-Event-ID": str(last)})
    stream = api.get_httpx_client().stream(
        "GET", "/api/v1/log/stream", params=query, headers=headers, timeout=httpx.Timeout(SILENCE_SECONDS))
    with stream as response:
        if response.status_code == 204:
            return
        if response.status_code != 200:
            raise error_of(refusal(response.status_code, response.read()), response.status_code, response.headers)
        kind = response.headers.get("content-type", "")
        if not kind.startswith("text/event-stream"):
            raise errors.UnexpectedAnswer(f"a stream that no log server gives: {kind!r}", status=response.status_code)
        try:
            yield from _records(response)
        except httpx.RequestError:
            _answered(response, connections)
            raise
        _answered(response, connections)


def _answered(response: httpx.Response, connections: Connections) -> None:
    """Comments count as well, which the parser of events keeps to itself."""
    if response.num_bytes_downloaded > 0:
        connections.answered()


def _records(response: httpx.Response) -> Iterator[Record]:
    for event in EventSource(response).iter_sse():
        if event.event == "error":
            raise error_of(_read(ErrorResponse.from_dict, event.data), None, response.headers)
        # Other events are those of a newer server, for newer clients.
        if event.event == "message":
            yield record(_read(Value.from_dict, event.data))


def _read(kind: Callable[[dict[str, object]], T], data: str) -> T:
    try:
        return kind(json.loads(data))
    except NOT_OF_A_LOG as cause:
        raise errors.UnexpectedAnswer(f"an event that no log server sends: {data[:200]!r}") from cause
