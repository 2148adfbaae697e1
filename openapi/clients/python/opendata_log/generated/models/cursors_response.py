from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.cursors_response_status import check_cursors_response_status
from ..models.cursors_response_status import CursorsResponseStatus
from ..types import UNSET, Unset
from typing import cast

if TYPE_CHECKING:
  from ..models.cursor import Cursor





T = TypeVar("T", bound="CursorsResponse")



@_attrs_define
class CursorsResponse:
    """ One page of the cursors.

        Example:
            {'cursors': [{'lag': 1, 'name': 'orders-projection', 'position': 1, 'updatedMs': 1795385000000}], 'status':
                'success'}

        Attributes:
            status (CursorsResponseStatus): Always "success".
            cursors (list[Cursor]): The cursors, in byte order of their names.
            next_start_after (str | Unset): The `start_after` of the next page. Absent if there are no more cursors.
     """

    status: CursorsResponseStatus
    cursors: list[Cursor]
    next_start_after: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.cursor import Cursor # noqa: PLC0415
        status: str = self.status

        cursors = []
        for cursors_item_data in self.cursors:
            cursors_item = cursors_item_data.to_dict()
            cursors.append(cursors_item)



        next_start_after = self.next_start_after


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "status": status,
            "cursors": cursors,
        })
        if next_start_after is not UNSET:
            field_dict["nextStartAfter"] = next_start_after

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.cursor import Cursor # noqa: PLC0415
        d = dict(src_dict)
        status = check_cursors_response_status(d.pop("status"))




        cursors = []
        _cursors = d.pop("cursors")
        for cursors_item_data in (_cursors):
            cursors_item = Cursor.from_dict(cursors_item_data)



            cursors.append(cursors_item)


        next_start_after = d.pop("nextStartAfter", UNSET)

        cursors_response = cls(
            status=status,
            cursors=cursors,
            next_start_after=next_start_after,
        )


        cursors_response.additional_properties = d
        return cursors_response

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
