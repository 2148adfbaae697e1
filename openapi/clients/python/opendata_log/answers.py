"""Answers of the server, as what was asked for or as the error that they are."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import httpx

from .appended import AppendPart
from .errors import OF_CODE, Behind, Conflict, LogError, ProducerOutOfOrder, UnexpectedAnswer
from .generated.models import AppendPart as ToldPart
from .generated.models import Conflict as ToldConflict
from .generated.models import ErrorResponse
from .generated.types import Unset
from .records import decode

T = TypeVar("T")

# What reading an answer ends in that is not JSON, or not what was expected.
NOT_OF_A_LOG = (ValueError, KeyError, TypeError, AttributeError)

# What a request ends in that never left this machine: no connection, no TLS, no way through the proxy, no room among the
# connections, or nothing that can be sent.
NOT_SENT = (
    httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol, httpx.LocalProtocolError)

# With these, what is in between refuses a request that it does not pass on.
REFUSED_ON_THE_WAY = frozenset([401, 408, 411, 413, 414, 415, 417, 429, 431])

# An append that took too long may have been applied, unless the message says this: the body did not arrive in time.
NOT_APPLIED = "nothing was applied"

# Added to the message of `behind`: the server cannot know what this client remembers.
ANOTHER_LOG = (
    "; if there is another log at this address by now, or one that was restored from a backup, it does not have what this client "
    "remembers: begin again with a new client, or pass at_least=0")


def answered(response: httpx.Response, parsed: Any, kind: type[T]) -> T:
    """What was asked for; raises what the server said instead."""
    if isinstance(parsed, kind):
        return parsed
    told = parsed if isinstance(parsed, ErrorResponse) else refusal(response)
    raise error_of(told, response.status_code, response.headers)


def refusal(response: httpx.Response) -> ErrorResponse:
    """What was said, also with a status that the document does not list for the operation."""
    try:
        return ErrorResponse.from_dict(json.loads(response.content))
    except NOT_OF_A_LOG as cause:
        status, to = response.status_code, response.headers.get("location")
        where = f", which leads to {to}" if to and 300 <= status < 400 else ""
        raise UnexpectedAnswer(f"an answer that no log server gives: status {status}{where}", status=status) from cause


def error_of(told: ErrorResponse, status: int | None, headers: Mapping[str, str]) -> LogError:
    """The error that the server told. Who tells of another one is no log server that this client knows."""
    kind = OF_CODE.get(told.code) if isinstance(told.code, str) else None
    message = str(told.message) if kind else f"an error that no log server tells: {told.code}: {told.message}"
    if kind is Behind:
        message += ANOTHER_LOG
    error = (kind or UnexpectedAnswer)(
        message, status=status, retry_after=seconds(headers.get("retry-after")), request_id=headers.get("x-request-id"))
    try:
        _add_details(error, told)
    except NOT_OF_A_LOG:
        return UnexpectedAnswer(f"an answer that no log server gives: {message}", status=status)
    return error


def _add_details(error: LogError, told: ErrorResponse) -> None:
    error.parts = parts(told.parts)
    if isinstance(error, Conflict) and isinstance(told.conflict, ToldConflict):
        conflict = told.conflict.to_dict()
        error.key = decode(conflict["key"])
        error.last_sequence, error.trimmed_before = _number(conflict, "lastSequence"), _number(conflict, "trimmedBefore")
        cursor = conflict.get("cursor")
        error.cursor, error.position = cursor if isinstance(cursor, str) else None, _number(conflict, "position")
    if isinstance(error, ProducerOutOfOrder):
        if not isinstance(told.expected_sequence, int):
            raise TypeError("an int is missing")
        error.expected_sequence = told.expected_sequence


def parts(told: Iterable[ToldPart] | Unset) -> tuple[AppendPart, ...]:
    """What was told of the parts of an append."""
    return tuple(
        AppendPart(part.partition, part.outcome, part.count, given(part.start_sequence), given(part.code), given(part.message))
        for part in told or ())


def given(value: T | Unset) -> T | None:
    """A field that may be absent."""
    return None if isinstance(value, Unset) else value


def _number(told: Mapping[str, Any], name: str) -> int | None:
    number = told.get(name)
    return number if isinstance(number, int) else None


def seconds(retry_after: str | None) -> float | None:
    """`Retry-After` is a number of seconds or a date; what is neither says nothing."""
    if retry_after is None:
        return None
    if retry_after.isascii() and retry_after.isdecimal():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def failure(kind: type[LogError], error: LogError, *, retry_after: float) -> LogError:
    """The same error, as one after which it is of use to ask again."""
    return kind(error.message, status=error.status, retry_after=retry_after, request_id=error.request_id)


def reason(error: Exception) -> str:
    """Why a request failed. Several errors of httpx have no words of their own."""
    words: dict[type[Exception], str] = {
        httpx.PoolTimeout: "all connections are in use",
        httpx.ConnectTimeout: "no connection was made in time",
        httpx.ReadTimeout: "there was silence for too long",
        httpx.WriteTimeout: "nothing more could be written in time",
    }
    return words.get(type(error)) or str(error) or type(error).__name__


@contextmanager
def naming(request: str) -> Iterator[None]:
    """Errors from within name what was asked."""
    try:
        yield
    except LogError as error:
        error.request = request
        raise
