from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.segments_response_status import check_segments_response_status
from ..models.segments_response_status import SegmentsResponseStatus
from typing import cast

if TYPE_CHECKING:
  from ..models.segment import Segment





T = TypeVar("T", bound="SegmentsResponse")



@_attrs_define
class SegmentsResponse:
    """ The segments that overlap a range of sequences.

        Example:
            {'segments': [{'id': 1, 'startSeq': 0, 'startTimeMs': 1795385000000}], 'status': 'success'}

        Attributes:
            status (SegmentsResponseStatus): Always "success".
            segments (list[Segment]): The segments, in order.
     """

    status: SegmentsResponseStatus
    segments: list[Segment]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.segment import Segment # noqa: PLC0415
        status: str = self.status

        segments = []
        for segments_item_data in self.segments:
            segments_item = segments_item_data.to_dict()
            segments.append(segments_item)




        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "status": status,
            "segments": segments,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.segment import Segment # noqa: PLC0415
        d = dict(src_dict)
        status = check_segments_response_status(d.pop("status"))




        segments = []
        _segments = d.pop("segments")
        for segments_item_data in (_segments):
            segments_item = Segment.from_dict(segments_item_data)



            segments.append(segments_item)


        segments_response = cls(
            status=status,
            segments=segments,
        )


        segments_response.additional_properties = d
        return segments_response

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
