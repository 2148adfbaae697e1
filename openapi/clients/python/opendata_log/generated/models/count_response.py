from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.count_response_status import check_count_response_status
from ..models.count_response_status import CountResponseStatus
from ..types import UNSET, Unset
from typing import cast






T = TypeVar("T", bound="CountResponse")



@_attrs_define
class CountResponse:
    """ The number of records of a key.

        Example:
            {'count': 2, 'status': 'success'}

        Attributes:
            status (CountResponseStatus): Always "success".
            count (int): Exact number of records.
            trimmed_before (int | Unset): If the range begins below the floor of the log or of the key: the higher one of
                the two, the first sequence that can still be there. Records before it were trimmed or deleted, and are not
                counted. In JSON, absent otherwise.
     """

    status: CountResponseStatus
    count: int
    trimmed_before: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        status: str = self.status

        count = self.count

        trimmed_before = self.trimmed_before


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "status": status,
            "count": count,
        })
        if trimmed_before is not UNSET:
            field_dict["trimmedBefore"] = trimmed_before

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        status = check_count_response_status(d.pop("status"))




        count = d.pop("count")

        trimmed_before = d.pop("trimmedBefore", UNSET)

        count_response = cls(
            status=status,
            count=count,
            trimmed_before=trimmed_before,
        )


        count_response.additional_properties = d
        return count_response

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
