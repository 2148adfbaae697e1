"""How often and how long a client tries."""

import time
from dataclasses import dataclass

from .errors import LogError


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how long a client tries."""

    attempts: int = 5
    """Requests for one call at most."""
    pause: float = 0.2
    """Seconds before the second one at least, doubled each time up to the longest; the server may say more."""
    longest_pause: float = 10.0
    """A `Retry-After` beyond these seconds is not waited for. (A tail asks again after them.)"""
    patience: float = 300.0
    """A tail that was following gives up when it has had no answer for these seconds."""

    def pause_after(self, failed: int) -> float:
        """Seconds to wait after that many failures in a row."""
        return min(self.pause * 2.0 ** min(failed - 1, 60), self.longest_pause)


class Connections:
    """The connections of a tail: when one that broke is made anew, and when no more."""

    def __init__(self, retry: Retry):
        self._retry = retry
        self._failed, self._since = 0, 0.0
        self._ever_answered = False

    def answered(self) -> None:
        """The server said something: it is there, however quiet the key is."""
        self._failed, self._ever_answered = 0, True

    def failed(self, error: LogError) -> None:
        """Waits until it is time for the next one; raises `error` when it was the last.

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
        time.sleep(pause)
