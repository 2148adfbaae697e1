"""How often and how long a client tries."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

import httpx

from . import arguments
from .errors import LogError, Unavailable
from .steps import Call, Pause

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how long a client tries."""

    attempts: int = 5
    """Requests for one call at most, as long as it is certain that nothing was applied; for a stream of appends, until its first session
    is open."""
    pause: float = 0.2
    """Seconds before the second one at least, doubled each time up to the longest; the server may say more."""
    longest_pause: float = 10.0
    """A `Retry-After` beyond these seconds is not waited for. (A tail asks again after them.)"""
    patience: float = 300.0
    """A tail that was following gives up when it has had no answer for these seconds, an append when its outcome was unknown for these
    seconds, and a stream of appends that was talking to the server when it is away for these seconds."""

    def __post_init__(self) -> None:
        arguments.whole("Retry.attempts", self.attempts, least=1)
        for name in ("pause", "longest_pause", "patience"):
            arguments.seconds(f"Retry.{name}", getattr(self, name))

    def pause_after(self, failed: int) -> float:
        """Seconds to wait after that many failures in a row."""
        return min(self.pause * 2.0 ** min(failed - 1, 60), self.longest_pause)

    def pause_for(self, error: LogError, failed: int) -> float | None:
        """Seconds to wait before it is sent again; None if that is of no use, or there were enough attempts."""
        wait = error.retry_after
        if wait is None or wait > self.longest_pause or failed >= self.attempts:
            return None
        return max(wait, self.pause_after(failed))

    def unavailable(self, told: str, error: Exception) -> Unavailable:
        """There was no answer. It is of use to send it again, unless it cannot be sent at all."""
        hopeless = isinstance(error, (httpx.UnsupportedProtocol, httpx.LocalProtocolError))
        return Unavailable(told, retry_after=None if hopeless else self.pause)


def retried(retry: Retry, once: Callable[[], Call[T]]) -> Call[T]:
    """Does it until it is done, it is of no use to do it again, or there were enough attempts."""
    for attempt in count(1):
        try:
            return (yield from once())
        except LogError as error:
            pause = retry.pause_for(error, attempt)
            if pause is None:
                raise
            yield Pause(pause)
    raise AssertionError("the loop has no end of its own")


class Connections:
    """The connections of a tail: when one that broke is made anew, and when no more."""

    def __init__(self, retry: Retry):
        self._retry = retry
        self._failed, self._since = 0, 0.0
        self._ever_answered = False

    def answered(self) -> None:
        """The server said something: it is there, however quiet the key is."""
        self._failed, self._ever_answered = 0, True

    def pause(self, error: LogError) -> Pause:
        """The wait before the next one; raises `error` when it was the last.

        A server that never answered is given up after as many attempts as for any other call: its address may be wrong.
        """
        if self._failed == 0:
            self._since = time.monotonic()
        self._failed += 1
        pause = min(max(self._retry.pause_after(self._failed), error.retry_after or 0.0), self._retry.longest_pause)
        if self._ever_answered:
            last = time.monotonic() + pause > self._since + self._retry.patience
        else:
            last = self._failed >= self._retry.attempts
        if last:
            raise error
        return Pause(pause)
