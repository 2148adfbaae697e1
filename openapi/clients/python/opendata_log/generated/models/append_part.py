from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.append_part_outcome import AppendPartOutcome
from ..models.append_part_outcome import check_append_part_outcome
from ..types import UNSET, Unset
from typing import cast

if TYPE_CHECKING:
  from ..models.conflict import Conflict





T = TypeVar("T", bound="AppendPart")



@_attrs_define
class AppendPart:
    """ The outcome of an append with `atomic: false` in one partition.

        Example:
            {'count': 2, 'outcome': 'applied', 'partition': 17, 'startSequence': 0}

        Attributes:
            partition (int): Number of the partition. 0 if the log is not clustered.
            outcome (AppendPartOutcome): `applied`, `refused` (nothing of the part was applied) or `unknown` (it may have
                been applied, as a whole or not at all).
            count (int): Number of records of the request that are in this partition.
            start_sequence (int | Unset): Sequence of the first of them; they have consecutive sequences in the order of the
                request. Present if they were applied.
            code (str | Unset): Why they were not, as in `ErrorResponse`. Absent if they were applied.
            message (str | Unset): Description of the error, for people. Absent if they were applied.
            conflict (Conflict | Unset): A precondition that does not hold, or a cursor that is not where it is expected.
                Example: {'key': 'b3JkZXJz', 'lastSequence': 1}.
     """

    partition: int
    outcome: AppendPartOutcome
    count: int
    start_sequence: int | Unset = UNSET
    code: str | Unset = UNSET
    message: str | Unset = UNSET
    conflict: Conflict | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.conflict import Conflict # noqa: PLC0415
        partition = self.partition

        outcome: str = self.outcome

        count = self.count

        start_sequence = self.start_sequence

        code = self.code

        message = self.message

        conflict: dict[str, Any] | Unset = UNSET
        if not isinstance(self.conflict, Unset):
            conflict = self.conflict.to_dict()


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "partition": partition,
            "outcome": outcome,
            "count": count,
        })
        if start_sequence is not UNSET:
            field_dict["startSequence"] = start_sequence
        if code is not UNSET:
            field_dict["code"] = code
        if message is not UNSET:
            field_dict["message"] = message
        if conflict is not UNSET:
            field_dict["conflict"] = conflict

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.conflict import Conflict # noqa: PLC0415
        d = dict(src_dict)
        partition = d.pop("partition")

        outcome = check_append_part_outcome(d.pop("outcome"))




        count = d.pop("count")

        start_sequence = d.pop("startSequence", UNSET)

        code = d.pop("code", UNSET)

        message = d.pop("message", UNSET)

        _conflict = d.pop("conflict", UNSET)
        conflict: Conflict | Unset
        if isinstance(_conflict,  Unset):
            conflict = UNSET
        else:
            conflict = Conflict.from_dict(_conflict)




        append_part = cls(
            partition=partition,
            outcome=outcome,
            count=count,
            start_sequence=start_sequence,
            code=code,
            message=message,
            conflict=conflict,
        )


        append_part.additional_properties = d
        return append_part

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
