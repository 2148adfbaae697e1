from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.cluster_partition_state import check_cluster_partition_state
from ..models.cluster_partition_state import ClusterPartitionState
from ..types import UNSET, Unset
from typing import cast






T = TypeVar("T", bound="ClusterPartition")



@_attrs_define
class ClusterPartition:
    """ A partition of the log.

        Example:
            {'durable': 2, 'node': 'log-0', 'partition': 0, 'state': 'serving', 'tip': 2, 'url': 'http://log-0.log-
                nodes:8080'}

        Attributes:
            partition (int): Its number, from 0.
            state (ClusterPartitionState): `serving`, `moving` while this server opens or closes it, or `unserved`.
            node (str | Unset): Name of the node that serves it. Absent if none does, as far as this server knows, and if
                the log is not clustered.
            url (str | Unset): URL of that node.
            tip (int | Unset): The end of the partition: the sequence that its next record gets. Present if this server
                serves the partition.
            durable (int | Unset): Everything below this sequence is durable. Present if this server serves the partition.
     """

    partition: int
    state: ClusterPartitionState
    node: str | Unset = UNSET
    url: str | Unset = UNSET
    tip: int | Unset = UNSET
    durable: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        partition = self.partition

        state: str = self.state

        node = self.node

        url = self.url

        tip = self.tip

        durable = self.durable


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "partition": partition,
            "state": state,
        })
        if node is not UNSET:
            field_dict["node"] = node
        if url is not UNSET:
            field_dict["url"] = url
        if tip is not UNSET:
            field_dict["tip"] = tip
        if durable is not UNSET:
            field_dict["durable"] = durable

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        partition = d.pop("partition")

        state = check_cluster_partition_state(d.pop("state"))




        node = d.pop("node", UNSET)

        url = d.pop("url", UNSET)

        tip = d.pop("tip", UNSET)

        durable = d.pop("durable", UNSET)

        cluster_partition = cls(
            partition=partition,
            state=state,
            node=node,
            url=url,
            tip=tip,
            durable=durable,
        )


        cluster_partition.additional_properties = d
        return cluster_partition

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
