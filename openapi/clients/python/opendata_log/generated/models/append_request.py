from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset
from typing import cast

if TYPE_CHECKING:
  from ..models.cursor_move import CursorMove
  from ..models.precondition import Precondition
  from ..models.producer import Producer
  from ..models.record import Record





T = TypeVar("T", bound="AppendRequest")



@_attrs_define
class AppendRequest:
    """ Records to append: either all of them are appended or none, unless `atomic` is false. Unknown fields are rejected.

        Example:
            {'awaitDurable': True, 'records': [{'key': 'b3JkZXJz', 'value': 'Zmlyc3Q='}, {'headers': [{'name': 'content-
                type', 'value': 'dGV4dC9wbGFpbg=='}], 'key': 'b3JkZXJz', 'value': 'c2Vjb25k'}]}

        Attributes:
            records (list[Record]): At least one record. They get consecutive sequences in this order.
            await_durable (bool | Unset): Whether to respond only after the records are durable on object storage. Default:
                False.
            preconditions (list[Precondition] | Unset): The records are appended only if all of these preconditions hold. Up
                to 1,000.
            producer (Producer | Unset): The producer of a request and the number of the request. A request is applied only
                once, even if it is sent repeatedly. Unknown fields are rejected. Example: {'epoch': 0, 'id':
                '0192f0c1-7d3a-7cc4-8f4e-5d1f0a9b3c21', 'sequence': 0}.
            cursors (list[CursorMove] | Unset): Cursors that move together with the records: all of it is applied, or
                nothing. Up to 100, each of another cursor.
            atomic (bool | Unset): Absent or true: the request is applied as a whole, so in a cluster all of it is in one
                partition. False: it is split into one part for each partition, and each part is applied as a whole or not at
                all; the response has `parts`. Not together with `producer`, and not in a session.
     """

    records: list[Record]
    await_durable: bool | Unset = False
    preconditions: list[Precondition] | Unset = UNSET
    producer: Producer | Unset = UNSET
    cursors: list[CursorMove] | Unset = UNSET
    atomic: bool | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.cursor_move import CursorMove # noqa: PLC0415
        from ..models.precondition import Precondition # noqa: PLC0415
        from ..models.producer import Producer # noqa: PLC0415
        from ..models.record import Record # noqa: PLC0415
        records = []
        for records_item_data in self.records:
            records_item = records_item_data.to_dict()
            records.append(records_item)



        await_durable = self.await_durable

        preconditions: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.preconditions, Unset):
            preconditions = []
            for preconditions_item_data in self.preconditions:
                preconditions_item = preconditions_item_data.to_dict()
                preconditions.append(preconditions_item)



        producer: dict[str, Any] | Unset = UNSET
        if not isinstance(self.producer, Unset):
            producer = self.producer.to_dict()

        cursors: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.cursors, Unset):
            cursors = []
            for cursors_item_data in self.cursors:
                cursors_item = cursors_item_data.to_dict()
                cursors.append(cursors_item)



        atomic = self.atomic


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "records": records,
        })
        if await_durable is not UNSET:
            field_dict["awaitDurable"] = await_durable
        if preconditions is not UNSET:
            field_dict["preconditions"] = preconditions
        if producer is not UNSET:
            field_dict["producer"] = producer
        if cursors is not UNSET:
            field_dict["cursors"] = cursors
        if atomic is not UNSET:
            field_dict["atomic"] = atomic

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.cursor_move import CursorMove # noqa: PLC0415
        from ..models.precondition import Precondition # noqa: PLC0415
        from ..models.producer import Producer # noqa: PLC0415
        from ..models.record import Record # noqa: PLC0415
        d = dict(src_dict)
        records = []
        _records = d.pop("records")
        for records_item_data in (_records):
            records_item = Record.from_dict(records_item_data)



            records.append(records_item)


        await_durable = d.pop("awaitDurable", UNSET)

        _preconditions = d.pop("preconditions", UNSET)
        preconditions: list[Precondition] | Unset = UNSET
        if _preconditions is not UNSET:
            preconditions = []
            for preconditions_item_data in _preconditions:
                preconditions_item = Precondition.from_dict(preconditions_item_data)



                preconditions.append(preconditions_item)


        _producer = d.pop("producer", UNSET)
        producer: Producer | Unset
        if isinstance(_producer,  Unset):
            producer = UNSET
        else:
            producer = Producer.from_dict(_producer)




        _cursors = d.pop("cursors", UNSET)
        cursors: list[CursorMove] | Unset = UNSET
        if _cursors is not UNSET:
            cursors = []
            for cursors_item_data in _cursors:
                cursors_item = CursorMove.from_dict(cursors_item_data)



                cursors.append(cursors_item)


        atomic = d.pop("atomic", UNSET)

        append_request = cls(
            records=records,
            await_durable=await_durable,
            preconditions=preconditions,
            producer=producer,
            cursors=cursors,
            atomic=atomic,
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
