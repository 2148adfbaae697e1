"""Which keys are read: one, several, or all that begin with a prefix."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from . import arguments
from .partitions import About, about, tag_in
from .records import encode

MOST_KEYS = 1000
# A server takes heads of 64 KiB, and what is in between often half of that.
MOST_URL_BYTES = 24 * 1024


@dataclass(frozen=True, slots=True)
class Prefix:
    """All keys that begin with this. With an empty prefix, the whole log."""

    prefix: bytes = b""


@dataclass(frozen=True, slots=True)
class Keys:
    """These keys: 1 to 1,000, which together take at most 24 KiB in base64."""

    keys: Iterable[bytes]


Selection: TypeAlias = bytes | Prefix | Keys
"""A key, or what selects several."""


def kept(selection: Selection) -> Selection:
    """The same, checked, and fit to be read several times."""
    once = Keys(tuple(selection.keys)) if isinstance(selection, Keys) and isinstance(selection.keys, Iterator) else selection
    selected(once)
    return once


def selected(selection: object) -> dict[str, Any]:
    """The parameters for a selection, checked."""
    if isinstance(selection, Prefix):
        return {"prefix_base64": encode(arguments.data("prefix", selection.prefix))}
    if not isinstance(selection, Keys):
        return {"key_base64": encode(arguments.data("key", selection))}
    if isinstance(selection.keys, (str, bytes, bytearray, memoryview)) or not isinstance(selection.keys, Iterable):
        raise TypeError(f'keys must be a list of bytes, such as [b"orders", b"payments"], not {arguments.kind(selection.keys)}')
    keys = [encode(arguments.data(f"keys[{at}]", key)) for at, key in enumerate(selection.keys)]
    if not 1 <= len(keys) <= MOST_KEYS:
        raise ValueError(f"keys must be 1 to {MOST_KEYS}, not {len(keys)}: a Prefix selects any number of keys")
    if sum(map(len, keys)) > MOST_URL_BYTES:
        raise ValueError(f"keys must have at most {MOST_URL_BYTES} bytes in base64 together: read by Prefix, or in several calls")
    return {"keys_base64": keys}


def about_selection(selection: Selection, partition: int | None) -> About:
    """What a read of a selection is about. That of a prefix without a whole tag is of the partition that is given."""
    if partition is not None:
        return About(partition=partition)
    if isinstance(selection, Prefix):
        return About(tag_in(bytes(selection.prefix)))
    if not isinstance(selection, Keys):
        return about(selection)
    return About() if isinstance(selection.keys, Iterator) else about(next(iter(selection.keys)))
