"""Answers of the server, as what was asked for or as the error that they are."""

import json
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from .errors import OF_CODE, LogError, UnexpectedAnswer
from .generated.models import ErrorResponse
from .generated.types import Response

T = TypeVar("T")

# What reading an answer ends in that is not JSON, or not what was expected.
NOT_OF_A_LOG = (ValueError, KeyError, TypeError, AttributeError)


def answered(response: Response[Any], kind: type[T]) -> T:
    """What was asked for; raises what the server said instead."""
    if isinstance(response.parsed, kind):
        return response.parsed
    told, status = response.parsed, int(response.status_code)
    if not isinstance(told, ErrorResponse):
        told = refusal(status, response.content)
    raise error_of(told, status, response.headers)


def refusal(status: int, content: bytes) -> ErrorResponse:
    """What was said with `status`, also with one that the document does not list for the operation."""
    try:
        return ErrorResponse.from_dict(json.loads(content))
    except NOT_OF_A_LOG as cause:
        raise UnexpectedAnswer(f"an answer that no log server gives: status {status}", status=status) from cause


def error_of(told: ErrorResponse, status: int | None, headers: Mapping[str, str]) -> LogError:
    """The error that the server told. Who tells of another one is no log server that this client knows."""
    kind = OF_CODE.get(told.code) if isinstance(told.code, str) else None
    message = str(told.message) if kind else f"an error that no log server tells: {told.code}: {told.message}"
    return (kind or UnexpectedAnswer)(
        message, status=status, retry_after=seconds(headers.get("retry-after")), request_id=headers.get("x-request-id"))


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
    return kind(str(error), status=error.status, retry_after=retry_after, request_id=error.request_id)
