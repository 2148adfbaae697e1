"""A client of the OpenData Log server: typed errors, pages, following with resume, and retries that are safe.

What is generated from the OpenAPI document is in `opendata_log.generated`.
"""

from .asynchronous import AsyncLogClient
from .client import LogClient
from .errors import (
    DeadlineExceeded, Fenced, Internal, InvalidArgument, LogError, MethodNotAllowed, NotFound, OutcomeUnknown, Overloaded,
    PermissionDenied, TooLarge, Unauthenticated, Unavailable, UnexpectedAnswer, UnsupportedMediaType)
from .records import Appended, Header, Record, RecordToAppend, Segment
from .retry import Retry

__all__ = [
    "Appended", "AsyncLogClient", "DeadlineExceeded", "Fenced", "Header", "Internal", "InvalidArgument", "LogClient", "LogError",
    "MethodNotAllowed", "NotFound", "OutcomeUnknown", "Overloaded", "PermissionDenied", "Record", "RecordToAppend", "Retry", "Segment",
    "TooLarge", "Unauthenticated", "Unavailable", "UnexpectedAnswer", "UnsupportedMediaType"]
