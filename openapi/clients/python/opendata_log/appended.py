"""What became of an append."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Appended:
    """The sequences `start` to `start + count - 1` were given to the records, in their order."""

    start: int | None
    """None if the server has forgotten it: another client writes as the same producer (`LogClient(producer=…)`)."""
    count: int
    duplicate: bool = False
    """Whether the server had applied the request before, and answered it again: an earlier answer did not arrive."""
