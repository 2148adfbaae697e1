"""Cursors: named positions that the server keeps."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from . import arguments
from .answers import NOT_OF_A_LOG, answered, failure, naming, reason
from .cluster import Cluster
from .errors import Conflict, DeadlineExceeded, NotFound, UnexpectedAnswer
from .generated import Client
from .generated.api.log import delete_cursor, get_cursor, list_cursors, put_cursor
from .generated.models import CursorMove as MoveToSend
from .generated.models import CursorResponse, CursorsResponse, DeleteCursorResponse, PutCursorRequest
from .generated.types import UNSET
from .partitions import About, about
from .retry import Retry, retried
from .steps import Ask, Body, Call, Found

A = TypeVar("A")
T = TypeVar("T")

CURSORS = "/api/v1/log/cursors"
PAGE = 1000


@dataclass(frozen=True, slots=True)
class Cursor:
    """A named position that the server keeps: how far a consumer has got."""

    name: str
    position: int
    """The sequence that is to be read next."""
    updated_ms: int
    """When it was moved last, in milliseconds since the Unix epoch."""
    lag: int
    """How many sequences there are between the position and the end of the log, over all keys."""


@dataclass(frozen=True, slots=True)
class CursorMove:
    """A move of a cursor together with records. It is created if it does not exist."""

    name: str
    position: int
    """The sequence that is to be read next; at most the end of the log with the records."""
    expected: int | None = None
    """Where it must be, or nothing is applied; one that does not exist is at 0. None: wherever it is."""


def moves(value: Iterable[CursorMove] | None) -> list[MoveToSend]:
    """Moves, checked, as they are sent."""
    if value is None:
        return []
    if isinstance(value, CursorMove) or not isinstance(value, Iterable):
        raise TypeError(f'cursors must be a list such as [CursorMove("projection", 7)], not {arguments.kind(value)}')
    return [_move(f"cursors[{at}]", arguments.instance(f"cursors[{at}]", each, CursorMove)) for at, each in enumerate(value)]


def _move(name: str, move: CursorMove) -> MoveToSend:
    expected = arguments.whole_or_none(f"{name}.expected", move.expected)
    return MoveToSend(
        name=arguments.cursor(f"{name}.name", move.name), position=arguments.whole(f"{name}.position", move.position),
        expected=UNSET if expected is None else expected)


class Cursors:
    """The calls about cursors to one server."""

    def __init__(self, url: str, retry: Retry, api: Client, cluster: Cluster):
        self._url, self._retry, self._api, self._cluster = url, retry, api, cluster

    def get(self, name: str) -> Call[Cursor | None]:
        """See `LogClient.cursor`."""
        return self._get(arguments.cursor("name", name))

    def _get(self, name: str) -> Call[Cursor | None]:
        try:
            return (yield from self._asked("GET", _path(name), about(name), CursorResponse, get_cursor._parse_response, _cursor))
        except NotFound:
            return None

    def put(self, name: str, position: int, expected: int | None) -> Call[Cursor]:
        """See `LogClient.move_cursor`."""
        before = arguments.whole_or_none("expected", expected)
        request = PutCursorRequest(
            position=arguments.whole("position", position), expected=UNSET if before is None else before)
        return self._put(arguments.cursor("name", name), json.dumps(request.to_dict()).encode(), position)

    def _put(self, name: str, content: bytes, position: int) -> Call[Cursor]:
        sent = 0

        def body() -> Body:
            nonlocal sent
            sent += 1
            return Body(content)

        try:
            return (yield from self._asked(
                "PUT", _path(name), about(name), CursorResponse, put_cursor._parse_response, _cursor, body=body))
        except Conflict as error:
            # An attempt whose answer was lost has moved it.
            if sent > 1 and error.cursor == name and error.position == position:
                found = yield from self._get(name)
                if found is not None:
                    return found
            raise

    def delete(self, name: str) -> Call[bool]:
        """See `LogClient.delete_cursor`."""
        path = _path(arguments.cursor("name", name))
        return self._asked(
            "DELETE", path, about(name), DeleteCursorResponse, delete_cursor._parse_response, lambda answer: answer.deleted is True)

    def list(self, prefix: str, partition: int | None) -> Call[None]:
        """See `LogClient.cursors`."""
        if not isinstance(prefix, str):
            raise TypeError(f"prefix must be a str, not {arguments.kind(prefix)}")
        query = {"prefix": prefix, "limit": PAGE}
        if arguments.whole_or_none("partition", partition) is not None:
            query["partition"] = partition
        return self._list(query, About(partition=partition))

    def _list(self, query: dict[str, Any], of: About) -> Call[None]:
        while True:
            found, following = yield from self._asked(
                "GET", CURSORS, of, CursorsResponse, list_cursors._parse_response,
                lambda answer: ([_cursor(each) for each in answer.cursors], answer.next_start_after), query)
            yield Found(found)
            if not isinstance(following, str):
                return
            query = query | {"start_after": following}

    def _asked(
        self, method: str, path: str, of: About, kind: type[A], parse: Callable[..., Any], use: Callable[[A], T],
        query: dict[str, Any] | None = None, body: Callable[[], Body | None] = lambda: None,
    ) -> Call[T]:
        """What may have been applied is sent again: a deletion can be, and a move from an expected position finds out that it was made."""

        def once() -> Call[T]:
            try:
                response = yield from self._cluster.ask(Ask(method, path, query or {}, body(), about=of))
                return use(answered(response, parse(client=self._api, response=response), kind))
            except httpx.DecodingError as error:
                raise UnexpectedAnswer(f"an answer that no log server gives: {reason(error)}") from error
            except httpx.RequestError as error:
                raise self._retry.unavailable(f"there was no answer: {reason(error)}", error) from error
            except NOT_OF_A_LOG as error:
                raise UnexpectedAnswer(f"an answer that no log server gives: {reason(error)}") from error
            except DeadlineExceeded as error:
                raise failure(DeadlineExceeded, error, retry_after=self._retry.pause) from error

        with naming(f"{method} {self._url}{path}"):
            return (yield from retried(self._retry, once))


def _path(name: str) -> str:
    return f"{CURSORS}/{quote(name, safe='')}"


def _cursor(told: Any) -> Cursor:
    cursor = Cursor(told.name, told.position, told.updated_ms, told.lag)
    if not isinstance(cursor.name, str) or not all(isinstance(each, int) for each in (cursor.position, cursor.updated_ms, cursor.lag)):
        raise TypeError(f"no cursor: {told!r}"[:200])
    return cursor
