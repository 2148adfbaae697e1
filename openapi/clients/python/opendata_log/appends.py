"""Appends: what is sent, and what is known of what became of it."""

import json
from collections.abc import Iterable, Mapping

from . import arguments
from .answers import answered, naming
from .appended import Appended
from .cursors import CursorMove, moves
from .exactly_once import appended, exactly_once
from .generated import Client
from .generated.api.log import append
from .generated.models import AppendRequest, AppendResponse, Precondition
from .generated.models import Header as HeaderToSend
from .generated.models import Producer as ProducerToSend
from .generated.models import Record as RecordToSend
from .generated.types import UNSET
from .outcome import sent_once
from .producers import Producers, Producing
from .records import Header, RecordToAppend, encode
from .retry import Retry, retried
from .seen import Seen
from .steps import Ask, Body, Call


class Appends:
    """The appends to one server: as those of producers, or without."""

    def __init__(self, url: str, retry: Retry, api: Client, producers: Producers | None, seen: Seen):
        self._url, self._retry, self._api, self._producers, self._seen = url, retry, api, producers, seen

    def append(
        self, records: Iterable[RecordToAppend], await_durable: bool, if_no_record_since: Mapping[bytes, int] | None,
        cursors: Iterable[CursorMove] | None,
    ) -> Call[Appended]:
        """See `LogClient.append`. Arguments are checked at once."""
        preconditions = [
            Precondition(key=encode(key), no_record_since=since) for key, since in arguments.preconditions(if_no_record_since)]
        request = AppendRequest(
            records=[_encoded(*each) for each in arguments.records(records)],
            await_durable=arguments.flag("await_durable", await_durable),
            preconditions=preconditions or UNSET,
            cursors=moves(cursors) or UNSET)
        path = append._get_kwargs(body=request)["url"]
        return self._remembered(self._append(path, _json(request.to_dict()), len(request.records), await_durable), await_durable)

    def _remembered(self, appending: Call[Appended], await_durable: bool) -> Call[Appended]:
        done = yield from appending
        if await_durable and done.start is not None:
            self._seen.advance(done.start + done.count)
        return done

    def _append(self, path: str, content: bytes, records: int, await_durable: bool) -> Call[Appended]:
        def send(producer: Producing) -> Call[AppendResponse]:
            of = ProducerToSend(id=producer.id, epoch=producer.epoch, sequence=producer.sequence)
            return self._once(path, content[:-1] + b',"producer":' + _json(of.to_dict()) + b"}")

        with naming(f"POST {self._url}{path}"):
            if self._producers is None:
                return appended((yield from retried(self._retry, lambda: self._once(path, content))))
            return (yield from exactly_once(self._retry, self._producers, records, await_durable, send))

    def _once(self, path: str, content: bytes) -> Call[AppendResponse]:
        return sent_once(
            self._retry, "append", Ask("POST", path, body=Body(content)),
            lambda response: answered(response, append._parse_response(client=self._api, response=response), AppendResponse))


def _json(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def _encoded(key: bytes, value: bytes, headers: list[Header]) -> RecordToSend:
    encoded = [HeaderToSend(name=name, value=encode(content)) for name, content in headers]
    return RecordToSend(key=encode(key), value=encode(value), headers=encoded or UNSET)
