"""What is read and answered, with bytes as bytes."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self, TypeAlias

from .errors import UnexpectedAnswer
from .generated.models import Segment as Segment
from .generated.models import Value

Header: TypeAlias = tuple[str, bytes]
"""Name and value of what a record carries beside its own value. Several headers of a record may have the same name."""

RecordToAppend: TypeAlias = tuple[bytes, bytes] | tuple[bytes, bytes, Iterable[Header]]
"""Key and value, and perhaps headers."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it is read."""

    sequence: int
    """Its place in the log: one counter for all keys."""
    value: bytes
    timestamp_ms: int
    """When it was appended, in milliseconds since the Unix epoch."""
    headers: tuple[Header, ...] = ()
    """What was appended with it beside the value, in the same order."""
    key: bytes | None = None
    """The key that it is of, in reads of several keys; None in those of one key."""


class Page(tuple[list[Record], int]):
    """Records, and where to continue: a pair, so that `records, following = page` takes it apart."""

    trimmed_before: int | None
    """If records that were to be read had been trimmed: the floor, the first sequence that can still be there."""
    more: bool
    """Whether the server ended the page because it took too long: there may be more records, also if it has none."""

    def __new__(cls, records: list[Record], following: int, trimmed_before: int | None = None, more: bool = False) -> Self:
        """The pair of `records` and `following`."""
        page = super().__new__(cls, (records, following))
        page.trimmed_before = trimmed_before
        page.more = more
        return page

    def __getnewargs__(self) -> tuple[list[Record], int, int | None, bool]:
        """So that it can be copied and pickled."""
        return self[0], self[1], self.trimmed_before, self.more

    @property
    def records(self) -> list[Record]:
        """The records, in the order of their sequences."""
        return self[0]

    @property
    def next_sequence(self) -> int:
        """Where to continue."""
        return self[1]


def encode(data: bytes) -> str:
    """Bytes as they travel in JSON and in parameters."""
    return base64.b64encode(data).decode("ascii")


def decode(data: str) -> bytes:
    """Bytes as they came; a ValueError or TypeError for what is not base64."""
    return base64.b64decode(data, validate=True)


def record(value: Value) -> Record:
    """A record as it came."""
    try:
        headers = tuple((header.name, decode(header.value)) for header in value.headers or ())
        key = decode(value.key) if isinstance(value.key, str) else None
        return Record(value.sequence, decode(value.value), value.timestamp_ms, headers, key)
    except (ValueError, TypeError) as cause:
        raise UnexpectedAnswer(f"a record that no log server sends: {value!r}"[:200]) from cause
