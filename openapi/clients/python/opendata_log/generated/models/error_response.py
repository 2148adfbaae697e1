from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.error_response_status import check_error_response_status
from ..models.error_response_status import ErrorResponseStatus
from ..types import UNSET, Unset
from typing import cast

if TYPE_CHECKING:
  from ..models.append_part import AppendPart
  from ..models.conflict import Conflict





T = TypeVar("T", bound="ErrorResponse")



@_attrs_define
class ErrorResponse:
    """ The response to a request that failed.

        Example:
            {'code': 'invalid_argument', 'message': 'limit must be at least 1', 'status': 'error'}

        Attributes:
            status (ErrorResponseStatus): Always "error".
            message (str): Description of the error, for people.
            code (str): Kind of the error, for programs: invalid_argument, spans_partitions, unauthenticated,
                permission_denied, not_found, method_not_allowed, too_large, unsupported_media_type, conflict, partly_applied,
                producer_out_of_order, producer_sequence_too_old, producer_sequence_reused, producer_fenced, producer_unknown,
                overloaded, unavailable, fenced, behind, not_writer, deadline_exceeded or internal.
            conflict (Conflict | Unset): A precondition that does not hold, or a cursor that is not where it is expected.
                Example: {'key': 'b3JkZXJz', 'lastSequence': 1}.
            expected_sequence (int | Unset): With the code producer_out_of_order: the sequence of the request that is to be
                applied next.
            parts (list[AppendPart] | Unset): With `atomic: false`, once the append was split: what became of each part, in
                the order of their partitions. In JSON, absent otherwise.
     """

    status: ErrorResponseStatus
    message: str
    code: str
    conflict: Conflict | Unset = UNSET
    expected_sequence: int | Unset = UNSET
    parts: list[AppendPart] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.append_part import AppendPart # noqa: PLC0415
        from ..models.conflict import Conflict # noqa: PLC0415
        status: str = self.status

        message = self.message

        code = self.code

        conflict: dict[str, Any] | Unset = UNSET
        if not isinstance(self.conflict, Unset):
            conflict = self.conflict.to_dict()

        expected_sequence = self.expected_sequence

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
            "message": message,
            "code": code,
        })
        if conflict is not UNSET:
            field_dict["conflict"] = conflict
        if expected_sequence is not UNSET:
            field_dict["expectedSequence"] = expected_sequence
        if parts is not UNSET:
            field_dict["parts"] = parts

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.append_part import AppendPart # noqa: PLC0415
        from ..models.conflict import Conflict # noqa: PLC0415
        d = dict(src_dict)
        status = check_error_response_status(d.pop("status"))




        message = d.pop("message")

        code = d.pop("code")

        _conflict = d.pop("conflict", UNSET)
        conflict: Conflict | Unset
        if isinstance(_conflict,  Unset):
            conflict = UNSET
        else:
            conflict = Conflict.from_dict(_conflict)




        expected_sequence = d.pop("expectedSequence", UNSET)

        _parts = d.pop("parts", UNSET)
        parts: list[AppendPart] | Unset = UNSET
        if _parts is not UNSET:
            parts = []
            for parts_item_data in _parts:
                parts_item = AppendPart.from_dict(parts_item_data)



                parts.append(parts_item)


        error_response = cls(
            status=status,
            message=message,
            code=code,
            conflict=conflict,
            expected_sequence=expected_sequence,
            parts=parts,
        )


        error_response.additional_properties = d
        return error_response

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
