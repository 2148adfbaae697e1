"""Reads of all partitions of a cluster, in no order between them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from . import arguments
from .generated.models import Position, ScanRequest, ScanResponse, ScanVisibility
from .generated.types import UNSET
from .records import Record, encode, record
from .trimmed import floor


@dataclass(frozen=True, slots=True)
class UnorderedPage:
    """Records of all partitions, and where to continue in each."""

    records: list[Record]
    """Those of each partition are in the order of their sequences; between partitions there is no order."""
    positions: dict[int, int]
    """The sequence to read next in each partition. Keep them in this order: the partitions that had less come first."""
    trimmed_before: dict[int, int] = field(default_factory=dict)
    """The partitions of which records that were to be read had been trimmed, and the first sequence that can still be there in each."""


def request(
    prefix: bytes, positions: Mapping[int, int], page: int, visibility: ScanVisibility, start_time_ms: int | None,
) -> ScanRequest:
    """What is asked for, checked."""
    if not isinstance(positions, Mapping):
        raise TypeError(f"positions must be a dict of partition and sequence, such as {{0: 12, 1: 40}}, not {arguments.kind(positions)}")
    given = [
        Position(arguments.whole("positions: partition", partition), arguments.whole(f"positions[{partition}]", following))
        for partition, following in positions.items()]
    return ScanRequest(
        prefix=encode(arguments.data("prefix", prefix)), order="none", positions=given or UNSET,
        limit=arguments.whole("page", page, least=1), visibility=visibility,
        start_time_ms=arguments.unset_or_whole("start_time_ms", start_time_ms))


def told(answer: ScanResponse) -> UnorderedPage:
    """A page as it came."""
    positions: Iterable[Position] = answer.positions or ()
    floors = {position.partition: floor(position.trimmed_before) for position in positions}
    return UnorderedPage(
        [record(value) for value in answer.values],
        {position.partition: position.next_sequence for position in positions},
        {partition: before for partition, before in floors.items() if before is not None})
