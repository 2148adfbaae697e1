"""Which partition a key belongs to: XXH3 with 64 bits of its tag, modulo the number of partitions, as docs/cluster.md says."""

MASK = (1 << 64) - 1
# Bytes 8 to 24 of the secret of XXH3.
FLIP = int.from_bytes(bytes.fromhex("7c01812cf721ad1c"), "little") ^ int.from_bytes(bytes.fromhex("ded46de9839097db"), "little")
PRIME = 0x9FB21C651E98DF25


def xxh3(data: bytes) -> int:
    """XXH3_64 with seed 0, of 4 to 8 bytes: other lengths are not needed here."""
    assert 4 <= len(data) <= 8
    first, last = int.from_bytes(data[:4], "little"), int.from_bytes(data[-4:], "little")
    mixed = (last + (first << 32)) ^ FLIP
    mixed ^= rotated(mixed, 49) ^ rotated(mixed, 24)
    mixed = mixed * PRIME & MASK
    mixed ^= (mixed >> 35) + len(data)
    mixed = mixed * PRIME & MASK
    return mixed ^ mixed >> 28


def rotated(number: int, by: int) -> int:
    return (number << by | number >> 64 - by) & MASK


def keys(partitions: int) -> list[str]:
    """A key for each partition, in their order. The key of partition 7 is for example `{0042}`: its tag is between the braces."""
    # One of the documented vectors.
    assert xxh3(b"orders/1") % 64 == 43
    found: dict[int, str] = {}
    number = 0
    while len(found) < partitions:
        tag = f"{number:06}"
        found.setdefault(xxh3(tag.encode()) % partitions, f"{{{tag}}}")
        number += 1
    return [found[partition] for partition in range(partitions)]
