from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Record(_message.Message):
    __slots__ = ("key", "value", "headers")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    value: bytes
    headers: _containers.RepeatedCompositeFieldContainer[Header]
    def __init__(self, key: _Optional[bytes] = ..., value: _Optional[bytes] = ..., headers: _Optional[_Iterable[_Union[Header, _Mapping]]] = ...) -> None: ...

class Header(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: bytes
    def __init__(self, name: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...

class AppendRequest(_message.Message):
    __slots__ = ("records", "await_durable", "preconditions", "producer", "cursors", "atomic")
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    AWAIT_DURABLE_FIELD_NUMBER: _ClassVar[int]
    PRECONDITIONS_FIELD_NUMBER: _ClassVar[int]
    PRODUCER_FIELD_NUMBER: _ClassVar[int]
    CURSORS_FIELD_NUMBER: _ClassVar[int]
    ATOMIC_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[Record]
    await_durable: bool
    preconditions: _containers.RepeatedCompositeFieldContainer[Precondition]
    producer: Producer
    cursors: _containers.RepeatedCompositeFieldContainer[CursorMove]
    atomic: bool
    def __init__(self, records: _Optional[_Iterable[_Union[Record, _Mapping]]] = ..., await_durable: _Optional[bool] = ..., preconditions: _Optional[_Iterable[_Union[Precondition, _Mapping]]] = ..., producer: _Optional[_Union[Producer, _Mapping]] = ..., cursors: _Optional[_Iterable[_Union[CursorMove, _Mapping]]] = ..., atomic: _Optional[bool] = ...) -> None: ...

class Precondition(_message.Message):
    __slots__ = ("key", "no_record_since")
    KEY_FIELD_NUMBER: _ClassVar[int]
    NO_RECORD_SINCE_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    no_record_since: int
    def __init__(self, key: _Optional[bytes] = ..., no_record_since: _Optional[int] = ...) -> None: ...

class Producer(_message.Message):
    __slots__ = ("id", "epoch", "sequence")
    ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    id: str
    epoch: int
    sequence: int
    def __init__(self, id: _Optional[str] = ..., epoch: _Optional[int] = ..., sequence: _Optional[int] = ...) -> None: ...

class CursorMove(_message.Message):
    __slots__ = ("name", "position", "expected")
    NAME_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    name: str
    position: int
    expected: int
    def __init__(self, name: _Optional[str] = ..., position: _Optional[int] = ..., expected: _Optional[int] = ...) -> None: ...

class AppendResponse(_message.Message):
    __slots__ = ("status", "records_appended", "start_sequence", "duplicate", "parts")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    RECORDS_APPENDED_FIELD_NUMBER: _ClassVar[int]
    START_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    status: str
    records_appended: int
    start_sequence: int
    duplicate: bool
    parts: _containers.RepeatedCompositeFieldContainer[AppendPart]
    def __init__(self, status: _Optional[str] = ..., records_appended: _Optional[int] = ..., start_sequence: _Optional[int] = ..., duplicate: _Optional[bool] = ..., parts: _Optional[_Iterable[_Union[AppendPart, _Mapping]]] = ...) -> None: ...

class AppendPart(_message.Message):
    __slots__ = ("partition", "outcome", "count", "start_sequence", "code", "message", "conflict")
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    START_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CONFLICT_FIELD_NUMBER: _ClassVar[int]
    partition: int
    outcome: str
    count: int
    start_sequence: int
    code: str
    message: str
    conflict: Conflict
    def __init__(self, partition: _Optional[int] = ..., outcome: _Optional[str] = ..., count: _Optional[int] = ..., start_sequence: _Optional[int] = ..., code: _Optional[str] = ..., message: _Optional[str] = ..., conflict: _Optional[_Union[Conflict, _Mapping]] = ...) -> None: ...

class Value(_message.Message):
    __slots__ = ("sequence", "value", "timestamp_ms", "headers", "key")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    value: bytes
    timestamp_ms: int
    headers: _containers.RepeatedCompositeFieldContainer[Header]
    key: bytes
    def __init__(self, sequence: _Optional[int] = ..., value: _Optional[bytes] = ..., timestamp_ms: _Optional[int] = ..., headers: _Optional[_Iterable[_Union[Header, _Mapping]]] = ..., key: _Optional[bytes] = ...) -> None: ...

class ScanRequest(_message.Message):
    __slots__ = ("key", "keys", "prefix", "start_seq", "end_seq", "limit", "follow", "timeout_ms", "start_time_ms", "visibility", "format", "cursor", "last", "at_least", "order", "positions")
    KEY_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    START_SEQ_FIELD_NUMBER: _ClassVar[int]
    END_SEQ_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    START_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    VISIBILITY_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    AT_LEAST_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    keys: _containers.RepeatedScalarFieldContainer[bytes]
    prefix: bytes
    start_seq: int
    end_seq: int
    limit: int
    follow: bool
    timeout_ms: int
    start_time_ms: int
    visibility: str
    format: str
    cursor: str
    last: int
    at_least: int
    order: str
    positions: _containers.RepeatedCompositeFieldContainer[Position]
    def __init__(self, key: _Optional[bytes] = ..., keys: _Optional[_Iterable[bytes]] = ..., prefix: _Optional[bytes] = ..., start_seq: _Optional[int] = ..., end_seq: _Optional[int] = ..., limit: _Optional[int] = ..., follow: _Optional[bool] = ..., timeout_ms: _Optional[int] = ..., start_time_ms: _Optional[int] = ..., visibility: _Optional[str] = ..., format: _Optional[str] = ..., cursor: _Optional[str] = ..., last: _Optional[int] = ..., at_least: _Optional[int] = ..., order: _Optional[str] = ..., positions: _Optional[_Iterable[_Union[Position, _Mapping]]] = ...) -> None: ...

class Position(_message.Message):
    __slots__ = ("partition", "next_sequence", "trimmed_before")
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    NEXT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TRIMMED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    partition: int
    next_sequence: int
    trimmed_before: int
    def __init__(self, partition: _Optional[int] = ..., next_sequence: _Optional[int] = ..., trimmed_before: _Optional[int] = ...) -> None: ...

class ScanResponse(_message.Message):
    __slots__ = ("status", "key", "values", "next_sequence", "trimmed_before", "more", "positions")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    NEXT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TRIMMED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    status: str
    key: bytes
    values: _containers.RepeatedCompositeFieldContainer[Value]
    next_sequence: int
    trimmed_before: int
    more: bool
    positions: _containers.RepeatedCompositeFieldContainer[Position]
    def __init__(self, status: _Optional[str] = ..., key: _Optional[bytes] = ..., values: _Optional[_Iterable[_Union[Value, _Mapping]]] = ..., next_sequence: _Optional[int] = ..., trimmed_before: _Optional[int] = ..., more: _Optional[bool] = ..., positions: _Optional[_Iterable[_Union[Position, _Mapping]]] = ...) -> None: ...

class TrimRequest(_message.Message):
    __slots__ = ("before_sequence", "before_time_ms")
    BEFORE_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    BEFORE_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    before_sequence: int
    before_time_ms: int
    def __init__(self, before_sequence: _Optional[int] = ..., before_time_ms: _Optional[int] = ...) -> None: ...

class TrimResponse(_message.Message):
    __slots__ = ("status", "trimmed_before")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    TRIMMED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    status: str
    trimmed_before: int
    def __init__(self, status: _Optional[str] = ..., trimmed_before: _Optional[int] = ...) -> None: ...

class DeleteKeyResponse(_message.Message):
    __slots__ = ("status", "trimmed_before")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    TRIMMED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    status: str
    trimmed_before: int
    def __init__(self, status: _Optional[str] = ..., trimmed_before: _Optional[int] = ...) -> None: ...

class PutCursorRequest(_message.Message):
    __slots__ = ("position", "expected")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    position: int
    expected: int
    def __init__(self, position: _Optional[int] = ..., expected: _Optional[int] = ...) -> None: ...

class CursorResponse(_message.Message):
    __slots__ = ("status", "name", "position", "updated_ms", "lag")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    UPDATED_MS_FIELD_NUMBER: _ClassVar[int]
    LAG_FIELD_NUMBER: _ClassVar[int]
    status: str
    name: str
    position: int
    updated_ms: int
    lag: int
    def __init__(self, status: _Optional[str] = ..., name: _Optional[str] = ..., position: _Optional[int] = ..., updated_ms: _Optional[int] = ..., lag: _Optional[int] = ...) -> None: ...

class DeleteCursorResponse(_message.Message):
    __slots__ = ("status", "deleted")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    status: str
    deleted: bool
    def __init__(self, status: _Optional[str] = ..., deleted: _Optional[bool] = ...) -> None: ...

class Cursor(_message.Message):
    __slots__ = ("name", "position", "updated_ms", "lag")
    NAME_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    UPDATED_MS_FIELD_NUMBER: _ClassVar[int]
    LAG_FIELD_NUMBER: _ClassVar[int]
    name: str
    position: int
    updated_ms: int
    lag: int
    def __init__(self, name: _Optional[str] = ..., position: _Optional[int] = ..., updated_ms: _Optional[int] = ..., lag: _Optional[int] = ...) -> None: ...

class CursorsResponse(_message.Message):
    __slots__ = ("status", "cursors", "next_start_after")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CURSORS_FIELD_NUMBER: _ClassVar[int]
    NEXT_START_AFTER_FIELD_NUMBER: _ClassVar[int]
    status: str
    cursors: _containers.RepeatedCompositeFieldContainer[Cursor]
    next_start_after: str
    def __init__(self, status: _Optional[str] = ..., cursors: _Optional[_Iterable[_Union[Cursor, _Mapping]]] = ..., next_start_after: _Optional[str] = ...) -> None: ...

class ClusterResponse(_message.Message):
    __slots__ = ("status", "partitions", "nodes")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    status: str
    partitions: _containers.RepeatedCompositeFieldContainer[ClusterPartition]
    nodes: _containers.RepeatedCompositeFieldContainer[ClusterNode]
    def __init__(self, status: _Optional[str] = ..., partitions: _Optional[_Iterable[_Union[ClusterPartition, _Mapping]]] = ..., nodes: _Optional[_Iterable[_Union[ClusterNode, _Mapping]]] = ...) -> None: ...

class ClusterPartition(_message.Message):
    __slots__ = ("partition", "node", "url", "state", "tip", "durable")
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TIP_FIELD_NUMBER: _ClassVar[int]
    DURABLE_FIELD_NUMBER: _ClassVar[int]
    partition: int
    node: str
    url: str
    state: str
    tip: int
    durable: int
    def __init__(self, partition: _Optional[int] = ..., node: _Optional[str] = ..., url: _Optional[str] = ..., state: _Optional[str] = ..., tip: _Optional[int] = ..., durable: _Optional[int] = ...) -> None: ...

class ClusterNode(_message.Message):
    __slots__ = ("node", "url", "zone", "version", "alive")
    NODE_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    ZONE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ALIVE_FIELD_NUMBER: _ClassVar[int]
    node: str
    url: str
    zone: str
    version: str
    alive: bool
    def __init__(self, node: _Optional[str] = ..., url: _Optional[str] = ..., zone: _Optional[str] = ..., version: _Optional[str] = ..., alive: _Optional[bool] = ...) -> None: ...

class Key(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    def __init__(self, key: _Optional[bytes] = ...) -> None: ...

class KeysResponse(_message.Message):
    __slots__ = ("status", "keys", "next_start_after")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    NEXT_START_AFTER_FIELD_NUMBER: _ClassVar[int]
    status: str
    keys: _containers.RepeatedCompositeFieldContainer[Key]
    next_start_after: bytes
    def __init__(self, status: _Optional[str] = ..., keys: _Optional[_Iterable[_Union[Key, _Mapping]]] = ..., next_start_after: _Optional[bytes] = ...) -> None: ...

class Segment(_message.Message):
    __slots__ = ("id", "start_seq", "start_time_ms")
    ID_FIELD_NUMBER: _ClassVar[int]
    START_SEQ_FIELD_NUMBER: _ClassVar[int]
    START_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    id: int
    start_seq: int
    start_time_ms: int
    def __init__(self, id: _Optional[int] = ..., start_seq: _Optional[int] = ..., start_time_ms: _Optional[int] = ...) -> None: ...

class SegmentsResponse(_message.Message):
    __slots__ = ("status", "segments")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    status: str
    segments: _containers.RepeatedCompositeFieldContainer[Segment]
    def __init__(self, status: _Optional[str] = ..., segments: _Optional[_Iterable[_Union[Segment, _Mapping]]] = ...) -> None: ...

class CountResponse(_message.Message):
    __slots__ = ("status", "count", "trimmed_before")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    TRIMMED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    status: str
    count: int
    trimmed_before: int
    def __init__(self, status: _Optional[str] = ..., count: _Optional[int] = ..., trimmed_before: _Optional[int] = ...) -> None: ...

class ErrorResponse(_message.Message):
    __slots__ = ("status", "message", "code", "conflict", "expected_sequence", "parts")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    CONFLICT_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    status: str
    message: str
    code: str
    conflict: Conflict
    expected_sequence: int
    parts: _containers.RepeatedCompositeFieldContainer[AppendPart]
    def __init__(self, status: _Optional[str] = ..., message: _Optional[str] = ..., code: _Optional[str] = ..., conflict: _Optional[_Union[Conflict, _Mapping]] = ..., expected_sequence: _Optional[int] = ..., parts: _Optional[_Iterable[_Union[AppendPart, _Mapping]]] = ...) -> None: ...

class Conflict(_message.Message):
    __slots__ = ("key", "last_sequence", "trimmed_before", "cursor", "position")
    KEY_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TRIMMED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    last_sequence: int
    trimmed_before: int
    cursor: str
    position: int
    def __init__(self, key: _Optional[bytes] = ..., last_sequence: _Optional[int] = ..., trimmed_before: _Optional[int] = ..., cursor: _Optional[str] = ..., position: _Optional[int] = ...) -> None: ...
