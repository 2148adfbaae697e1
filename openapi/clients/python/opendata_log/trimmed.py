"""What a reader is told of records that were trimmed before they could be read."""

import inspect
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from . import arguments
from .generated.types import Unset
from .selection import Selection

LOGGER = logging.getLogger("opendata_log")


@dataclass(frozen=True, slots=True)
class Trimmed:
    """Records that were to be read had been trimmed. Reading continues with what is left."""

    key: Selection
    """The key that is read, or what selects several. The records that were trimmed may have been those of other keys."""
    before: int
    """The floor: the first sequence that can still be there."""


OnTrimmed: TypeAlias = Callable[[Trimmed], None]


def warn(trimmed: Trimmed) -> None:
    """What is done with a notice that nobody takes."""
    LOGGER.warning("records of %r before the sequence %d were trimmed, and are not read", trimmed.key, trimmed.before)


def taker(on_trimmed: object) -> OnTrimmed:
    """What takes the notices of a read, checked."""
    if on_trimmed is None:
        return warn
    if not callable(on_trimmed) or inspect.iscoroutinefunction(on_trimmed):
        told = "a coroutine function" if callable(on_trimmed) else arguments.kind(on_trimmed)
        raise TypeError(f"on_trimmed must be a function that takes a Trimmed and is not awaited, such as print, not {told}")
    return on_trimmed


def without_notices(items: Iterable[Any], on_trimmed: OnTrimmed) -> Iterator[Any]:
    """What was found, in its order; notices among it are handed over in their place."""
    for item in items:
        if isinstance(item, Trimmed):
            on_trimmed(item)
        else:
            yield item


def floor(value: object) -> int | None:
    """The floor in an answer, if it has one; a TypeError for what is no sequence."""
    if value is None or isinstance(value, Unset):
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"trimmedBefore is {value!r}"[:200])
    return value
