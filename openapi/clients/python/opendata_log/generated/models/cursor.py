from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset







T = TypeVar("T", bound="Cursor")



@_attrs_define
class Cursor:
    """ One cursor of a listing.

        Example:
            {'lag': 1, 'name': 'orders-projection', 'position': 1, 'updatedMs': 1795385000000}

        Attributes:
            name (str): Name of the cursor.
            position (int): The sequence that is to be read next.
            updated_ms (int): Time of the last move, in milliseconds since the Unix epoch.
            lag (int): Number of sequences between the position and the end of the log, over all keys.
     """

    name: str
    position: int
    updated_ms: int
    lag: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        name = self.name

        position = self.position

        updated_ms = self.updated_ms

        lag = self.lag


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "name": name,
            "position": position,
            "updatedMs": updated_ms,
            "lag": lag,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name")

        position = d.pop("position")

        updated_ms = d.pop("updatedMs")

        lag = d.pop("lag")

        cursor = cls(
            name=name,
            position=position,
            updated_ms=updated_ms,
            lag=lag,
        )


        cursor.additional_properties = d
        return cursor

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
