"""Trims and deletions: what is sent, and what is known of what became of it."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from . import arguments
from .answers import answered, naming
from .cluster import Cluster
from .errors import LogError, OutcomeUnknown
from .generated import Client
from .generated.api.log import delete_key, trim
from .generated.models import DeleteKeyResponse, TrimRequest, TrimResponse
from .generated.types import UNSET
from .outcome import sent_once, unknown
from .partitions import About, about
from .records import encode
from .retry import Retry, retried
from .steps import Ask, Body, Call
from .trimmed import floor

A = TypeVar("A")


class Commands:
    """The commands to one server. Each answers a floor."""

    def __init__(self, url: str, retry: Retry, api: Client, cluster: Cluster):
        self._url, self._retry, self._api, self._cluster = url, retry, api, cluster

    def trim_before(self, sequence: int, partition: int | None) -> Call[int]:
        """See `LogClient.trim_before`."""
        return self._trim(TrimRequest(before_sequence=arguments.whole("sequence", sequence)), partition)

    def trim_before_time(self, time_ms: int, partition: int | None) -> Call[int]:
        """See `LogClient.trim_before_time`."""
        return self._trim(TrimRequest(before_time_ms=arguments.whole("time_ms", time_ms)), partition)

    def delete_key(self, key: bytes, before_seq: int | None) -> Call[int]:
        """See `LogClient.delete_key`."""
        before = arguments.whole_or_none("before_seq", before_seq)
        key = arguments.data("key", key)
        asked = delete_key._get_kwargs(key_base64=encode(key), before_seq=UNSET if before is None else before)
        # Without a bound, it would also delete what was appended after it was applied.
        return self._command(
            "deletion", about(key), DeleteKeyResponse, asked, delete_key._parse_response, lambda answer: _required(answer.trimmed_before),
            repeatable=before is not None)

    def _trim(self, request: TrimRequest, partition: int | None) -> Call[int]:
        asked = trim._get_kwargs(body=request, partition=arguments.unset_or_whole("partition", partition))
        # A floor is never lowered.
        return self._command(
            "trim", About(partition=partition), TrimResponse, asked, trim._parse_response, lambda answer: _required(answer.trimmed_before),
            repeatable=True)

    def _command(
        self, what: str, of: About, kind: type[A], asked: dict[str, Any], parse: Callable[..., Any], use: Callable[[A], int], *, repeatable: bool,
    ) -> Call[int]:
        """Sends a command. What may have been applied is sent again only if it is repeatable."""
        method, path = asked["method"].upper(), asked["url"]
        content = json.dumps(asked["json"]).encode() if "json" in asked else None
        may_be_applied = False

        def once() -> Call[int]:
            nonlocal may_be_applied
            ask = Ask(method, path, asked.get("params", {}), None if content is None else Body(content), about=of)
            try:
                return (yield from sent_once(
                    self._cluster, self._retry, what, ask,
                    lambda response: use(answered(response, parse(client=self._api, response=response), kind))))
            except OutcomeUnknown as error:
                may_be_applied = True
                error.retry_after = self._retry.pause if repeatable else None
                raise

        with naming(f"{method} {self._url}{path}"):
            try:
                return (yield from retried(self._retry, once))
            except LogError as error:
                if may_be_applied:
                    raise unknown(error, what)
                raise


def _required(value: object) -> int:
    """The floor in an answer that must have one."""
    found = floor(value)
    if found is None:
        raise TypeError("an int is missing")
    return found
