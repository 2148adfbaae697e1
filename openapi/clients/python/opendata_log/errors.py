"""What can go wrong, a class for each `code` of the server."""

from collections.abc import Sequence
from typing import ClassVar

from .appended import Appended, AppendPart


class LogError(Exception):
    """Something was not done. `code` and the message are the server's."""

    code: ClassVar[str] = ""
    is_unknown_outcome = False
    """Whether the append, trim or deletion may have been applied, whole or not at all. Otherwise nothing was applied, unless it is `PartlyApplied`."""

    def __init__(self, message: str, *, status: int | None = None, retry_after: float | None = None, request_id: str | None = None):
        super().__init__(message)
        self.message = message
        self.request: str | None = None
        """What was asked, without its parameters, such as `POST http://localhost:8080/api/v1/log/append`."""
        self.status = status
        self.retry_after = retry_after
        """Seconds after which the same may succeed; None if it is no use to send it again."""
        self.request_id = request_id
        """What to look for in the server's log."""
        self.parts: Sequence[AppendPart] = ()
        """Of `LogClient.append_split`: what became of each part, if the server told that."""

    def __str__(self) -> str:
        return self.message if self.request is None else f"{self.message} ({self.request})"


class InvalidArgument(LogError):
    """The request can never succeed; the message names what is wrong."""

    code = "invalid_argument"


class SpansPartitions(LogError):
    """What the request names is in several partitions of a cluster. Nothing was applied; keys with one tag are in one partition."""

    code = "spans_partitions"


class Unauthenticated(LogError):
    """The server wants a token that it knows."""

    code = "unauthenticated"


class PermissionDenied(LogError):
    """The token does not have the right that is needed."""

    code = "permission_denied"


class NotFound(LogError):
    """There is no such path: the address is probably not that of a log server."""

    code = "not_found"


class MethodNotAllowed(LogError):
    """The path does not take this method."""

    code = "method_not_allowed"


class TooLarge(LogError):
    """Something is over its limit; the message says what, and the limit."""

    code = "too_large"


class UnsupportedMediaType(LogError):
    """The body is in a format that the server does not read."""

    code = "unsupported_media_type"


class Overloaded(LogError):
    """A queue is full. Nothing was applied."""

    code = "overloaded"


class Unavailable(LogError):
    """The server or its store cannot be reached, or the server starts or stops. Nothing was applied."""

    code = "unavailable"


class Fenced(LogError):
    """Another server took the log over. Nothing was applied; go there."""

    code = "fenced"


class NotWriter(LogError):
    """The server is read-only. Nothing was applied; go to the server that writes the log."""

    code = "not_writer"


class Behind(LogError):
    """The server does not show the log up to what the read requires yet."""

    code = "behind"


class DeadlineExceeded(LogError):
    """A read took too long. (For an append, a trim or a deletion it is `OutcomeUnknown`.)"""

    code = "deadline_exceeded"


class OutcomeUnknown(DeadlineExceeded):
    """An append may have been applied, whole or not at all: read the key before it is sent again. Or a trim or a
    deletion may have been applied: it can be repeated, but see `delete_key`."""

    is_unknown_outcome = True


class Conflict(LogError):
    """A precondition failed, or a cursor is not where it is expected: another client was faster. Nothing was applied; read on, and
    decide again.
    """

    code = "conflict"
    key: bytes = b""
    """The key of the precondition; empty if it is about a cursor."""
    last_sequence: int | None = None
    """The sequence of its last record."""
    trimmed_before: int | None = None
    """Records below this sequence may have been deleted, so the server cannot tell. Read the key to its end."""
    cursor: str | None = None
    """The cursor, if it is about one."""
    position: int | None = None
    """Where the cursor is; None if it does not exist."""


class PartlyApplied(LogError):
    """Some parts of an append that was split were applied, and the others were not: see `parts`. Send only the records of those again."""

    code = "partly_applied"


class AppendsLost(LogError):
    """Appends that were acknowledged before they were durable were lost in a crash of the server.

    The append that found out was not applied either, unless `is_unknown_outcome`: then an earlier attempt of it was lost from sight,
    too. The next ones are not affected.
    """

    requests: int = 0
    """How many appends were lost."""
    appended: Sequence[Appended] = ()
    """What they had been answered, as far as it is remembered (for the last 1,000)."""


class ProducerOutOfOrder(LogError):
    """The request is ahead of its turn. (The client finds that appends were lost: `AppendsLost`.)"""

    code = "producer_out_of_order"
    expected_sequence: int = 0
    """The sequence of the request that is applied next."""


class ProducerSequenceTooOld(LogError):
    """The request was applied long ago. (The client counts it as a success, if it sent the request.)"""

    code = "producer_sequence_too_old"


class ProducerSequenceReused(LogError):
    """Another client has sent other records as the same producer, in the same epoch and with the same sequence."""

    code = "producer_sequence_reused"


class ProducerFenced(LogError):
    """Another client writes as the same producer in a higher epoch. This one must stop."""

    code = "producer_fenced"


class ProducerUnknown(LogError):
    """The server does not know the producer any more. With `is_unknown_outcome`, the append may have been applied before that."""

    code = "producer_unknown"


class Internal(LogError):
    """A bug, or damaged data."""

    code = "internal"


class UnexpectedAnswer(LogError):
    """What answered was no log server: another one, or something in between. (For an append, a trim or a deletion it is `OutcomeUnknown`.)"""


OF_CODE: dict[str, type[LogError]] = {
    error.code: error
    for error in (
        InvalidArgument, SpansPartitions, Unauthenticated, PermissionDenied, NotFound, MethodNotAllowed, TooLarge,
        UnsupportedMediaType, Overloaded, Unavailable, Fenced, NotWriter, Behind, DeadlineExceeded, Internal, Conflict, PartlyApplied, ProducerOutOfOrder,
        ProducerSequenceTooOld, ProducerSequenceReused, ProducerFenced, ProducerUnknown)
}
