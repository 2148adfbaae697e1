"""The calls of both clients: what is sent, when it is sent again, and what comes of the answers."""

import json
import math
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

import httpx

from . import arguments, errors, unordered
from .answers import NOT_OF_A_LOG, answered, failure, naming, reason
from .appended import Appended, AppendPart
from .appending import Appending
from .appends import Appends
from .cluster import Cluster
from .commands import Commands
from .cursors import Cursor, CursorMove, Cursors
from .generated import Client
from .generated.api.log import count, list_keys, list_segments, scan, scan_keys, stream
from .generated.models import CountResponse, KeysResponse, ScanRequest, ScanResponse, ScanVisibility, SegmentsResponse
from .generated.types import UNSET
from .partitions import About, about
from .producers import Producers, Producing
from .records import Page, RecordToAppend, Segment, decode, encode, record
from .retry import Connections, Retry, retried
from .seen import WAIT_MS, Seen
from .selection import Prefix, Selection, about_selection, selected
from .session import Place
from .steps import Ask, Body, Call, Found, Pause
from .tail import Rest, Stream, tail
from .trimmed import Trimmed, floor

A = TypeVar("A")
T = TypeVar("T")

VISIBILITIES: tuple[ScanVisibility, ...] = ("memory", "durable")

# One request waits no longer than this: servers and what is in between end longer ones. Then another one follows.
LONGEST_WAIT_SECONDS = 60.0


