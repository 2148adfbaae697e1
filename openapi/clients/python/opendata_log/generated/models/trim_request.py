from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset






T = TypeVar("T", bound="TrimRequest")



@_attrs_define
class TrimRequest:
    """ What to trim. It has exactly one of the fields. Unknown fields are rejected.

        Example:
            {'beforeSequence': 1}

        Attributes:
            before_sequence (int | Unset): Trim all records with a lower sequence. At most the end of the log.
            before_time_ms (int | Unset): Trim records that were appended before this time, in milliseconds since the Unix
                epoch, by whole segments. Not in the future.
     """

    before_sequence: int | Unset = UNSET
    before_time_ms: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        before_sequence = self.before_sequence

        before_time_ms = self.before_time_ms


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
        })
        if before_sequence is not UNSET:
            field_dict["beforeSequence"] = before_sequence
        if before_time_ms is not UNSET:
            field_dict["beforeTimeMs"] = before_time_ms

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        before_sequence = d.pop("beforeSequence", UNSET)

        before_time_ms = d.pop("beforeTimeMs", UNSET)

        trim_request = cls(
            before_sequence=before_sequence,
            before_time_ms=before_time_ms,
        )


        trim_request.additional_properties = d
        return trim_request

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
