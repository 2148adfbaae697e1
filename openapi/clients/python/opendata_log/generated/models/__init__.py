""" Contains all the data models used in inputs/outputs """

from .append_request import AppendRequest
from .append_response import AppendResponse
from .append_response_status import AppendResponseStatus
from .conflict import Conflict
from .count_response import CountResponse
from .count_response_status import CountResponseStatus
from .delete_key_response import DeleteKeyResponse
from .delete_key_response_status import DeleteKeyResponseStatus
from .error_response import ErrorResponse
from .error_response_status import ErrorResponseStatus
from .header import Header
from .key import Key
from .keys_response import KeysResponse
from .keys_response_status import KeysResponseStatus
from .list_keys_format import ListKeysFormat
from .precondition import Precondition
from .producer import Producer
from .record import Record
from .scan_format import ScanFormat
from .scan_response import ScanResponse
from .scan_response_status import ScanResponseStatus
from .scan_visibility import ScanVisibility
from .segment import Segment
from .segments_response import SegmentsResponse
from .segments_response_status import SegmentsResponseStatus
from .stream_format import StreamFormat
from .stream_response_200 import StreamResponse200
from .stream_response_200_event import StreamResponse200Event
from .stream_visibility import StreamVisibility
from .trim_request import TrimRequest
from .trim_response import TrimResponse
from .trim_response_status import TrimResponseStatus
from .value import Value

__all__ = (
    "AppendRequest",
    "AppendResponse",
    "AppendResponseStatus",
    "Conflict",
    "CountResponse",
    "CountResponseStatus",
    "DeleteKeyResponse",
    "DeleteKeyResponseStatus",
    "ErrorResponse",
    "ErrorResponseStatus",
    "Header",
    "Key",
    "KeysResponse",
    "KeysResponseStatus",
    "ListKeysFormat",
    "Precondition",
    "Producer",
    "Record",
    "ScanFormat",
    "ScanResponse",
    "ScanResponseStatus",
    "ScanVisibility",
    "Segment",
    "SegmentsResponse",
    "SegmentsResponseStatus",
    "StreamFormat",
    "StreamResponse200",
    "StreamResponse200Event",
    "StreamVisibility",
    "TrimRequest",
    "TrimResponse",
    "TrimResponseStatus",
    "Value",
)
