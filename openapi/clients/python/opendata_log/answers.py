"""Answers of the server, as what was asked for or as the error that they are."""

import json
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
    told = response.parsed
    if not isinstance(told, ErrorResponse):
        told = refusal(int(response.status_code), response.content)
    headers = response.headers
    raise error_of(
        told.code, told.message, int(response.status_code), headers.get("retry-after"), headers.get("x-request-id"))


def refusal(status: int, content: bytes) -> ErrorResponse:
    """What was said with `status`, also with one that the document does not list for the operation."""
    try:
        return ErrorResponse.from_dict(json.loads(content))
    except NOT_OF_A_LOG as cause:
        raise UnexpectedAnswer(f"an answer that no log server gives: status {status}", status=status) from cause


def error_of(code: str, message: str, status: int | None, retry_after: str | None, request_id: str | None) -> LogError:
    """The error that the server told."""
    seconds = float(retry_after) if retry_after is not None and retry_after.isdigit() else None
    return OF_CODE.get(code, LogError)(message, status=status, retry_after=seconds, request_id=request_id)


def failure(kind: type[LogError], error: LogError, *, retry_after: float) -> LogError:
    """The same error, as one after which it is of use to ask again."""
    return kind(str(error), status=error.status, retry_after=retry_after, request_id=error.request_id)