class Calls:
    """The calls to one server. Each checks its arguments at once, and is then a generator of steps."""

    def __init__(self, url: str, retry: Retry, producers: Producers | None, seen: Seen, cluster: Cluster):
        self._url, self._retry, self._producers, self._seen, self._cluster = url, retry, producers, seen, cluster
        # The generated functions want one, for a setting of how answers are read.
        self._api = Client(base_url=url)
        self._appends = Appends(url, retry, self._api, producers, seen, cluster)
        self._commands = Commands(url, retry, self._api, cluster)
        self._cursors = Cursors(url, retry, self._api, cluster)

    def append(
        self, records: Iterable[RecordToAppend], await_durable: bool, if_no_record_since: Mapping[bytes, int] | None,
        cursors: Iterable[CursorMove] | None,
    ) -> Call[Appended]:
        """See `LogClient.append`."""
        return self._appends.append(records, await_durable, if_no_record_since, cursors)

    def append_split(
        self, records: Iterable[RecordToAppend], await_durable: bool, if_no_record_since: Mapping[bytes, int] | None,
        cursors: Iterable[CursorMove] | None,
    ) -> Call[list[AppendPart]]:
        """See `LogClient.append_split`."""
        return self._appends.append_split(records, await_durable, if_no_record_since, cursors)

    def scan(
        self, key: Selection, start: int, end: int | None, page: int, visibility: ScanVisibility, start_time_ms: int | None,
        at_least: int | None, partition: int | None,
    ) -> Call[None]:
        """See `LogClient.scan`."""
        query = self._query(key, start, end, visibility, start_time_ms, at_least, partition)
        return self._pages(key, query, about_selection(key, partition), arguments.whole("page", page, least=1))

    def _pages(self, key: Selection, query: dict[str, Any], of: About, limit: int) -> Call[None]:
        while True:
            page = yield from self._scan(query, of, limit)
            if page.trimmed_before is not None:
                yield Found([Trimmed(key, page.trimmed_before)])
            if not page.records and not page.more:
                return
            yield Found(page.records)
            query = query | {"start_seq": page.next_sequence}

    def scan_unordered(
        self, prefix: bytes, positions: Mapping[int, int], page: int, visibility: ScanVisibility, start_time_ms: int | None,
        partition: int | None,
    ) -> Call[None]:
        """See `LogClient.scan_unordered`."""
        request = unordered.request(
            prefix, positions, page, arguments.one_of("visibility", visibility, VISIBILITIES), start_time_ms)
        arguments.whole_or_none("partition", partition)
        return self._unordered(request, about_selection(Prefix(prefix), partition), partition)

    def _unordered(self, request: ScanRequest, of: About, partition: int | None) -> Call[None]:
        while True:
            answer = yield from self._unordered_page(request, of, partition)
            yield Found([unordered.told(answer)])
            if answer.more is not True:
                return
            request.positions = answer.positions

    def _unordered_page(self, request: ScanRequest, of: About, partition: int | None) -> Call[ScanResponse]:
        asked = scan_keys._get_kwargs(body=request, partition=UNSET if partition is None else partition)
        return self._read(ScanResponse, of, lambda: asked, scan_keys._parse_response, lambda answer: answer)

    def last(
        self, key: bytes, count: int, visibility: ScanVisibility, start_time_ms: int | None, at_least: int | None,
    ) -> Call[Page]:
        """See `LogClient.last`."""
        query = self._query(key, 0, None, visibility, start_time_ms, at_least, None)
        return self._page(query | {"last": arguments.whole("count", count, least=1)}, about_selection(key, None))

    def follow_once(
        self, key: Selection, start: int, limit: int, wait: float, visibility: ScanVisibility, at_least: int | None,
        partition: int | None,
    ) -> Call[Page]:
        """See `LogClient.follow_once`."""
        query = self._query(key, start, None, visibility, None, at_least, partition)
        of = about_selection(key, partition)
        return self._follow(query, of, arguments.whole("limit", limit, least=1), arguments.seconds("wait", wait))

    def _follow(self, query: dict[str, Any], of: About, limit: int, wait: float) -> Call[Page]:
        end = time.monotonic() + wait
        trimmed_before: int | None = None
        while True:
            asked = time.monotonic()
            page = yield from self._scan(query, of, limit, max(0.0, min(end - asked, LONGEST_WAIT_SECONDS)))
            now = time.monotonic()
            if page.trimmed_before is not None:
                trimmed_before = page.trimmed_before
            # What is left of a millisecond cannot be asked for. What is there already is read whatever the wait.
            if page.records or end - now < 0.001 and not page.more:
                return Page(page.records, page.next_sequence, trimmed_before, page.more)
            query = query | {"start_seq": page.next_sequence}
            # A server that stops answers at once.
            yield Pause(max(0.0, min(asked + self._retry.pause, end) - now))

    def tail(
        self, key: Selection, start: int, end: int | None, visibility: ScanVisibility, start_time_ms: int | None,
        at_least: int | None, partition: int | None,
    ) -> Call[None]:
        """See `LogClient.tail`."""
        query = self._query(key, start, end, visibility, start_time_ms, at_least, partition)
        of = about_selection(key, partition)

        def rest(last: int | None) -> Call[Rest]:
            if end is None:
                return Rest(is_over=False)
            page = yield from self._scan(query if last is None else query | {"start_seq": last + 1}, of, 1)
            return Rest(not page.records and page.next_sequence >= end, page.trimmed_before)

        def parameters() -> dict[str, Any]:
            asked = stream._get_kwargs(**query | {"at_least": self._seen.at_least(at_least, of)})
            return dict(asked["params"])

        def seen(sequence: int, headers: Mapping[str, str]) -> None:
            if visibility == "durable":
                self._seen.advance(sequence + 1, of)
            else:
                self._seen.read(sequence + 1, headers, of)

        stream_of = Stream(f"{self._url}/api/v1/log/stream", parameters, rest, self._cluster, of, seen)
        return tail(key, stream_of, Connections(self._retry))

    def count(self, key: bytes, start: int, end: int | None, at_least: int | None) -> Call[tuple[int, Trimmed | None]]:
        """See `LogClient.count`; and the notice, if records of the range had been trimmed."""
        arguments.whole_or_none("at_least", at_least)
        query = {"key_base64": encode(arguments.data("key", key)), **_range(start, end)}
        of = about(key)

        def asked() -> dict[str, Any]:
            return count._get_kwargs(**query, at_least=self._seen.at_least(at_least, of))

        def told(answer: CountResponse) -> tuple[int, Trimmed | None]:
            before = floor(answer.trimmed_before)
            return answer.count, None if before is None else Trimmed(key, before)

        return self._read(CountResponse, of, asked, count._parse_response, told, at_least=at_least)

    def keys(self, prefix: bytes, page: int, at_least: int | None, partition: int | None) -> Call[None]:
        """See `LogClient.keys`."""
        arguments.whole_or_none("at_least", at_least)
        return self._keys({
            "prefix_base64": encode(arguments.data("prefix", prefix)), "limit": arguments.whole("page", page, least=1),
            "partition": arguments.unset_or_whole("partition", partition)}, About(partition=partition), at_least)

    def _keys(self, query: dict[str, Any], of: About, at_least: int | None) -> Call[None]:
        def asked() -> dict[str, Any]:
            return list_keys._get_kwargs(**query, at_least=self._seen.at_least(at_least, of))

        while True:
            keys, following = yield from self._read(
                KeysResponse, of, asked, list_keys._parse_response,
                lambda answer: ([decode(found.key) for found in answer.keys], answer.next_start_after), at_least=at_least)
            yield Found(keys)
            if not isinstance(following, str):
                return
            query = query | {"start_after_base64": following}

    def segments(self, start: int, end: int | None, partition: int | None) -> Call[list[Segment]]:
        """See `LogClient.segments`."""
        asked = list_segments._get_kwargs(**_range(start, end), partition=arguments.unset_or_whole("partition", partition))
        of = About(partition=partition)
        return self._read(SegmentsResponse, of, lambda: asked, list_segments._parse_response, lambda answer: answer.segments)

    def trim_before(self, sequence: int, partition: int | None) -> Call[int]:
        """See `LogClient.trim_before`."""
        return self._commands.trim_before(sequence, partition)

    def trim_before_time(self, time_ms: int, partition: int | None) -> Call[int]:
        """See `LogClient.trim_before_time`."""
        return self._commands.trim_before_time(time_ms, partition)

    def delete_key(self, key: bytes, before_seq: int | None) -> Call[int]:
        """See `LogClient.delete_key`."""
        return self._commands.delete_key(key, before_seq)

    def cursor(self, name: str) -> Call[Cursor | None]:
        """See `LogClient.cursor`."""
        return self._cursors.get(name)

    def cursors(self, prefix: str, partition: int | None) -> Call[None]:
        """See `LogClient.cursors`."""
        return self._cursors.list(prefix, partition)

    def move_cursor(self, name: str, position: int, expected: int | None) -> Call[Cursor]:
        """See `LogClient.move_cursor`."""
        return self._cursors.put(name, position, expected)

    def delete_cursor(self, name: str) -> Call[bool]:
        """See `LogClient.delete_cursor`."""
        return self._cursors.delete(name)

    def place(self, appending: Appending, turn: Future[Producing] | None) -> Call[tuple[Place, Future[Producing] | None]]:
        """Where the next session of a stream of appends is opened; and its turn, whose producer may be another one if there was no outcome yet."""
        cluster = self._cluster
        yield from cluster.prepare(must=appending.is_elsewhere is True)
        if appending.is_elsewhere is not None:
            appending.is_elsewhere = False
        if turn is not None and self._producers is not None and appending.is_fresh and cluster.has_partitions:
            turn = self._producers.exchanged(turn, appending.about)
            if turn.result() is not appending.producer:
                appending.exchange(turn.result())
        return Place(cluster.targets(appending.about)[0], cluster.partition(appending.about)), turn

    def _query(
        self, key: Selection, start: int, end: int | None, visibility: ScanVisibility, start_time_ms: int | None,
        at_least: int | None, partition: int | None,
    ) -> dict[str, Any]:
        return {
            **selected(key), **_range(start, end),
            "visibility": arguments.one_of("visibility", visibility, VISIBILITIES),
            "start_time_ms": arguments.unset_or_whole("start_time_ms", start_time_ms),
            "at_least": arguments.whole_or_none("at_least", at_least),
            "partition": arguments.unset_or_whole("partition", partition)}

    def _scan(self, query: dict[str, Any], of: About, limit: int, wait: float = 0.0) -> Call[Page]:
        return self._page(query | {"limit": limit, "follow": wait > 0}, of, wait)

    def _page(self, query: dict[str, Any], of: About, wait: float = 0.0) -> Call[Page]:
        def asked() -> dict[str, Any]:
            at_least = self._seen.at_least(query["at_least"], of)
            wait_ms = WAIT_MS if wait == 0 and at_least is not UNSET else math.ceil(wait * 1000)
            return scan._get_kwargs(**query | {"at_least": at_least, "timeout_ms": wait_ms})

        return self._read(
            ScanResponse, of, asked, scan._parse_response,
            lambda answer: Page(
                [record(value) for value in answer.values], answer.next_sequence, floor(answer.trimmed_before), answer.more is True),
            wait, lambda page, headers: self._seen.read(page.next_sequence, headers, of), query["at_least"])

    def _read(
        self, kind: type[A], of: About, ask: Callable[[], dict[str, Any]], parse: Callable[..., Any], use: Callable[[A], T], wait: float = 0.0,
        seen: Callable[[T, Mapping[str, str]], None] = lambda found, headers: None, at_least: int | None = None,
    ) -> Call[T]:
        asked = ask()
        method = asked["method"].upper()

        def once() -> Call[T]:
            nonlocal asked
            body = Body(json.dumps(asked["json"]).encode()) if "json" in asked else None
            try:
                response = yield from self._cluster.ask(Ask(method, asked["url"], asked["params"], body, wait=wait, about=of))
                found = use(answered(response, parse(client=self._api, response=response), kind))
                seen(found, response.headers)
                return found
            except httpx.DecodingError as error:
                raise errors.UnexpectedAnswer(f"an answer that no log server gives: {reason(error)}") from error
            except httpx.RequestError as error:
                raise self._retry.unavailable(f"there was no answer: {reason(error)}", error) from error
            except NOT_OF_A_LOG as error:
                raise errors.UnexpectedAnswer(f"an answer that no log server gives: {reason(error)}") from error
            except errors.DeadlineExceeded as error:
                raise failure(errors.DeadlineExceeded, error, retry_after=self._retry.pause) from error
            except errors.Behind:
                if self._seen.may_be_elsewhere(at_least, of):
                    yield from self._cluster.learn()
                    asked = ask()
                raise

        with naming(f"{method} {self._url}{asked['url']}"):
            return (yield from retried(self._retry, once))


def _range(start: int, end: int | None) -> dict[str, Any]:
    last = arguments.whole_or_none("end", end)
    return {"start_seq": arguments.whole("start", start), "end_seq": UNSET if last is None else last}
