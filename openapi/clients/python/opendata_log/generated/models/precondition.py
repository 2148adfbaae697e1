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
    """ That a key has no record at or above a sequence: exactly one of `key` and `keyText`. Unknown fields are refused.

        Example:
            {'key': 'b3JkZXJz', 'noRecordSince': 0}

        Attributes:
            key (str): The key, which need not be one that is appended to.
            no_record_since (int): No record of the key has this sequence or a higher one: the `nextSequence` of a scan that
                read the key to its end. 0: the key has no record.
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
