"""What a client knows to be in the log, so that its later reads show that much, whichever server answers them."""

import threading
from collections.abc import Mapping

from . import arguments
from .generated.types import UNSET, Unset

# A read that does not wait for new records is given so long by the server to show what the client knows.
WAIT_MS = 5000


class Seen:
    """Up to where this client knows the log: what it appended and read, as far as no crash can undo it.

    Only what is durable counts: a server that lost what was not durable would never show it, and reads would wait for it until they time out.
    """

    def __init__(self, is_passed: object):
        self._is_passed = arguments.flag("read_your_writes", is_passed)
        self._below = 0
        self._lock = threading.Lock()

    @property
    def below(self) -> int:
        """Everything below this sequence is in the log."""
        return self._below

    def advance(self, below: int) -> None:
        """Everything below this sequence is in the log."""
        with self._lock:
            self._below = max(self._below, below)

    def read(self, below: int, headers: Mapping[str, str]) -> None:
        """What is below this sequence was read, in an answer with these headers, which say what of it is durable."""
        told = headers.get("log-durable-sequence", "")
        # A server that does not say it may know no `at_least`, either.
        self.advance(min(below, int(told) if told.isascii() and told.isdecimal() else 0))

    def at_least(self, asked: int | None) -> int | Unset:
        """The parameter of a read, for which the caller asked for this."""
        below = asked if asked is not None else self._below if self._is_passed else 0
        return below or UNSET
