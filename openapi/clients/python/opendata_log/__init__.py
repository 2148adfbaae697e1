"""A client of the OpenData Log server: typed errors, pages, following with resume, and appends that are applied exactly once.

What is generated from the OpenAPI document is in `opendata_log.generated`.
"""

from .appended import Appended, AppendPart
from .asynchronous import AsyncLogClient
from .client import LogClient
from .consumers import AsyncConsumer, Consumer
from .cursors import Cursor, CursorMove
from .errors import (
    AppendsLost, Behind, Conflict, DeadlineExceeded, Fenced, Internal, InvalidArgument, LogError, MethodNotAllowed, NotFound,
    NotWriter, OutcomeUnknown, Overloaded, PartlyApplied, PermissionDenied, ProducerFenced, ProducerOutOfOrder, ProducerSequenceReused, ProducerSequenceTooOld, ProducerUnknown,
    SpansPartitions, TooLarge, Unauthenticated, Unavailable, UnexpectedAnswer, UnsupportedMediaType)
from .partitions import partition_of
from .producers import Producer
from .records import Header, Page, Record, RecordToAppend, Segment
from .retry import Retry
from .selection import Keys, Prefix, Selection
from .trimmed import OnTrimmed, Trimmed
from .unordered import UnorderedPage

__all__ = [
    "AppendPart", "Appended", "AppendsLost", "AsyncConsumer", "AsyncLogClient", "Behind", "Conflict", "Consumer", "Cursor", "CursorMove",
    "DeadlineExceeded", "Fenced", "Header", "Internal", "InvalidArgument", "Keys", "LogClient", "LogError", "MethodNotAllowed",
    "NotFound", "NotWriter", "OnTrimmed", "OutcomeUnknown", "Overloaded", "Page", "PartlyApplied", "PermissionDenied", "Prefix", "Producer", "ProducerFenced",
    "ProducerOutOfOrder", "ProducerSequenceReused", "ProducerSequenceTooOld", "ProducerUnknown", "Record", "RecordToAppend", "Retry",
    "Segment", "Selection", "SpansPartitions", "TooLarge", "Trimmed", "Unauthenticated", "Unavailable", "UnexpectedAnswer", "UnorderedPage", "UnsupportedMediaType",
    "partition_of"]
