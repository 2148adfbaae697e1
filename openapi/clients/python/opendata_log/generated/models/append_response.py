from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.append_response_status import AppendResponseStatus
from ..models.append_response_status import check_append_response_status
from ..types import UNSET, Unset
from typing import cast

if TYPE_CHECKING:
  from ..models.append_part import AppendPart





T = TypeVar("T", bound="AppendResponse")



@_attrs_define
class AppendResponse:
    """ The response to an append. The records have consecutive sequences, beginning with the start sequence.

        Example:
            {'recordsAppended': 2, 'startSequence': 0, 'status': 'success'}

        Attributes:
            status (AppendResponseStatus): Always "success".
            records_appended (int): Number of appended records: all records of the request.
            start_sequence (int): Sequence of the first record. 0 with `atomic: false`: each of the parts has its own.
            duplicate (bool | Unset): Whether the producer's request with this sequence was already applied. In that case
                nothing was applied now, and this is the response to the earlier request. In JSON, absent if false. Default:
                False.
            parts (list[AppendPart] | Unset): With `atomic: false`: the parts of the request, in the order of their
                partitions. All of them were applied. In JSON, absent otherwise.
     """

    status: AppendResponseStatus
    records_appended: int
    start_sequence: int
    duplicate: bool | Unset = False
    parts: list[AppendPart] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.append_part import AppendPart # noqa: PLC0415
        status: str = self.status

        records_appended = self.records_appended

        start_sequence = self.start_sequence

        duplicate = self.duplicate

        parts: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.parts, Unset):
            parts = []
            for parts_item_data in self.parts:
                parts_item = parts_item_data.to_dict()
                parts.append(parts_item)




        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "status": status,
            "recordsAppended": records_appended,
            "startSequence": start_sequence,
        })
        if duplicate is not UNSET:
            field_dict["duplicate"] = duplicate
        if parts is not UNSET:
            field_dict["parts"] = parts

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.append_part import AppendPart # noqa: PLC0415
        d = dict(src_dict)
        status = check_append_response_status(d.pop("status"))




        records_appended = d.pop("recordsAppended")

        start_sequence = d.pop("startSequence")

        duplicate = d.pop("duplicate", UNSET)

        _parts = d.pop("parts", UNSET)
        parts: list[AppendPart] | Unset = UNSET
        if _parts is not UNSET:
            parts = []
            for parts_item_data in _parts:
                parts_item = AppendPart.from_dict(parts_item_data)



                parts.append(parts_item)


        append_response = cls(
            status=status,
            records_appended=records_appended,
            start_sequence=start_sequence,
            duplicate=duplicate,
            parts=parts,
        )


        append_response.additional_properties = d
        return append_response

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
