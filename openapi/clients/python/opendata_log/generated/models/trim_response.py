from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.trim_response_status import check_trim_response_status
from ..models.trim_response_status import TrimResponseStatus
from typing import cast






T = TypeVar("T", bound="TrimResponse")



@_attrs_define
class TrimResponse:
    """ The response to a trim. The floor is durable.

        Example:
            {'status': 'success', 'trimmedBefore': 1}

        Attributes:
            status (TrimResponseStatus): Always "success".
            trimmed_before (int): The floor of the log: all records with a lower sequence are trimmed. It is higher than
                requested if more was trimmed before.
     """

    status: TrimResponseStatus
    trimmed_before: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        status: str = self.status

        trimmed_before = self.trimmed_before


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "status": status,
            "trimmedBefore": trimmed_before,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        status = check_trim_response_status(d.pop("status"))




        trimmed_before = d.pop("trimmedBefore")

        trim_response = cls(
            status=status,
            trimmed_before=trimmed_before,
        )


        trim_response.additional_properties = d
        return trim_response

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
