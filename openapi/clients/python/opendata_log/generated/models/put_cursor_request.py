from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset






T = TypeVar("T", bound="PutCursorRequest")



@_attrs_define
class PutCursorRequest:
    """ Where a cursor is to be. Unknown fields are rejected.

        Example:
            {'expected': 0, 'position': 1}

        Attributes:
            position (int): The sequence that is to be read next. Required; at most the end of the log.
            expected (int | Unset): The cursor is moved only if it is at this position. One that does not exist is at 0.
                Absent: wherever it is.
     """

    position: int
    expected: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        position = self.position

        expected = self.expected


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "position": position,
        })
        if expected is not UNSET:
            field_dict["expected"] = expected

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        position = d.pop("position")

        expected = d.pop("expected", UNSET)

        put_cursor_request = cls(
            position=position,
            expected=expected,
        )


        put_cursor_request.additional_properties = d
        return put_cursor_request

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
