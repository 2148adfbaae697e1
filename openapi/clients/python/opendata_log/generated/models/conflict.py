from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset






T = TypeVar("T", bound="Conflict")



@_attrs_define
class Conflict:
    """ A precondition that does not hold, or a cursor that is not where it is expected.

        Example:
            {'key': 'b3JkZXJz', 'lastSequence': 1}

        Attributes:
            key (str): Key of the precondition. Empty if it is about a cursor.
            last_sequence (int | Unset): Sequence of the last record of the key. Absent if that record was trimmed or
                deleted.
            trimmed_before (int | Unset): If records that the precondition asks about were trimmed or deleted, and the key
                has no later ones: the floor of the log or of the key, the higher one of the two; the first sequence that can
                still be there.
            cursor (str | Unset): Name of the cursor, if it is about one. In JSON, absent otherwise.
            position (int | Unset): Where that cursor is. Absent if it does not exist.
     """

    key: str
    last_sequence: int | Unset = UNSET
    trimmed_before: int | Unset = UNSET
    cursor: str | Unset = UNSET
    position: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        key = self.key

        last_sequence = self.last_sequence

        trimmed_before = self.trimmed_before

        cursor = self.cursor

        position = self.position


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "key": key,
        })
        if last_sequence is not UNSET:
            field_dict["lastSequence"] = last_sequence
        if trimmed_before is not UNSET:
            field_dict["trimmedBefore"] = trimmed_before
        if cursor is not UNSET:
            field_dict["cursor"] = cursor
        if position is not UNSET:
            field_dict["position"] = position

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        key = d.pop("key")

        last_sequence = d.pop("lastSequence", UNSET)

        trimmed_before = d.pop("trimmedBefore", UNSET)

        cursor = d.pop("cursor", UNSET)

        position = d.pop("position", UNSET)

        conflict = cls(
            key=key,
            last_sequence=last_sequence,
            trimmed_before=trimmed_before,
            cursor=cursor,
            position=position,
        )


        conflict.additional_properties = d
        return conflict

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
