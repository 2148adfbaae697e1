"""What a client knows to be in the log, so that its later reads show that much, whichever server answers them."""

import threading
from collections.abc import Mapping

from . import arguments
from .cluster import Cluster
from .generated.types import UNSET, Unset
from .partitions import About

# A read that does not wait for new records is given so long by the server to show what the client knows.
WAIT_MS = 5000


class Seen:
    """Up to where this client knows the log: what it appended and read, as far as no crash can undo it. In a cluster, each partition.

    Only what is durable counts: a server that lost what was not durable would never show it, and reads would wait for it until they time out.
    """

    def __init__(self, is_passed: object, cluster: Cluster):
        self._is_passed = arguments.flag("read_your_writes", is_passed)
        self._cluster = cluster
        self._below = 0
        # What that was seen of, while it is not known whether the log is clustered.
        self._about = About()
        self._of_partitions: dict[int, int] = {}
        self._lock = threading.Lock()

    @property
    def below(self) -> int:
        """Everything below this sequence is in the log. In a cluster, there is no such sequence: 0."""
        return 0 if self._cluster.has_partitions else self._below

    def advance(self, below: int, about: About = About()) -> None:
        """Everything below this sequence is in the log."""
        with self._lock:
            partition = self._cluster.partition(about)
            if partition is not None:
                self._of_partitions[partition] = max(self._of_partitions.get(partition, 0), below)
            elif below > self._below:
                self._below, self._about = below, about

    def read(self, below: int, headers: Mapping[str, str], about: About) -> None:
        """What is below this sequence was read, in an answer with these headers, which say what of it is durable."""
        told = headers.get("log-durable-sequence", "")
        # A server that does not say it may know no `at_least`, either.
        self.advance(min(below, int(told) if told.isascii() and told.isdecimal() else 0), about)

    def at_least(self, asked: int | None, about: About) -> int | Unset:
        """The parameter of a read, for which the caller asked for this."""
        return (asked if asked is not None else self._known(about)) or UNSET

    def _known(self, about: About) -> int:
        if not self._is_passed:
            return 0
        partition = self._cluster.partition(about)
        return self.below if partition is None else self._of_partitions.get(partition, 0)

    def may_be_elsewhere(self, asked: int | None, about: About) -> bool:
        """Whether what the client remembers may be of another partition than what a read is about: only a cluster would tell."""
        return asked is None and not self._cluster.is_known and self._below > 0 and self._about != about
