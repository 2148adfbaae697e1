from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset






T = TypeVar("T", bound="Precondition")



@_attrs_define
class Precondition:
    """ The precondition that a key has no record at or above a sequence. In JSON, it has exactly one of `key` and
    `keyText`. Unknown fields are rejected.

        Example:
            {'key': 'b3JkZXJz', 'noRecordSince': 0}

        Attributes:
            key (str): The key. Must not be empty; it need not be one of the keys that are appended to.
            no_record_since (int): The precondition holds if no record of the key has this sequence or a higher one. Use the
                next sequence that a scan returned after it read the key to its end, or 0 to require that the key has no
                records.
            key_text (str | Unset): The key as text, in place of `key`.
     """

    key: str
    no_record_since: int
    key_text: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        key = self.key

        no_record_since = self.no_record_since

        key_text = self.key_text


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "key": key,
            "noRecordSince": no_record_since,
        })
        if key_text is not UNSET:
            field_dict["keyText"] = key_text

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        key = d.pop("key")

        no_record_since = d.pop("noRecordSince")

        key_text = d.pop("keyText", UNSET)

        precondition = cls(
            key=key,
            no_record_since=no_record_since,
            key_text=key_text,
        )


        precondition.additional_properties = d
        return precondition

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
