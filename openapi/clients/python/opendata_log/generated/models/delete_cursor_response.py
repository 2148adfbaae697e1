from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.delete_cursor_response_status import check_delete_cursor_response_status
from ..models.delete_cursor_response_status import DeleteCursorResponseStatus
from ..types import UNSET, Unset
from typing import cast






T = TypeVar("T", bound="DeleteCursorResponse")



@_attrs_define
class DeleteCursorResponse:
    """ The response to the deletion of a cursor. The deletion is durable.

        Example:
            {'deleted': True, 'status': 'success'}

        Attributes:
            status (DeleteCursorResponseStatus): Always "success".
            deleted (bool | Unset): Whether there was such a cursor. In JSON, absent if false. Default: False.
     """

    status: DeleteCursorResponseStatus
    deleted: bool | Unset = False
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        status: str = self.status

        deleted = self.deleted


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "status": status,
        })
        if deleted is not UNSET:
            field_dict["deleted"] = deleted

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        status = check_delete_cursor_response_status(d.pop("status"))




        deleted = d.pop("deleted", UNSET)

        delete_cursor_response = cls(
            status=status,
            deleted=deleted,
        )


        delete_cursor_response.additional_properties = d
        return delete_cursor_response

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
