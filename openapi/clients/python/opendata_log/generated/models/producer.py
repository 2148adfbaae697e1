from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset






T = TypeVar("T", bound="Producer")



@_attrs_define
class Producer:
    """ The producer of a request and the number of the request. A request is applied only once, even if it is sent
    repeatedly. Unknown fields are rejected.

        Example:
            {'epoch': 0, 'id': '0192f0c1-7d3a-7cc4-8f4e-5d1f0a9b3c21', 'sequence': 0}

        Attributes:
            id (str): Name of the producer, 1 to 128 bytes. It must be unique among all clients: use, for example, a random
                UUID.
            epoch (int | Unset): Epoch of the producer. A request with a higher epoch takes over: from then on, requests
                with a lower epoch are rejected. Default: 0.
            sequence (int | Unset): Number of the request within the epoch: 0 for the first request, then one more for each.
                Default: 0.
     """

    id: str
    epoch: int | Unset = 0
    sequence: int | Unset = 0
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        id = self.id

        epoch = self.epoch

        sequence = self.sequence


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "id": id,
        })
        if epoch is not UNSET:
            field_dict["epoch"] = epoch
        if sequence is not UNSET:
            field_dict["sequence"] = sequence

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        epoch = d.pop("epoch", UNSET)

        sequence = d.pop("sequence", UNSET)

        producer = cls(
            id=id,
            epoch=epoch,
            sequence=sequence,
        )


        producer.additional_properties = d
        return producer

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
