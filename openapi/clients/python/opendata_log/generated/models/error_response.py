from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.error_response_status import check_error_response_status
from ..models.error_response_status import ErrorResponseStatus
from typing import cast






T = TypeVar("T", bound="ErrorResponse")



@_attrs_define
class ErrorResponse:
    """ Why something was not done.

        Example:
            {'code': 'invalid_argument', 'message': 'limit must be at least 1', 'status': 'error'}

        Attributes:
            status (ErrorResponseStatus): Which kind of answer this is.
            message (str): What went wrong, for people.
            code (str): What went wrong, for programs: invalid_argument, unauthenticated, permission_denied, not_found,
                method_not_allowed, too_large, unsupported_media_type, overloaded, unavailable, fenced, deadline_exceeded or
                internal.
     """

    status: ErrorResponseStatus
    message: str
    code: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        status: str = self.status

        message = self.message

        code = self.code


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "status": status,
            "message": message,
            "code": code,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        status = check_error_response_status(d.pop("status"))




        message = d.pop("message")

        code = d.pop("code")

        error_response = cls(
            status=status,
            message=message,
            code=code,
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
