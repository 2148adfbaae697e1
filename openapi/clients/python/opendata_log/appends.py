"""Appends: what is sent, and what is known of what became of it."""

import json
from collections.abc import Iterable, Mapping

from . import arguments
from .answers import answered, naming, parts
from .appended import Appended, AppendPart
from .cluster import Cluster
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
from .partitions import About, about
from .producers import Producers, Producing
from .records import Header, RecordToAppend, encode
from .retry import Retry, retried
from .seen import Seen
from .steps import Ask, Body, Call

PATH = "/api/v1/log/append"


class Appends:
    """The appends to one server: as those of producers, or without."""

    def __init__(self, url: str, retry: Retry, api: Client, producers: Producers | None, seen: Seen, cluster: Cluster):
        self._url, self._retry, self._api, self._producers, self._seen, self._cluster = url, retry, api, producers, seen, cluster

    def append(
        self, records: Iterable[RecordToAppend], await_durable: bool, if_no_record_since: Mapping[bytes, int] | None,
        cursors: Iterable[CursorMove] | None,
    ) -> Call[Appended]:
        """See `LogClient.append`. Arguments are checked at once."""
        request, of = self._request(records, await_durable, if_no_record_since, cursors)
        count = len(request.records)
        return self._remembered(self._append(_json(request.to_dict()), of, count, await_durable), of, await_durable)

    def append_split(
        self, records: Iterable[RecordToAppend], await_durable: bool, if_no_record_since: Mapping[bytes, int] | None,
        cursors: Iterable[CursorMove] | None,
    ) -> Call[list[AppendPart]]:
        """See `LogClient.append_split`. Arguments are checked at once."""
        request, of = self._request(records, await_durable, if_no_record_since, cursors)
        request.atomic = False
        return self._append_split(_json(request.to_dict()), of, await_durable)

    def _append_split(self, content: bytes, of: About, await_durable: bool) -> Call[list[AppendPart]]:
        with naming(f"POST {self._url}{PATH}"):
            answer = yield from retried(self._retry, lambda: self._once(content, of))
            done = list(parts(answer.parts))
            if await_durable:
                # Sequences are those of a partition, so it has to be known whether there are several.
                if not self._cluster.is_known:
                    yield from self._cluster.learn()
                if self._cluster.has_partitions or len(done) == 1:
                    for part in done:
                        self._seen.advance((part.start or 0) + part.count, About(partition=part.partition))
            return done

    def _request(
        self, records: Iterable[RecordToAppend], await_durable: bool, if_no_record_since: Mapping[bytes, int] | None,
        cursors: Iterable[CursorMove] | None,
    ) -> tuple[AppendRequest, About]:
        checked, since = arguments.records(records), arguments.preconditions(if_no_record_since)
        preconditions = [Precondition(key=encode(key), no_record_since=sequence) for key, sequence in since]
        moved = moves(cursors)
        request = AppendRequest(
            records=[_encoded(*each) for each in checked],
            await_durable=arguments.flag("await_durable", await_durable),
            preconditions=preconditions or UNSET,
            cursors=moved or UNSET)
        # Unless it is split, all of it must be in one partition.
        names: list[bytes | str] = [*(key for key, _, _ in checked[:1]), *(key for key, _ in since[:1]), *(move.name for move in moved[:1])]
        of = about(names[0]) if names else About()
        return request, of

    def _remembered(self, appending: Call[Appended], of: About, await_durable: bool) -> Call[Appended]:
        done = yield from appending
        if await_durable and done.start is not None:
            self._seen.advance(done.start + done.count, of)
        return done

    def _append(self, content: bytes, of: About, records: int, await_durable: bool) -> Call[Appended]:
        def send(producer: Producing) -> Call[AppendResponse]:
            named = ProducerToSend(id=producer.id, epoch=producer.epoch, sequence=producer.sequence)
            return self._once(content[:-1] + b',"producer":' + _json(named.to_dict()) + b"}", of)

        with naming(f"POST {self._url}{PATH}"):
            if self._producers is None:
                return appended((yield from retried(self._retry, lambda: self._once(content, of))))
            return (yield from exactly_once(self._cluster, self._retry, self._producers, of, records, await_durable, send))

    def _once(self, content: bytes, of: About) -> Call[AppendResponse]:
        return sent_once(
            self._cluster, self._retry, "append", Ask("POST", PATH, body=Body(content), about=of),
            lambda response: answered(response, append._parse_response(client=self._api, response=response), AppendResponse))


def _json(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def _encoded(key: bytes, value: bytes, headers: list[Header]) -> RecordToSend:
    encoded = [HeaderToSend(name=name, value=encode(content)) for name, content in headers]
    return RecordToSend(key=encode(key), value=encode(value), headers=encoded or UNSET)
