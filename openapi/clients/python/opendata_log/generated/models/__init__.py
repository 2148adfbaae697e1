""" Contains all the data models used in inputs/outputs """

from .append_part import AppendPart
from .append_part_outcome import AppendPartOutcome
from .append_request import AppendRequest
from .append_response import AppendResponse
from .append_response_status import AppendResponseStatus
from .cluster_node import ClusterNode
from .cluster_partition import ClusterPartition
from .cluster_partition_state import ClusterPartitionState
from .cluster_response import ClusterResponse
from .cluster_response_status import ClusterResponseStatus
from .conflict import Conflict
from .count_response import CountResponse
from .count_response_status import CountResponseStatus
from .cursor import Cursor
from .cursor_move import CursorMove
from .cursor_response import CursorResponse
from .cursor_response_status import CursorResponseStatus
from .cursors_response import CursorsResponse
from .cursors_response_status import CursorsResponseStatus
from .delete_cursor_response import DeleteCursorResponse
from .delete_cursor_response_status import DeleteCursorResponseStatus
from .delete_key_response import DeleteKeyResponse
from .delete_key_response_status import DeleteKeyResponseStatus
from .error_response import ErrorResponse
from .error_response_status import ErrorResponseStatus
from .header import Header
from .key import Key
from .keys_response import KeysResponse
from .keys_response_status import KeysResponseStatus
from .list_keys_format import ListKeysFormat
from .position import Position
from .precondition import Precondition
from .producer import Producer
from .put_cursor_request import PutCursorRequest
from .record import Record
from .scan_format import ScanFormat
from .scan_order import ScanOrder
from .scan_request import ScanRequest
from .scan_request_format import ScanRequestFormat
from .scan_request_order import ScanRequestOrder
from .scan_request_visibility import ScanRequestVisibility
from .scan_response import ScanResponse
from .scan_response_status import ScanResponseStatus
from .scan_visibility import ScanVisibility
from .segment import Segment
from .segments_response import SegmentsResponse
from .segments_response_status import SegmentsResponseStatus
from .stream_format import StreamFormat
from .stream_keys_response_200 import StreamKeysResponse200
from .stream_keys_response_200_event import StreamKeysResponse200Event
from .stream_response_200 import StreamResponse200
from .stream_response_200_event import StreamResponse200Event
from .stream_visibility import StreamVisibility
from .trim_request import TrimRequest
from .trim_response import TrimResponse
from .trim_response_status import TrimResponseStatus
from .value import Value

__all__ = (
    "AppendPart",
    "AppendPartOutcome",
    "AppendRequest",
    "AppendResponse",
    "AppendResponseStatus",
    "ClusterNode",
    "ClusterPartition",
    "ClusterPartitionState",
    "ClusterResponse",
    "ClusterResponseStatus",
    "Conflict",
    "CountResponse",
    "CountResponseStatus",
    "Cursor",
    "CursorMove",
    "CursorResponse",
    "CursorResponseStatus",
    "CursorsResponse",
    "CursorsResponseStatus",
    "DeleteCursorResponse",
    "DeleteCursorResponseStatus",
    "DeleteKeyResponse",
    "DeleteKeyResponseStatus",
    "ErrorResponse",
    "ErrorResponseStatus",
    "Header",
    "Key",
    "KeysResponse",
    "KeysResponseStatus",
    "ListKeysFormat",
    "Position",
    "Precondition",
    "Producer",
    "PutCursorRequest",
    "Record",
    "ScanFormat",
    "ScanOrder",
    "ScanRequest",
    "ScanRequestFormat",
    "ScanRequestOrder",
    "ScanRequestVisibility",
    "ScanResponse",
    "ScanResponseStatus",
    "ScanVisibility",
    "Segment",
    "SegmentsResponse",
    "SegmentsResponseStatus",
    "StreamFormat",
    "StreamKeysResponse200",
    "StreamKeysResponse200Event",
    "StreamResponse200",
    "StreamResponse200Event",
    "StreamVisibility",
    "TrimRequest",
    "TrimResponse",
    "TrimResponseStatus",
    "Value",
)
