"""What became of an append."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Appended:
    """The sequences `start` to `start + count - 1` were given to the records, in their order."""

    start: int | None
    """None if the server has forgotten it: another client writes as the same producer (`LogClient(producer=…)`)."""
    count: int
    duplicate: bool = False
    """Whether the server had applied the request before, and answered it again: an earlier answer did not arrive."""


@dataclass(frozen=True, slots=True)
class AppendPart:
    """What became of the records of one partition, of an append that was split (`LogClient.append_split`)."""

    partition: int
    """0 if the log is not clustered."""
    outcome: Literal["applied", "refused", "unknown"]
    """Nothing of a part that was refused was applied. One that is unknown may have been, whole or not at all."""
    count: int
    """How many of the records are in this partition."""
    start: int | None = None
    """If it was applied, its records have the sequences `start` to `start + count - 1`, in their order."""
    code: str | None = None
    """If it was not: the `code` of the server, as `LogError.code`."""
    message: str | None = None
