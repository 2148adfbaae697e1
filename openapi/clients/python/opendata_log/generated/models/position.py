from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset






T = TypeVar("T", bound="Position")



@_attrs_define
class Position:
    """ Where a read of several partitions continues in one of them. Unknown fields are rejected.

        Example:
            {'nextSequence': 12, 'partition': 17}

        Attributes:
            partition (int): Number of the partition. 0 if the log is not clustered.
            next_sequence (int): The sequence of this partition that is to be read next.
            trimmed_before (int | Unset): In responses, if the page was to have records below the floor of the partition:
                the floor, as in `ScanResponse`. In JSON, absent otherwise. In requests it has no meaning.
     """

    partition: int
    next_sequence: int
    trimmed_before: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        partition = self.partition

        next_sequence = self.next_sequence

        trimmed_before = self.trimmed_before


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "partition": partition,
            "nextSequence": next_sequence,
        })
        if trimmed_before is not UNSET:
            field_dict["trimmedBefore"] = trimmed_before

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        partition = d.pop("partition")

        next_sequence = d.pop("nextSequence")

        trimmed_before = d.pop("trimmedBefore", UNSET)

        position = cls(
            partition=partition,
            next_sequence=next_sequence,
            trimmed_before=trimmed_before,
        )


        position.additional_properties = d
        return position

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
