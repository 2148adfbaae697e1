from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset






T = TypeVar("T", bound="ClusterNode")



@_attrs_define
class ClusterNode:
    """ A node of the cluster.

        Example:
            {'alive': True, 'node': 'log-0', 'url': 'http://log-0.log-nodes:8080', 'version': '1.0.0', 'zone': 'a'}

        Attributes:
            node (str): Its name.
            url (str): The URL at which it is reached.
            version (str): The version of its program.
            zone (str | Unset): Its zone, if it has one.
            alive (bool | Unset): Whether it is alive, as far as this server knows. Default: False.
     """

    node: str
    url: str
    version: str
    zone: str | Unset = UNSET
    alive: bool | Unset = False
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        node = self.node

        url = self.url

        version = self.version

        zone = self.zone

        alive = self.alive


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "node": node,
            "url": url,
            "version": version,
        })
        if zone is not UNSET:
            field_dict["zone"] = zone
        if alive is not UNSET:
            field_dict["alive"] = alive

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        node = d.pop("node")

        url = d.pop("url")

        version = d.pop("version")

        zone = d.pop("zone", UNSET)

        alive = d.pop("alive", UNSET)

        cluster_node = cls(
            node=node,
            url=url,
            version=version,
            zone=zone,
            alive=alive,
        )


        cluster_node.additional_properties = d
        return cluster_node

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
