from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset






T = TypeVar("T", bound="Header")



@_attrs_define
class Header:
    """ One header of a record, such as a trace id or a content type. Several headers of a record may have the same name;
    they keep their order. In JSON, a header to append has exactly one of `value` and `valueText`. Unknown fields are
    rejected.

        Example:
            {'name': 'content-type', 'value': 'dGV4dC9wbGFpbg=='}

        Attributes:
            name (str): Name of the header. Required; 1 to 256 characters, no control characters.
            value (str): Content of the header. Required, but may be empty.
            value_text (str | Unset): The value as text, in place of `value`: in requests, and in responses with
                `format=text` if the value is text.
     """

    name: str
    value: str
    value_text: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        name = self.name

        value = self.value

        value_text = self.value_text


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "name": name,
            "value": value,
        })
        if value_text is not UNSET:
            field_dict["valueText"] = value_text

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name")

        value = d.pop("value")

        value_text = d.pop("valueText", UNSET)

        header = cls(
            name=name,
            value=value,
            value_text=value_text,
        )


        header.additional_properties = d
        return header

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
