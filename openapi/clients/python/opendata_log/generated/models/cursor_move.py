from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset






T = TypeVar("T", bound="CursorMove")



@_attrs_define
class CursorMove:
    """ A cursor that moves together with the records of an append. It is created if it does not exist. Unknown fields are
    rejected.

        Example:
            {'expected': 0, 'name': 'orders-projection', 'position': 1}

        Attributes:
            name (str): Name of the cursor. Required; 1 to 256 bytes, no control characters, neither `.` nor `..`.
            position (int): The sequence that is to be read next. Required in JSON. At most the end of the log, with the
                records of this request.
            expected (int | Unset): The records are appended and the cursors moved only if the cursor is at this position.
                One that does not exist is at 0. Absent: wherever it is.
     """

    name: str
    position: int
    expected: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        name = self.name

        position = self.position

        expected = self.expected


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "name": name,
            "position": position,
        })
        if expected is not UNSET:
            field_dict["expected"] = expected

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name")

        position = d.pop("position")

        expected = d.pop("expected", UNSET)

        cursor_move = cls(
            name=name,
            position=position,
            expected=expected,
        )


        cursor_move.additional_properties = d
        return cursor_move

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
