"""What a client knows of a cluster: how many partitions it has, and which node serves each of them."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http import HTTPStatus

import httpx

from . import arguments
from .answers import NOT_OF_A_LOG
from .partitions import About, of_tag
from .steps import Ask, Call, Listen

PATH = "/api/v1/cluster"

# The node that serves the partition of a request that another node passed on.
MOVED = "log-moved"

# The map is asked for at most once in so many seconds, and a node that refuses is not asked for as long.
REFRESH_SECONDS = 1.0

# A node that cannot be reached is not asked for this long: twice as long after each failure, up to the longest.
AVOID_SECONDS = 1.0
LONGEST_AVOID_SECONDS = 60.0

# What a connection that was not made ends in.
UNREACHABLE = (httpx.ConnectError, httpx.ConnectTimeout)


@dataclass(frozen=True, slots=True)
class _Map:
    """The URLs of the nodes that serve the partitions, as far as they are known. A log that is not clustered has one partition."""

    urls: tuple[str | None, ...]


@dataclass(slots=True)
class _Avoided:
    """A node that could not be reached."""

    failures: int = 0
    until: float = 0.0


class Cluster:
    """What a client knows of a cluster, and where it sends its requests. Threads may share it.

    Nothing is asked before an answer shows that there is a cluster. Until then, and for a log that is not clustered, all requests go to the URL
    of the client.
    """

    def __init__(self, url: str, use: bool | None):
        self._url = url
        self._use = None if use is None else arguments.flag("cluster", use)
        self._lock = threading.Lock()
        self._map: _Map | None = None
        self._asked = -REFRESH_SECONDS
        # Without the right to read, the map cannot be asked for.
        self._is_refused = False
        self._avoided: dict[str, _Avoided] = {}

    @property
    def is_known(self) -> bool:
        """Whether it is known if the log is clustered, or cannot be known."""
        return self._map is not None or self._is_refused

    @property
    def has_partitions(self) -> bool:
        """Whether there are several partitions."""
        return self._map is not None and len(self._map.urls) > 1

    def partition(self, about: About) -> int | None:
        """The partition that a request is about. None if there is only one, or if the request names none."""
        known = self._map
        if known is None or len(known.urls) == 1:
            return None
        if about.partition is not None or about.tag is None:
            return about.partition
        return of_tag(about.tag, len(known.urls))

    def ask(self, step: Ask | Listen) -> Call[httpx.Response]:
        """Sends a request to the node that serves its partition, else to the URL of the client, else to any node.

        It is sent to another one only if there was no connection to the one before.
        """
        if self._use and not self.is_known:
            yield from self.learn()
        targets = self.targets(step.about)
        while True:
            url = targets.pop(0)
            try:
                response: httpx.Response = yield replace(step, url=url)
            except UNREACHABLE:
                self.unreachable(url)
                if not targets:
                    raise
            else:
                yield from self._answered(step.about, url, response)
                return response

    def prepare(self, *, must: bool) -> Call[None]:
        """Asks for the map before something is sent: if it is known and may be old, or if the client is to, or must, know it."""
        if self.has_partitions or ((self._use or must) and not self.is_known):
            yield from self.learn()

    def targets(self, about: About) -> list[str]:
        """Where to send a request, in this order. There is at least one."""
        if not self.has_partitions or self._use is False:
            return [self._url]
        now = time.monotonic()
        found = dict.fromkeys(url for url in self._candidates(about) if self._is_to_be_asked(url, now))
        return list(found) or [self._url]

    def _candidates(self, about: About) -> Iterator[str]:
        known = self._map
        assert known is not None
        partition = self.partition(about)
        if partition is not None and partition < len(known.urls):
            owner = known.urls[partition]
            if owner is not None:
                yield owner
        yield self._url
        yield from (url for url in known.urls if url is not None)

    def _is_to_be_asked(self, url: str, now: float) -> bool:
        avoided = self._avoided.get(url)
        return avoided is None or avoided.until <= now

    def unreachable(self, url: str) -> None:
        """There was no connection to this node."""
        with self._lock:
            avoided = self._avoided.setdefault(url, _Avoided())
            avoided.failures += 1
            pause = min(AVOID_SECONDS * 2.0 ** min(avoided.failures - 1, 30), LONGEST_AVOID_SECONDS)
            avoided.until = time.monotonic() + pause

    def _answered(self, about: About, url: str, response: httpx.Response) -> Call[None]:
        with self._lock:
            self._avoided.pop(url, None)
            if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE and url != self._url:
                # It may have lost its partitions. Another node passes requests on to who has them.
                self._avoided[url] = _Avoided(until=time.monotonic() + REFRESH_SECONDS)
        moved = response.headers.get(MOVED)
        if moved is not None and not self._knows(about, moved):
            yield from self.learn(url)

    def _knows(self, about: About, url: str) -> bool:
        """Whether the map has this URL; from now on, it has."""
        with self._lock:
            partition = self.partition(about)
            if self._map is None or partition is None or partition >= len(self._map.urls):
                return False
            usable = self._usable(url)
            if self._map.urls[partition] == usable:
                return True
            urls = list(self._map.urls)
            urls[partition] = usable
            self._map = _Map(tuple(urls))
            return False

    def learn(self, url: str | None = None) -> Call[None]:
        """Asks for the map, at `url` or where there is an answer. One that is known is asked for again at most once in a second."""
        with self._lock:
            now = time.monotonic()
            if self._is_refused or (self._map is not None and (now < self._asked + REFRESH_SECONDS or len(self._map.urls) == 1)):
                return
            self._asked = now
        for each in self.targets(About()) if url is None or self._use is False else [url]:
            try:
                response: httpx.Response = yield Ask("GET", PATH, url=each, is_quick=True)
            except UNREACHABLE:
                self.unreachable(each)
            except httpx.RequestError:
                continue
            else:
                self._told(response)
                return

    def _told(self, response: httpx.Response) -> None:
        with self._lock:
            if response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
                self._is_refused = True
            elif response.status_code == HTTPStatus.NOT_FOUND:
                # A server from before there were clusters.
                self._map = _Map((None,))
            elif response.status_code == HTTPStatus.OK:
                try:
                    urls = tuple(self._usable(each.get("url")) for each in response.json()["partitions"])
                except NOT_OF_A_LOG:
                    return
                if urls:
                    self._map = _Map(urls)

    def _usable(self, url: object) -> str | None:
        """The URL of a node, if requests can be sent to it. What goes over TLS to this client's URL does not go without it to others."""
        try:
            checked = arguments.url(url)
        except (TypeError, ValueError):
            return None
        return checked if checked.startswith("https:") or not self._url.startswith("https:") else None
