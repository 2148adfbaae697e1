from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.cluster_response_status import check_cluster_response_status
from ..models.cluster_response_status import ClusterResponseStatus
from typing import cast

if TYPE_CHECKING:
  from ..models.cluster_node import ClusterNode
  from ..models.cluster_partition import ClusterPartition





T = TypeVar("T", bound="ClusterResponse")



@_attrs_define
class ClusterResponse:
    """ What a server knows of the partitions of the log and of the nodes that serve them. A log that is not clustered has
    one partition and no nodes.

        Example:
            {'nodes': [{'alive': True, 'node': 'log-0', 'url': 'http://log-0.log-nodes:8080', 'version': '1.0.0', 'zone':
                'a'}], 'partitions': [{'durable': 2, 'node': 'log-0', 'partition': 0, 'state': 'serving', 'tip': 2, 'url':
                'http://log-0.log-nodes:8080'}], 'status': 'success'}

        Attributes:
            status (ClusterResponseStatus): Always "success".
            partitions (list[ClusterPartition]): All partitions, in order. A key belongs to the partition XXH3_64(tag) mod
                their number; the tag is the text between the first `{` of the key and the next `}`, or the whole key.
            nodes (list[ClusterNode]): The nodes, in byte order of their names.
     """

    status: ClusterResponseStatus
    partitions: list[ClusterPartition]
    nodes: list[ClusterNode]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.cluster_node import ClusterNode # noqa: PLC0415
        from ..models.cluster_partition import ClusterPartition # noqa: PLC0415
        status: str = self.status

        partitions = []
        for partitions_item_data in self.partitions:
            partitions_item = partitions_item_data.to_dict()
            partitions.append(partitions_item)



        nodes = []
        for nodes_item_data in self.nodes:
            nodes_item = nodes_item_data.to_dict()
            nodes.append(nodes_item)




        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "status": status,
            "partitions": partitions,
            "nodes": nodes,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.cluster_node import ClusterNode # noqa: PLC0415
        from ..models.cluster_partition import ClusterPartition # noqa: PLC0415
        d = dict(src_dict)
        status = check_cluster_response_status(d.pop("status"))




        partitions = []
        _partitions = d.pop("partitions")
        for partitions_item_data in (_partitions):
            partitions_item = ClusterPartition.from_dict(partitions_item_data)



            partitions.append(partitions_item)


        nodes = []
        _nodes = d.pop("nodes")
        for nodes_item_data in (_nodes):
            nodes_item = ClusterNode.from_dict(nodes_item_data)



            nodes.append(nodes_item)


        cluster_response = cls(
            status=status,
            partitions=partitions,
            nodes=nodes,
        )


        cluster_response.additional_properties = d
        return cluster_response

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
