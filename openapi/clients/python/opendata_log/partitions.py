"""Which partition of a cluster a key or a cursor belongs to."""

from dataclasses import dataclass

import xxhash

from . import arguments

# The most partitions that a cluster can have.
MOST_PARTITIONS = 4096


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key in a cluster with that many partitions. That of a cursor is `partition_of(name.encode(), partitions)`.

    It is XXH3 with 64 bits and seed 0 of the tag, modulo the number of partitions. The tag is what is between the first `{` of the key and
    the next `}`; without braces, or with nothing between them, it is the whole key. So keys with one tag are in one partition.
    """
    number = arguments.whole("partitions", partitions, least=1)
    if number > MOST_PARTITIONS:
        raise ValueError(f"partitions must be from 1 to {MOST_PARTITIONS}, not {number}")
    return of_tag(tag_of(arguments.data("key", key)), number)


def of_tag(tag: bytes, partitions: int) -> int:
    """The partition of all keys with this tag."""
    return xxhash.xxh3_64_intdigest(tag) % partitions


def tag_of(name: bytes) -> bytes:
    """The tag of a key or a cursor."""
    return tag_in(name) or name


def tag_in(name: bytes) -> bytes | None:
    """What is between the first `{` and the next `}`, unless that is nothing. All keys that begin with this have that tag."""
    _, opened, rest = name.partition(b"{")
    tag, closed, _ = rest.partition(b"}")
    return tag if opened and closed and tag else None


@dataclass(frozen=True, slots=True)
class About:
    """What a request is about: keys and cursors with a tag, a partition, or neither."""

    tag: bytes | None = None
    partition: int | None = None


def about(name: bytes | str) -> About:
    """About a key, or a cursor."""
    return About(tag_of(name.encode() if isinstance(name, str) else bytes(name)))
