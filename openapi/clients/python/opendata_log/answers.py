"""Answers of the server, as what was asked for or as the error that they are."""

from typing import Any, TypeVar

from .errors import OF_CODE, LogError
from .generated.models import ErrorResponse
from .generated.types import Response

T = TypeVar("T")


def answered(response: Response[Any], kind: type[T]) -> T:
    """What was asked for; raises what the server said instead."""
    if isinstance(response.parsed, kind):
        return response.parsed
    headers = response.headers
    if isinstance(response.parsed, ErrorResponse):
        raise error_of(
            response.parsed.code, response.parsed.message, int(response.status_code), headers.get("retry-after"),
            headers.get("x-request-id"))
    raise LogError(f"an answer that no log server gives: status {int(response.status_code)}", status=int(response.status_code))


def error_of(code: str, message: str, status: int | None, retry_after: str | None, request_id: str | None) -> LogError:
    """The error that the server told."""
    seconds = float(retry_after) if retry_after is not None and retry_after.isdigit() else None
    return OF_CODE.get(code, LogError)(message, status=status, retry_after=seconds, request_id=request_id)


def failure(kind: type[LogError], error: LogError, *, retry_after: float) -> LogError:
    """The same error, as one after which it is of use to ask again."""
    return kind(str(error), status=error.status, retry_after=retry_after, request_id=error.request_id)
