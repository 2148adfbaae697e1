from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset
from typing import cast

if TYPE_CHECKING:
  from ..models.header import Header





T = TypeVar("T", bound="Record")



@_attrs_define
class Record:
    """ One record to append. In JSON, it has exactly one of `key` and `keyText`, and exactly one of `value` and
    `valueText`. Unknown fields are rejected.

        Example:
            {'key': 'b3JkZXJz', 'value': 'Zmlyc3Q='}

        Attributes:
            key (str): The key that the record is appended to. Required; 1 B to 8 KiB (by default), in JSON before base64
                encoding.
            value (str): The content of the record. Required, but may be empty; up to 8 MiB (by default), in JSON before
                base64 encoding. In binary protobuf an empty value must be present on the wire, as it is when the field is set.
            key_text (str | Unset): The key as text, in place of `key`; stored as UTF-8.
            value_text (str | Unset): The value as text, in place of `value`; stored as UTF-8.
            headers (list[Header] | Unset): Metadata, such as a trace id or a content type. Up to 64 headers, with 8 KiB of
                names and values in total (by default).
     """

    key: str
    value: str
    key_text: str | Unset = UNSET
    value_text: str | Unset = UNSET
    headers: list[Header] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.header import Header # noqa: PLC0415
        key = self.key

        value = self.value

        key_text = self.key_text

        value_text = self.value_text

        headers: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.headers, Unset):
            headers = []
            for headers_item_data in self.headers:
                headers_item = headers_item_data.to_dict()
                headers.append(headers_item)




        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "key": key,
            "value": value,
        })
        if key_text is not UNSET:
            field_dict["keyText"] = key_text
        if value_text is not UNSET:
            field_dict["valueText"] = value_text
        if headers is not UNSET:
            field_dict["headers"] = headers

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.header import Header # noqa: PLC0415
        d = dict(src_dict)
        key = d.pop("key")

        value = d.pop("value")

        key_text = d.pop("keyText", UNSET)

        value_text = d.pop("valueText", UNSET)

        _headers = d.pop("headers", UNSET)
        headers: list[Header] | Unset = UNSET
        if _headers is not UNSET:
            headers = []
            for headers_item_data in _headers:
                headers_item = Header.from_dict(headers_item_data)



                headers.append(headers_item)


        record = cls(
            key=key,
            value=value,
            key_text=key_text,
            value_text=value_text,
            headers=headers,
        )


        record.additional_properties = d
        return record

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
