"""The client: what is generated, with bytes for base64, errors as exceptions, pages, following and retries."""

import base64
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import httpx

from . import errors, tail
from .answers import NOT_OF_A_LOG, answered, failure
from .generated import AuthenticatedClient, Client
from .generated.api.log import append, count, list_keys, list_segments, scan
from .generated.models import (
    AppendRequest, AppendResponse, CountResponse, KeysResponse, ScanResponse, ScanVisibility, SegmentsResponse)
from .generated.models import Record as RecordToAppend
from .generated.types import UNSET, Response
from .records import Appended, Record, Segment, encode, record

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how long a client tries."""

    attempts: int = 5
    """Requests for one call at most."""
    pause: float = 0.2
    """Seconds before the second one at least, doubled each time; the server may say more."""
    longest_pause: float = 10.0
    """A `Retry-After` beyond these seconds is not waited for."""


class LogClient:
    """A client of one server. It may be shared by threads."""

    def __init__(self, url: str, *, token: str | None = None, timeout: float = 60.0, retry: Retry = Retry()):
        """`url` is the server's, `token` one of its token file; `timeout` is for silence, in seconds."""
        limit = httpx.Timeout(timeout)
        if token is None:
            # The generator knows no operation where a token may be left out.
            self._api = cast(AuthenticatedClient, Client(base_url=url, timeout=limit))
        else:
            self._api = AuthenticatedClient(base_url=url, token=token, timeout=limit)
        self._retry = retry

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes its connections."""
        self._api.get_httpx_client().close()

    def append(self, records: Iterable[tuple[bytes, bytes]], *, await_durable: bool = False) -> Appended:
        """Appends pairs of key and value, whole or not at all.

        It is sent again only when it is certain that nothing was applied. Otherwise this raises `OutcomeUnknown`.
        """
        body = AppendRequest(
            records=[RecordToAppend(key=encode(key), value=encode(value)) for key, value in records],
            await_durable=await_durable)

        def send() -> AppendResponse:
            try:
                response = append.sync_detailed(client=self._api, body=body)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
                raise errors.Unavailable(f"the server cannot be reached: {error}", retry_after=self._retry.pause) from error
            except httpx.TransportError as error:
                raise errors.OutcomeUnknown(f"there was no answer to the append: {error!r}") from error
            except NOT_OF_A_LOG as error:
                raise errors.OutcomeUnknown(f"the answer is none that a log server gives: {error!r}") from error
            try:
                return answered(response, AppendResponse)
            except (errors.DeadlineExceeded, errors.UnexpectedAnswer) as error:
                raise errors.OutcomeUnknown(str(error), status=error.status, request_id=error.request_id) from error

        done = self._try(send)
        return Appended(done.start_sequence, done.records_appended)

    def scan(
        self, key: bytes, *, start: int = 0, end: int | None = None, page: int = 1000,
        visibility: ScanVisibility = "memory",
    ) -> Iterator[Record]:
        """The records of `key` with sequences from `start` up to, not including, `end`, read page by page."""
        while True:
            answer = self._scan(key, start, end, page, visibility, wait_ms=0)
            if not answer.values:
                return
            yield from map(record, answer.values)
            start = answer.next_sequence

    def follow_once(self, key: bytes, *, start: int = 0, limit: int = 1000, wait: float = 30.0) -> tuple[list[Record], int]:
        """The next records of `key` as soon as there are any, or none after `wait` seconds; and where to go on."""
        answer = self._scan(key, start, None, limit, "memory", wait_ms=int(wait * 1000))
        return [record(value) for value in answer.values], answer.next_sequence

    def tail(self, key: bytes, *, start: int = 0, end: int | None = None) -> Iterator[Record]:
        """The records of `key`, each as it arrives, for ever or up to `end`.

        A connection that breaks is made anew, and goes on exactly after the last record that came.
        """
        def is_over(position: int) -> bool:
            answer = self._scan(key, position, end, 1, "memory", wait_ms=0)
            return not answer.values and end is not None and answer.next_sequence >= end

        return tail.tail(self._api, key, start, end, self._retry.attempts, self._retry.pause, is_over)

    def count(self, key: bytes, *, start: int = 0, end: int | None = None) -> int:
        """How many records `key` has in a range of sequences."""
        return self._read(CountResponse, lambda: count.sync_detailed(
            client=self._api, key_base64=encode(key), start_seq=start, end_seq=UNSET if end is None else end)).count

    def keys(self, *, prefix: bytes = b"", page: int = 1000) -> Iterator[bytes]:
        """The distinct keys that begin with `prefix`, in byte order, read page by page."""
        after: str | None = None
        while True:
            answer = self._read(KeysResponse, lambda: list_keys.sync_detailed(
                client=self._api, prefix_base64=encode(prefix), start_after_base64=UNSET if after is None else after,
                limit=page))
            for found in answer.keys:
                yield base64.b64decode(found.key)
            if not isinstance(answer.next_start_after, str):
                return
            after = answer.next_start_after

    def segments(self, *, start: int = 0, end: int | None = None) -> list[Segment]:
        """The segments that overlap a range of sequences."""
        return self._read(SegmentsResponse, lambda: list_segments.sync_detailed(
            client=self._api, start_seq=start, end_seq=UNSET if end is None else end)).segments

    def _scan(self, key: bytes, start: int, end: int | None, limit: int, visibility: ScanVisibility, wait_ms: int) -> ScanResponse:
        return self._read(ScanResponse, lambda: scan.sync_detailed(
            client=self._api, key_base64=encode(key), start_seq=start, end_seq=UNSET if end is None else end, limit=limit,
            follow=wait_ms > 0, timeout_ms=wait_ms, visibility=visibility))

    def _read(self, kind: type[T], send: Callable[[], Response[Any]]) -> T:
        def once() -> T:
            try:
                return answered(send(), kind)
            except httpx.TransportError as error:
                raise errors.Unavailable(f"there was no answer: {error!r}", retry_after=self._retry.pause) from error
            except NOT_OF_A_LOG as error:
                raise errors.UnexpectedAnswer(f"the answer is none that a log server gives: {error!r}") from error
            except errors.DeadlineExceeded as error:
                raise failure(errors.DeadlineExceeded, error, retry_after=self._retry.pause) from error

        return self._try(once)

    def _try(self, send: Callable[[], T]) -> T:
        """Sends until it is done, it is of no use to send again, or there were enough attempts."""
        for attempt in range(1, self._retry.attempts + 1):
            try:
                return send()
            except errors.LogError as error:
                wait = error.retry_after
                if wait is None or wait > self._retry.longest_pause or attempt == self._retry.attempts:
                    raise
                time.sleep(max(wait, self._retry.pause * 2 ** (attempt - 1)))
        raise AssertionError("Retry.attempts is at least 1")
