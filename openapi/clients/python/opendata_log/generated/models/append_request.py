from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset
from typing import cast

if TYPE_CHECKING:
  from ..models.record import Record





T = TypeVar("T", bound="AppendRequest")



@_attrs_define
class AppendRequest:
    """ Records to append, whole or not at all. Unknown fields are refused.

        Example:
            {'awaitDurable': True, 'records': [{'key': 'b3JkZXJz', 'value': 'Zmlyc3Q='}, {'headers': [{'name': 'content-
                type', 'value': 'dGV4dC9wbGFpbg=='}], 'key': 'b3JkZXJz', 'value': 'c2Vjb25k'}]}

        Attributes:
            records (list[Record]): They get consecutive sequences in this order.
            await_durable (bool | Unset): Answer only once the records are on object storage. Default: False.
     """

    records: list[Record]
    await_durable: bool | Unset = False
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.record import Record # noqa: PLC0415
        records = []
        for records_item_data in self.records:
            records_item = records_item_data.to_dict()
            records.append(records_item)



        await_durable = self.await_durable


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "records": records,
        })
        if await_durable is not UNSET:
            field_dict["awaitDurable"] = await_durable

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.record import Record # noqa: PLC0415
        d = dict(src_dict)
        records = []
        _records = d.pop("records")
        for records_item_data in (_records):
            records_item = Record.from_dict(records_item_data)



            records.append(records_item)


        await_durable = d.pop("awaitDurable", UNSET)

        append_request = cls(
            records=records,
            await_durable=await_durable,
        )


        append_request.additional_properties = d
        return append_request

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
