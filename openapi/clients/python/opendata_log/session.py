"""One append session as bytes: frames are sent on one request, and answered in the same order while it lasts. No I/O happens here."""

from collections.abc import Iterator
from dataclasses import dataclass

import h11
import httpx
from google.protobuf.message import DecodeError

from . import errors
from .answers import NOT_APPLIED, NOT_OF_A_LOG, error_of, failure, refusal
from .generated.log_pb2 import AppendResponse
from .generated.log_pb2 import ErrorResponse as ToldError
from .generated.models import ErrorResponse
from .records import encode
from .retry import Retry

PATH = "/api/v1/log/session"
DELIMITED = "application/protobuf; delimited=true"

# Such an answer ends with its connection, also when that breaks: nobody can tell whether the session ended in order.
WITHOUT_AN_END = (
    "the answer to a session must be chunked, as over HTTP/1.1: what ends with its connection, as over HTTP/1.0, does not say whether it is whole; "
    "a proxy in between may be the reason")

# No answer to an append is longer.
LARGEST_ANSWER = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """Where a session is opened."""

    url: str
    partition: int | None
    """That of the session. None: it is not known, or there is only one."""


class Session:
    """What is sent and received on one connection, over HTTP/1.1.

    Nothing is applied before it is open.
    """

    def __init__(self, place: Place, headers: dict[str, str], retry: Retry):
        query = "" if place.partition is None else f"?partition={place.partition}"
        self._url, self._retry = httpx.URL(f"{place.url}{PATH}{query}"), retry
        self._http = h11.Connection(our_role=h11.CLIENT)
        self._head: h11.Response | None = None
        self._refusal = b""
        self._received = bytearray()
        # Frames, and how many bytes of frames were added and taken.
        self._frames = bytearray()
        self._added = self._taken = 0
        self._is_ending = False
        self._head_to_send = self._sent(h11.Request(
            method="POST", target=self._url.raw_path,
            headers=[
                ("Host", self._url.netloc.decode()), ("Content-Type", DELIMITED), ("Accept", "application/json"),
                ("Transfer-Encoding", "chunked"), *headers.items()]))
        self.is_open = False
        """Whether frames can be sent."""
        self.has_ended = False
        """Whether the server has ended it in order: nothing without an answer was applied."""
        self.failure: errors.LogError | None = None
        """Why it broke, or was not opened."""

    def add(self, frame: bytes) -> int:
        """Sends a frame; answers where it ends, for `was_taken`."""
        self._frames += frame
        self._added += len(frame)
        return self._added

    def end(self) -> None:
        """Nothing is sent any more: the server ends it when it has answered."""
        self._is_ending = True

    def take(self) -> bytes:
        """What is to be sent now. From here on it may have been."""
        taken, self._head_to_send = self._head_to_send, b""
        if self._frames:
            taken += self._sent(h11.Data(data=bytes(self._frames)))
            self._frames.clear()
            self._taken = self._added
        if self._is_ending and self._http.our_state is h11.SEND_BODY:
            taken += self._sent(h11.EndOfMessage())
        return taken

    def was_taken(self, end: int) -> bool:
        """Whether a frame may have been sent whole."""
        return end <= self._taken

    def receive(self, data: bytes) -> Iterator[AppendResponse | errors.LogError]:
        """What these bytes say, in the order of the appends; without bytes, the connection was closed."""
        try:
            self._http.receive_data(data)
            has_ended = self._events()
            yield from self._answers()
            if has_ended:
                self._end()
        except h11.RemoteProtocolError as error:
            # What came before is an answer all the same.
            yield from self._answers()
            self.failure = broken(str(error))
        except (errors.OutcomeUnknown, errors.UnexpectedAnswer) as error:
            self.failure = error

    def _events(self) -> bool:
        """Takes what was received apart; whether the response has ended."""
        while True:
            event = self._http.next_event()
            match event:
                case h11.Response():
                    self._head = event
                    is_session = event.status_code == 200 and _header(event, "content-type").startswith("application/protobuf")
                    if is_session and not _has_an_end(event):
                        raise errors.UnexpectedAnswer(WITHOUT_AN_END, status=event.status_code)
                    self.is_open = is_session
                case h11.Data() if self.is_open:
                    self._received += event.data
                case h11.Data():
                    self._refusal += event.data
                case h11.EndOfMessage():
                    return True
                case h11.ConnectionClosed():
                    raise broken("the connection was closed")
                case h11.NEED_DATA | h11.PAUSED:
                    return False

    def _end(self) -> None:
        if not self.is_open:
            self.failure = self._not_opened()
        elif self._received:
            self.failure = broken("it ended within an answer")
        else:
            self.has_ended = True

    def _sent(self, event: h11.Event) -> bytes:
        return self._http.send(event) or b""

    def _answers(self) -> Iterator[AppendResponse | errors.LogError]:
        at = 0
        try:
            while (found := _length(self._received, at)) is not None:
                begin, length = found
                if length > LARGEST_ANSWER:
                    raise broken("what came is not from a log server")
                if begin + length > len(self._received):
                    break
                answer = self._answer(bytes(self._received[begin:begin + length]))
                at = begin + length
                yield answer
        finally:
            del self._received[:at]

    def _answer(self, message: bytes) -> AppendResponse | errors.LogError:
        try:
            answer: AppendResponse = AppendResponse.FromString(message)
            if answer.status == "success":
                return answer
        except DecodeError:
            pass
        try:
            told = ToldError.FromString(message)
        except DecodeError as error:
            raise broken("what came is not from a log server") from error
        if told.status != "error":
            raise broken("what came is not from a log server")
        head = {"x-request-id": _header(self._head, "x-request-id")} if self._head else {}
        return passing(error_of(_as_json(told), 200, head), self._retry)

    def _not_opened(self) -> errors.LogError:
        assert self._head is not None
        status = self._head.status_code
        response = httpx.Response(status, headers=list(self._head.headers.raw_items()), content=self._refusal)
        if status == 200:
            return errors.UnexpectedAnswer("an answer that no log server gives: status 200", status=status)
        try:
            error: errors.LogError = error_of(refusal(response), status, response.headers)
        except errors.UnexpectedAnswer as unexpected:
            error = unexpected
        # With such a page, something in between does not reach the server.
        if isinstance(error, errors.DeadlineExceeded) or (isinstance(error, errors.UnexpectedAnswer) and status >= 500):
            return failure(errors.Unavailable, error, retry_after=self._retry.pause)
        return passing(error, self._retry)


