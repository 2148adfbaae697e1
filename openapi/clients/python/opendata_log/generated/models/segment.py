from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset







T = TypeVar("T", bound="Segment")



@_attrs_define
class Segment:
    """ A section of the log, across all keys. It ends where the next segment starts.

        Example:
            {'id': 1, 'startSeq': 0, 'startTimeMs': 1795385000000}

        Attributes:
            id (int): Number of the segment.
            start_seq (int): Lowest sequence that a record of the segment can have.
            start_time_ms (int): Time at which the segment was started, in milliseconds since the Unix epoch.
     """

    id: int
    start_seq: int
    start_time_ms: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        id = self.id

        start_seq = self.start_seq

        start_time_ms = self.start_time_ms


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "id": id,
            "startSeq": start_seq,
            "startTimeMs": start_time_ms,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        start_seq = d.pop("startSeq")

        start_time_ms = d.pop("startTimeMs")

        segment = cls(
            id=id,
            start_seq=start_seq,
            start_time_ms=start_time_ms,
        )


        segment.additional_properties = d
        return segment

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
