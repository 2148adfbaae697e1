from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.stream_keys_response_200_event import check_stream_keys_response_200_event
from ..models.stream_keys_response_200_event import StreamKeysResponse200Event
from ..types import UNSET, Unset
from typing import cast






T = TypeVar("T", bound="StreamKeysResponse200")



@_attrs_define
class StreamKeysResponse200:
    """ One event of the stream.

        Example:
            {'data': '{"sequence":0,"value":"Zmlyc3Q=","timestampMs":1795385000000}', 'id': '0'}

        Attributes:
            data (str): A `Value` in JSON; for `trimmed`, `{"trimmedBefore": n}`; for an `error`, an `ErrorResponse`.
            id (str | Unset): Sequence of the record, for `Last-Event-ID`.
            event (StreamKeysResponse200Event | Unset): Absent for records. `trimmed`: earlier records were trimmed.
                `error`: the last event. Default: 'message'.
     """

    data: str
    id: str | Unset = UNSET
    event: StreamKeysResponse200Event | Unset = 'message'
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        data = self.data

        id = self.id

        event: str | Unset = UNSET
        if not isinstance(self.event, Unset):
            event = self.event



        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "data": data,
        })
        if id is not UNSET:
            field_dict["id"] = id
        if event is not UNSET:
            field_dict["event"] = event

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        data = d.pop("data")

        id = d.pop("id", UNSET)

        _event = d.pop("event", UNSET)
        event: StreamKeysResponse200Event | Unset
        if isinstance(_event,  Unset):
            event = UNSET
        else:
            event = check_stream_keys_response_200_event(_event)




        stream_keys_response_200 = cls(
            data=data,
            id=id,
            event=event,
        )


        stream_keys_response_200.additional_properties = d
        return stream_keys_response_200

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
