from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.scan_response_status import check_scan_response_status
from ..models.scan_response_status import ScanResponseStatus
from ..types import UNSET, Unset
from typing import cast

if TYPE_CHECKING:
  from ..models.position import Position
  from ..models.value import Value





T = TypeVar("T", bound="ScanResponse")



@_attrs_define
class ScanResponse:
    """ One page of the records of a key or of several.

        Example:
            {'key': 'b3JkZXJz', 'nextSequence': 1, 'status': 'success', 'values': [{'sequence': 0, 'timestampMs':
                1795385000000, 'value': 'Zmlyc3Q='}]}

        Attributes:
            status (ScanResponseStatus): Always "success".
            key (str): The requested key. Empty in a read of several keys, where each record has its key.
            values (list[Value]): The records, in the order of their sequences. With `order=none`, those of each partition
                are in this order.
            next_sequence (int): The `start_seq` of the next page. Ranges without records of the requested keys are skipped.
                In a page of the last records: where the key continues. 0 with `order=none`, where each partition has a
                position.
            key_text (str | Unset): With `format=text`, in place of `key` if the key is text.
            trimmed_before (int | Unset): If the requested range begins below the floor of the log or of the key: the higher
                one of the two, the first sequence that can still be there. Records before it were trimmed or deleted. In a read
                of several keys, only floors count that hold for all of them: that of the log, and those of retention rules for
                prefixes. In JSON, absent otherwise. Also absent in a page of the last records that has as many as were asked
                for.
            more (bool | Unset): Whether the page ends because half of the time for a read was over. Then it may have no
                records although there are more: continue with the next sequence. In a page of the last records: that there may
                be older ones that were asked for. With `order=none`: that not all partitions were read to their ends, for
                whatever reason. In JSON, absent if false. Default: False.
            positions (list[Position] | Unset): With `order=none`: where each of the partitions continues that were asked
                for, in the order in which the next page reads them. In JSON, absent otherwise.
     """

    status: ScanResponseStatus
    key: str
    values: list[Value]
    next_sequence: int
    key_text: str | Unset = UNSET
    trimmed_before: int | Unset = UNSET
    more: bool | Unset = False
    positions: list[Position] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.position import Position # noqa: PLC0415
        from ..models.value import Value # noqa: PLC0415
        status: str = self.status

        key = self.key

        values = []
        for values_item_data in self.values:
            values_item = values_item_data.to_dict()
            values.append(values_item)



        next_sequence = self.next_sequence

        key_text = self.key_text

        trimmed_before = self.trimmed_before

        more = self.more

        positions: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.positions, Unset):
            positions = []
            for positions_item_data in self.positions:
                positions_item = positions_item_data.to_dict()
                positions.append(positions_item)




        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "status": status,
            "key": key,
            "values": values,
            "nextSequence": next_sequence,
        })
        if key_text is not UNSET:
            field_dict["keyText"] = key_text
        if trimmed_before is not UNSET:
            field_dict["trimmedBefore"] = trimmed_before
        if more is not UNSET:
            field_dict["more"] = more
        if positions is not UNSET:
            field_dict["positions"] = positions

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.position import Position # noqa: PLC0415
        from ..models.value import Value # noqa: PLC0415
        d = dict(src_dict)
        status = check_scan_response_status(d.pop("status"))




        key = d.pop("key")

        values = []
        _values = d.pop("values")
        for values_item_data in (_values):
            values_item = Value.from_dict(values_item_data)



            values.append(values_item)


        next_sequence = d.pop("nextSequence")

        key_text = d.pop("keyText", UNSET)

        trimmed_before = d.pop("trimmedBefore", UNSET)

        more = d.pop("more", UNSET)

        _positions = d.pop("positions", UNSET)
        positions: list[Position] | Unset = UNSET
        if _positions is not UNSET:
            positions = []
            for positions_item_data in _positions:
                positions_item = Position.from_dict(positions_item_data)



                positions.append(positions_item)


        scan_response = cls(
            status=status,
            key=key,
            values=values,
            next_sequence=next_sequence,
            key_text=key_text,
            trimmed_before=trimmed_before,
            more=more,
            positions=positions,
        )


        scan_response.additional_properties = d
        return scan_response

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
