from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.scan_request_format import check_scan_request_format
from ..models.scan_request_format import ScanRequestFormat
from ..models.scan_request_order import check_scan_request_order
from ..models.scan_request_order import ScanRequestOrder
from ..models.scan_request_visibility import check_scan_request_visibility
from ..models.scan_request_visibility import ScanRequestVisibility
from ..types import UNSET, Unset
from typing import cast

if TYPE_CHECKING:
  from ..models.position import Position





T = TypeVar("T", bound="ScanRequest")



@_attrs_define
class ScanRequest:
    """ What to read with POST: the same as with the query parameters of these names. It has exactly one of the key, the
    keys and the prefix. Unknown fields are rejected.

        Example:
            {'prefix': 'b3JkZXJz'}

        Attributes:
            key (str | Unset): Read one key. The records do not name it.
            keys (list[str] | Unset): Read these keys, in the order of the sequences. Up to 1,000.
            prefix (str | Unset): Read all keys that begin with this, in the order of the sequences. Empty for the whole
                log.
            key_text (str | Unset): The key as text, in place of `key`.
            keys_text (list[str] | Unset): Keys as text, in addition to those in `keys`.
            prefix_text (str | Unset): The prefix as text, in place of `prefix`.
            start_seq (int | Unset): First sequence to read. Default: 0.
            end_seq (int | Unset): First sequence not to read. Default: the end of the log; for a stream, it does not end.
            limit (int | Unset): Scans only: maximum number of records, at least 1. Default: 32. The server limits it (to
                10,000 by default).
            follow (bool | Unset): Scans only: whether to wait for the first record if there are none.
            timeout_ms (int | Unset): Scans only: maximum time to wait, in milliseconds. Default: 30,000. The server limits
                it (to 300,000 by default).
            start_time_ms (int | Unset): Skip the records before the first one that was appended at or after this time (Unix
                ms, not negative).
            visibility (ScanRequestVisibility | Unset): "memory" (the default): all applied records. "durable": only records
                that are durable on object storage.
            format_ (ScanRequestFormat | Unset): "base64" (the default), or "text": in JSON responses, a key or value that
                is UTF-8 text is returned in `keyText` or `valueText`.
            cursor (str | Unset): Start at the position of this cursor, in place of `start_seq`.
            last (int | Unset): Scans of one key only: the last so many records of the range, in order; at least 1, limited
                like `limit`. Not together with `start_seq`, `limit`, `follow` or `cursor`.
            at_least (int | Unset): Wait until the server shows every record below this sequence: 1 more than the sequence
                of a record that you appended or read. A writer has shown what it acknowledged, so it waits only for what is not
                there yet, or not yet durable. If it takes longer than `timeout_ms`, or 30 s for a stream, the response is 503
                with the code `behind`.
            order (ScanRequestOrder | Unset): Scans by prefix only: "sequence" (the default), or "none": in a cluster, the
                records of all partitions, in the order of the sequences within each partition and in no order between them. Not
                together with `start_seq`, `end_seq`, `follow`, `cursor`, `last` or `at_least`.
            positions (list[Position] | Unset): With "none" as `order`: where each partition continues, the `positions` of
                the page before. A partition that is not in it is read from its start.
     """

    key: str | Unset = UNSET
    keys: list[str] | Unset = UNSET
    prefix: str | Unset = UNSET
    key_text: str | Unset = UNSET
    keys_text: list[str] | Unset = UNSET
    prefix_text: str | Unset = UNSET
    start_seq: int | Unset = UNSET
    end_seq: int | Unset = UNSET
    limit: int | Unset = UNSET
    follow: bool | Unset = UNSET
    timeout_ms: int | Unset = UNSET
    start_time_ms: int | Unset = UNSET
    visibility: ScanRequestVisibility | Unset = UNSET
    format_: ScanRequestFormat | Unset = UNSET
    cursor: str | Unset = UNSET
    last: int | Unset = UNSET
    at_least: int | Unset = UNSET
    order: ScanRequestOrder | Unset = UNSET
    positions: list[Position] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.position import Position # noqa: PLC0415
        key = self.key

        keys: list[str] | Unset = UNSET
        if not isinstance(self.keys, Unset):
            keys = self.keys



        prefix = self.prefix

        key_text = self.key_text

        keys_text: list[str] | Unset = UNSET
        if not isinstance(self.keys_text, Unset):
            keys_text = self.keys_text



        prefix_text = self.prefix_text

        start_seq = self.start_seq

        end_seq = self.end_seq

        limit = self.limit

        follow = self.follow

        timeout_ms = self.timeout_ms

        start_time_ms = self.start_time_ms

        visibility: str | Unset = UNSET
        if not isinstance(self.visibility, Unset):
            visibility = self.visibility


        format_: str | Unset = UNSET
        if not isinstance(self.format_, Unset):
            format_ = self.format_


        cursor = self.cursor

        last = self.last

        at_least = self.at_least

        order: str | Unset = UNSET
        if not isinstance(self.order, Unset):
            order = self.order


        positions: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.positions, Unset):
            positions = []
            for positions_item_data in self.positions:
                positions_item = positions_item_data.to_dict()
                positions.append(positions_item)




        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
        })
        if key is not UNSET:
            field_dict["key"] = key
        if keys is not UNSET:
            field_dict["keys"] = keys
        if prefix is not UNSET:
            field_dict["prefix"] = prefix
        if key_text is not UNSET:
            field_dict["keyText"] = key_text
        if keys_text is not UNSET:
            field_dict["keysText"] = keys_text
        if prefix_text is not UNSET:
            field_dict["prefixText"] = prefix_text
        if start_seq is not UNSET:
            field_dict["startSeq"] = start_seq
        if end_seq is not UNSET:
            field_dict["endSeq"] = end_seq
        if limit is not UNSET:
            field_dict["limit"] = limit
        if follow is not UNSET:
            field_dict["follow"] = follow
        if timeout_ms is not UNSET:
            field_dict["timeoutMs"] = timeout_ms
        if start_time_ms is not UNSET:
            field_dict["startTimeMs"] = start_time_ms
        if visibility is not UNSET:
            field_dict["visibility"] = visibility
        if format_ is not UNSET:
            field_dict["format"] = format_
        if cursor is not UNSET:
            field_dict["cursor"] = cursor
        if last is not UNSET:
            field_dict["last"] = last
        if at_least is not UNSET:
            field_dict["atLeast"] = at_least
        if order is not UNSET:
            field_dict["order"] = order
        if positions is not UNSET:
            field_dict["positions"] = positions

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.position import Position # noqa: PLC0415
        d = dict(src_dict)
        key = d.pop("key", UNSET)

        keys = cast(list[str], d.pop("keys", UNSET))


        prefix = d.pop("prefix", UNSET)

        key_text = d.pop("keyText", UNSET)

        keys_text = cast(list[str], d.pop("keysText", UNSET))


        prefix_text = d.pop("prefixText", UNSET)

        start_seq = d.pop("startSeq", UNSET)

        end_seq = d.pop("endSeq", UNSET)

        limit = d.pop("limit", UNSET)

        follow = d.pop("follow", UNSET)

        timeout_ms = d.pop("timeoutMs", UNSET)

        start_time_ms = d.pop("startTimeMs", UNSET)

        _visibility = d.pop("visibility", UNSET)
        visibility: ScanRequestVisibility | Unset
        if isinstance(_visibility,  Unset):
            visibility = UNSET
        else:
            visibility = check_scan_request_visibility(_visibility)




        _format_ = d.pop("format", UNSET)
        format_: ScanRequestFormat | Unset
        if isinstance(_format_,  Unset):
            format_ = UNSET
        else:
            format_ = check_scan_request_format(_format_)




        cursor = d.pop("cursor", UNSET)

        last = d.pop("last", UNSET)

        at_least = d.pop("atLeast", UNSET)

        _order = d.pop("order", UNSET)
        order: ScanRequestOrder | Unset
        if isinstance(_order,  Unset):
            order = UNSET
        else:
            order = check_scan_request_order(_order)




        _positions = d.pop("positions", UNSET)
        positions: list[Position] | Unset = UNSET
        if _positions is not UNSET:
            positions = []
            for positions_item_data in _positions:
                positions_item = Position.from_dict(positions_item_data)



                positions.append(positions_item)


        scan_request = cls(
            key=key,
            keys=keys,
            prefix=prefix,
            key_text=key_text,
            keys_text=keys_text,
            prefix_text=prefix_text,
            start_seq=start_seq,
            end_seq=end_seq,
            limit=limit,
            follow=follow,
            timeout_ms=timeout_ms,
            start_time_ms=start_time_ms,
            visibility=visibility,
            format_=format_,
            cursor=cursor,
            last=last,
            at_least=at_least,
            order=order,
            positions=positions,
        )


        scan_request.additional_properties = d
        return scan_request

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