def framed(*parts: bytes) -> bytes:
    """A message of these parts, behind its length."""
    length, varint = sum(map(len, parts)), bytearray()
    while length > 0x7F:
        varint.append(length & 0x7F | 0x80)
        length >>= 7
    varint.append(length)
    return b"".join((varint, *parts))


def broken(why: str) -> errors.LogError:
    """The error of a session that broke: what was sent may have been applied."""
    return errors.OutcomeUnknown(f"the session broke before the append was answered: {why}")


def passing(error: errors.LogError, retry: Retry) -> errors.LogError:
    """An answer within a session has no `Retry-After`, and another server may answer the next one."""
    if isinstance(error, errors.DeadlineExceeded):
        kind = errors.Unavailable if NOT_APPLIED in error.message else errors.OutcomeUnknown
        return failure(kind, error, retry_after=retry.pause)
    if isinstance(error, (errors.Overloaded, errors.Unavailable, errors.NotWriter)) and error.retry_after is None:
        error.retry_after = retry.pause
    return error


def _length(received: bytearray, at: int) -> tuple[int, int] | None:
    """Where a message begins whose length is at `at`, and the length; None if it is not there yet."""
    length = shift = 0
    while at < len(received):
        byte = received[at]
        length |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return at, length
        if shift > 35:
            raise broken("what came is not from a log server")
    return None


def _has_an_end(head: h11.Response) -> bool:
    """Whether an answer says where it ends."""
    return _header(head, "transfer-encoding") != "" or _header(head, "content-length") != ""


def _header(head: h11.Response, name: str) -> str:
    return next((value.decode("latin-1") for found, value in head.headers if found.decode() == name), "")


def _as_json(told: ToldError) -> ErrorResponse:
    """The same error as the server tells it in JSON."""
    content: dict[str, object] = {"status": "error", "code": told.code, "message": told.message}
    if told.HasField("expected_sequence"):
        content["expectedSequence"] = told.expected_sequence
    if told.HasField("conflict"):
        conflict = told.conflict
        names = {"last_sequence": "lastSequence", "trimmed_before": "trimmedBefore", "cursor": "cursor", "position": "position"}
        content["conflict"] = {"key": encode(conflict.key)} | {
            name: getattr(conflict, field) for field, name in names.items() if conflict.HasField(field)}
    try:
        return ErrorResponse.from_dict(content)
    except NOT_OF_A_LOG as error:
        raise broken("what came is not from a log server") from error
