"""Following a key over server-sent events, with resume."""

import json
import time
from collections.abc import Callable, Iterator

import httpx
from httpx_sse import EventSource

from . import errors
from .answers import error_of, refusal
from .generated import AuthenticatedClient
from .generated.models import Value
from .records import Record, encode, record

# The server sends a comment every 15 s by default; a connection that is silent for longer is dead.
SILENCE_SECONDS = 60.0

# After these the same stream may be asked for again.
PASSING = (errors.Overloaded, errors.Unavailable, errors.DeadlineExceeded, errors.UnexpectedAnswer)


def tail(
    api: AuthenticatedClient, key: bytes, start: int, end: int | None, attempts: int, pause: float,
    is_over: Callable[[int], bool],
) -> Iterator[Record]:
    """The records of `key` from `start` on. Up to `attempts` connections in a row may bring nothing.

    A stream ends at its end and also with its server; `is_over` says whether nothing can come from a sequence on.
    """
    last: int | None = None
    failed = 0
    while True:
        error: errors.LogError
        try:
            for found in _one_connection(api, key, start, end, last):
                last, failed = found.sequence, 0
                yield found
            if end is not None and is_over(start if last is None else last + 1):
                return
            error = errors.Unavailable("the server ended the stream")
        except httpx.TransportError as cause:
            error = errors.Unavailable(f"the stream broke: {cause!r}")
            error.__cause__ = cause
        except PASSING as told:
            error = told
        failed += 1
        if failed >= attempts:
            raise error
        time.sleep(error.retry_after or pause)


def _one_connection(
    api: AuthenticatedClient, key: bytes, start: int, end: int | None, last: int | None
) -> Iterator[Record]:
    params: dict[str, str | int] = {"key_base64": encode(key), "start_seq": start}
    if end is not None:
        params["end_seq"] = end
    headers = {"Accept": "text/event-stream"} | ({} if last is None else {"Last-Event-ID": str(last)})
    stream = api.get_httpx_client().stream(
        "GET", "/api/v1/log/stream", params=params, headers=headers, timeout=httpx.Timeout(SILENCE_SECONDS))
    with stream as response:
        if response.status_code == 204:
            return
        if response.status_code != 200:
            told = refusal(response.status_code, response.read())
            raise error_of(
                told.code, told.message, response.status_code, response.headers.get("retry-after"),
                response.headers.get("x-request-id"))
        for event in EventSource(response).iter_sse():
            content = json.loads(event.data)
            if event.event == "error":
                raise error_of(content["code"], content["message"], None, None, response.headers.get("x-request-id"))
            yield record(Value.from_dict(content))
