from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.keys_response_status import check_keys_response_status
from ..models.keys_response_status import KeysResponseStatus
from ..types import UNSET, Unset
from typing import cast

if TYPE_CHECKING:
  from ..models.key import Key





T = TypeVar("T", bound="KeysResponse")



@_attrs_define
class KeysResponse:
    """ One page of the distinct keys.

        Example:
            {'keys': [{'key': 'b3JkZXJz'}], 'status': 'success'}

        Attributes:
            status (KeysResponseStatus): Always "success".
            keys (list[Key]): The keys, in byte order.
            next_start_after (str | Unset): The `start_after_base64` of the next page, in binary protobuf before base64
                encoding. Absent if there are no more keys. A page that has it may be empty: half of the time for a read was
                over.
            next_start_after_text (str | Unset): The `start_after` of the next page: with `format=text`, in place of
                `nextStartAfter` if the key is text.
     """

    status: KeysResponseStatus
    keys: list[Key]
    next_start_after: str | Unset = UNSET
    next_start_after_text: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.key import Key # noqa: PLC0415
        status: str = self.status

        keys = []
        for keys_item_data in self.keys:
            keys_item = keys_item_data.to_dict()
            keys.append(keys_item)



        next_start_after = self.next_start_after

        next_start_after_text = self.next_start_after_text


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "status": status,
            "keys": keys,
        })
        if next_start_after is not UNSET:
            field_dict["nextStartAfter"] = next_start_after
        if next_start_after_text is not UNSET:
            field_dict["nextStartAfterText"] = next_start_after_text

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.key import Key # noqa: PLC0415
        d = dict(src_dict)
        status = check_keys_response_status(d.pop("status"))




        keys = []
        _keys = d.pop("keys")
        for keys_item_data in (_keys):
            keys_item = Key.from_dict(keys_item_data)



            keys.append(keys_item)


        next_start_after = d.pop("nextStartAfter", UNSET)

        next_start_after_text = d.pop("nextStartAfterText", UNSET)

        keys_response = cls(
            status=status,
            keys=keys,
            next_start_after=next_start_after,
            next_start_after_text=next_start_after_text,
        )


        keys_response.additional_properties = d
        return keys_response

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
