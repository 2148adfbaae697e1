"""The client: what is generated, with bytes for base64, errors as exceptions, pages, following and retries."""

import base64
import time
from collections.abc import Callable, Iterable, Iterator
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
from .retry import Connections, Retry

T = TypeVar("T")


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
        self._retry, self._timeout = retry, timeout

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
            except httpx.RequestError as error:
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
        visibility: ScanVisibility = "memory", start_time_ms: int | None = None,
    ) -> Iterator[Record]:
        """The records of `key` with sequences from `start` up to, not including, `end`, read page by page.

        Those before the first one that was appended at or after `start_time_ms` are skipped. With the visibility `durable` only
        what is on object storage is read.
        """
        while True:
            answer = self._scan(key, start, end, page, visibility, start_time_ms)
            if not answer.values:
                return
            yield from map(record, answer.values)
            start = answer.next_sequence

    def follow_once(
        self, key: bytes, *, start: int = 0, limit: int = 1000, wait: float = 30.0, visibility: ScanVisibility = "memory",
    ) -> tuple[list[Record], int]:
        """The next records of `key` as soon as there are any, or none after `wait` seconds; and where to go on."""
        answer = self._scan(key, start, None, limit, visibility, None, wait)
        return [record(value) for value in answer.values], answer.next_sequence

    def tail(
        self, key: bytes, *, start: int = 0, end: int | None = None, visibility: ScanVisibility = "memory",
        start_time_ms: int | None = None,
    ) -> Iterator[Record]:
        """The records of `key`, each as it arrives, for ever or up to `end`; the rest is as for `scan`.

        A connection that breaks is made anew, and goes on exactly after the last record that came. It ends with an error when
        the server has not answered for `Retry.patience`.
        """
        def is_over(last: int | None) -> bool:
            if end is None:
                return False
            answer = self._scan(key, start if last is None else last + 1, end, 1, visibility, start_time_ms)
            return not answer.values and answer.next_sequence >= end

        query: dict[str, str | int] = {"key_base64": encode(key), "start_seq": start, "visibility": visibility}
        if end is not None:
            query["end_seq"] = end
        if start_time_ms is not None:
            query["start_time_ms"] = start_time_ms
        return tail.tail(self._api, query, Connections(self._retry), is_over)

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

    def _scan(
        self, key: bytes, start: int, end: int | None, limit: int, visibility: ScanVisibility, start_time_ms: int | None,
        wait: float = 0.0,
    ) -> ScanResponse:
        asked = scan._get_kwargs(
            key_base64=encode(key), start_seq=start, end_seq=UNSET if end is None else end, limit=limit, follow=wait > 0,
            timeout_ms=int(wait * 1000), visibility=visibility, start_time_ms=UNSET if start_time_ms is None else start_time_ms)
        # What is generated knows one timeout for all requests, and the server may be silent for as long as it was told to wait.
        limit_of_silence = httpx.Timeout(self._timeout, read=self._timeout + wait)

        def send() -> Response[Any]:
            response = self._api.get_httpx_client().request(**asked, timeout=limit_of_silence)
            return scan._build_response(client=self._api, response=response)

        return self._read(ScanResponse, send)

    def _read(self, kind: type[T], send: Callable[[], Response[Any]]) -> T:
        def once() -> T:
            try:
                return answered(send(), kind)
            except httpx.DecodingError as error:
                raise errors.UnexpectedAnswer(f"the answer is none that a log server gives: {error!r}") from error
            except httpx.RequestError as error:
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
                time.sleep(max(wait, self._retry.pause_after(attempt)))
        raise AssertionError("Retry.attempts is at least 1")
