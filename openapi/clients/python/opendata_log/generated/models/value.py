from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset






T = TypeVar("T", bound="Value")



@_attrs_define
class Value:
    """ One record as it is read.

        Example:
            {'sequence': 0, 'timestampMs': 1795385000000, 'value': 'Zmlyc3Q='}

        Attributes:
            sequence (int): Its place in the log: one counter for all keys.
            value (str): What it says.
            timestamp_ms (int): When it was appended, in milliseconds since the Unix epoch.
            value_text (str | Unset): With `format=text`, in place of `value`, if it is text.
     """

    sequence: int
    value: str
    timestamp_ms: int
    value_text: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        sequence = self.sequence

        value = self.value

        timestamp_ms = self.timestamp_ms

        value_text = self.value_text


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "sequence": sequence,
            "value": value,
            "timestampMs": timestamp_ms,
        })
        if value_text is not UNSET:
            field_dict["valueText"] = value_text

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        sequence = d.pop("sequence")

        value = d.pop("value")

        timestamp_ms = d.pop("timestampMs")

        value_text = d.pop("valueText", UNSET)

        value = cls(
            sequence=sequence,
            value=value,
            timestamp_ms=timestamp_ms,
            value_text=value_text,
        )


        value.additional_properties = d
        return value

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
