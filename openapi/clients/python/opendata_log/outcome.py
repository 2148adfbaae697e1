"""What is known of a request that changes something: it was applied, it was certainly not, or nobody knows."""

from collections.abc import Callable
from typing import TypeVar

import httpx

from . import errors
from .answers import NOT_APPLIED, NOT_OF_A_LOG, NOT_SENT, REFUSED_ON_THE_WAY, failure, reason
from .cluster import Cluster
from .retry import Retry
from .steps import Ask, Call

T = TypeVar("T")


def sent_once(cluster: Cluster, retry: Retry, what: str, ask: Ask, read: Callable[[httpx.Response], T]) -> Call[T]:
    """Sends a request once. `what` is its name in messages, and `read` says what was answered, or raises it.

    If it may have been applied, this raises `OutcomeUnknown`. After any other error it was certainly not applied.
    """
    try:
        response = yield from cluster.ask(ask)
    except NOT_SENT as error:
        raise retry.unavailable(f"the server cannot be reached: {reason(error)}", error) from error
    except httpx.RequestError as error:
        if not _was_written(ask):
            told = f"the connection broke while the {what} was being sent; nothing was applied: {reason(error)}"
            raise retry.unavailable(told, error) from error
        raise errors.OutcomeUnknown(f"there was no answer to the {what}: {reason(error)}") from error
    try:
        return read(response)
    except NOT_OF_A_LOG as error:
        told, status = f"an answer that no log server gives: {reason(error)}", response.status_code
        raise _of_answer(errors.UnexpectedAnswer(told, status=status), ask, retry) from error
    except (errors.DeadlineExceeded, errors.UnexpectedAnswer) as error:
        raise _of_answer(error, ask, retry) from error


def unknown(error: errors.LogError, what: str) -> errors.LogError:
    """The last error of a request that an earlier attempt may have applied."""
    if error.is_unknown_outcome:
        return error
    told = errors.OutcomeUnknown(
        f"an earlier attempt of the {what} may have been applied; the last one: {error.message}",
        status=error.status, request_id=error.request_id)
    told.__cause__ = error
    return told


def _of_answer(error: errors.LogError, ask: Ask, retry: Retry) -> errors.LogError:
    """The error of a request that was answered like this."""
    was_written = _was_written(ask)
    if isinstance(error, errors.DeadlineExceeded) and (NOT_APPLIED in error.message or not was_written):
        return failure(errors.Unavailable, error, retry_after=retry.pause)
    certain = not was_written or (isinstance(error, errors.UnexpectedAnswer) and error.status in REFUSED_ON_THE_WAY)
    if certain:
        return error
    told = errors.OutcomeUnknown(error.message, status=error.status, request_id=error.request_id)
    told.parts = error.parts
    return told


def _was_written(ask: Ask) -> bool:
    """Whether somebody may have read a whole request."""
    return ask.body is None or ask.body.was_written
