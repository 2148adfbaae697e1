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





T = TypeVar("T", bound="Value")



@_attrs_define
class Value:
    """ One record in the response to a read.

        Example:
            {'sequence': 0, 'timestampMs': 1795385000000, 'value': 'Zmlyc3Q='}

        Attributes:
            sequence (int): Sequence of the record: its position in the log. All keys share one counter.
            value (str): Content of the record.
            timestamp_ms (int): Time of the append, in milliseconds since the Unix epoch.
            value_text (str | Unset): With `format=text`, in place of `value` if the value is text.
            headers (list[Header] | Unset): Headers of the record. In JSON, absent if there are none.
            key (str | Unset): Key of the record, in reads of several keys. Absent in reads of one key.
            key_text (str | Unset): With `format=text`, in place of `key` if the key is text.
     """

    sequence: int
    value: str
    timestamp_ms: int
    value_text: str | Unset = UNSET
    headers: list[Header] | Unset = UNSET
    key: str | Unset = UNSET
    key_text: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.header import Header # noqa: PLC0415
        sequence = self.sequence

        value = self.value

        timestamp_ms = self.timestamp_ms

        value_text = self.value_text

        headers: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.headers, Unset):
            headers = []
            for headers_item_data in self.headers:
                headers_item = headers_item_data.to_dict()
                headers.append(headers_item)



        key = self.key

        key_text = self.key_text


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "sequence": sequence,
            "value": value,
            "timestampMs": timestamp_ms,
        })
        if value_text is not UNSET:
            field_dict["valueText"] = value_text
        if headers is not UNSET:
            field_dict["headers"] = headers
        if key is not UNSET:
            field_dict["key"] = key
        if key_text is not UNSET:
            field_dict["keyText"] = key_text

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.header import Header # noqa: PLC0415
        d = dict(src_dict)
        sequence = d.pop("sequence")

        value = d.pop("value")

        timestamp_ms = d.pop("timestampMs")

        value_text = d.pop("valueText", UNSET)

        _headers = d.pop("headers", UNSET)
        headers: list[Header] | Unset = UNSET
        if _headers is not UNSET:
            headers = []
            for headers_item_data in _headers:
                headers_item = Header.from_dict(headers_item_data)



                headers.append(headers_item)


        key = d.pop("key", UNSET)

        key_text = d.pop("keyText", UNSET)

        value = cls(
            sequence=sequence,
            value=value,
            timestamp_ms=timestamp_ms,
            value_text=value_text,
            headers=headers,
            key=key,
            key_text=key_text,
        )


        value.additional_properties = d
        return value

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
