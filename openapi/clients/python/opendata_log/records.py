"""What is read and answered, with bytes as bytes."""

import base64
from dataclasses import dataclass

from .errors import UnexpectedAnswer
from .generated.models import Segment as Segment
from .generated.models import Value


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it is read."""

    sequence: int
    """Its place in the log: one counter for all keys."""
    value: bytes
    timestamp_ms: int
    """When it was appended, in milliseconds since the Unix epoch."""


@dataclass(frozen=True, slots=True)
class Appended:
    """The sequences `start` to `start + count - 1` were given to the records, in their order."""

    start: int
    count: int


def encode(data: bytes) -> str:
    """Bytes as they travel in JSON and in parameters."""
    return base64.b64encode(data).decode("ascii")


def decode(data: str) -> bytes:
    """Bytes as they came; a ValueError or TypeError for what is not base64."""
    return base64.b64decode(data, validate=True)


def record(value: Value) -> Record:
    """A record as it came."""
    try:
        return Record(value.sequence, decode(value.value), value.timestamp_ms)
    except (ValueError, TypeError) as cause:
        raise UnexpectedAnswer(f"a record that no log server sends: {value!r}"[:200]) from cause
