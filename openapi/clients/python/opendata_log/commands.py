"""Trims and deletions: what is sent, and what is known of what became of it."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from . import arguments
from .answers import answered, naming
from .errors import LogError, OutcomeUnknown
from .generated import Client
from .generated.api.log import delete_key, trim
from .generated.models import DeleteKeyResponse, TrimRequest, TrimResponse
from .generated.types import UNSET
from .outcome import sent_once, unknown
from .records import encode
from .retry import Retry, retried
from .steps import Ask, Body, Call
from .trimmed import floor

A = TypeVar("A")


class Commands:
    """The commands to one server. Each answers a floor."""

    def __init__(self, url: str, retry: Retry, api: Client):
        self._url, self._retry, self._api = url, retry, api

    def trim_before(self, sequence: int) -> Call[int]:
        """See `LogClient.trim_before`."""
        return self._trim(TrimRequest(before_sequence=arguments.whole("sequence", sequence)))

    def trim_before_time(self, time_ms: int) -> Call[int]:
        """See `LogClient.trim_before_time`."""
        return self._trim(TrimRequest(before_time_ms=arguments.whole("time_ms", time_ms)))

    def delete_key(self, key: bytes, before_seq: int | None) -> Call[int]:
        """See `LogClient.delete_key`."""
        before = arguments.whole_or_none("before_seq", before_seq)
        asked = delete_key._get_kwargs(key_base64=encode(arguments.data("key", key)), before_seq=UNSET if before is None else before)
        # Without a bound, it would also delete what was appended after it was applied.
        return self._command(
            "deletion", DeleteKeyResponse, asked, delete_key._parse_response, lambda answer: _required(answer.trimmed_before),
            repeatable=before is not None)

    def _trim(self, request: TrimRequest) -> Call[int]:
        # A floor is never lowered.
        return self._command(
            "trim", TrimResponse, trim._get_kwargs(body=request), trim._parse_response, lambda answer: _required(answer.trimmed_before),
            repeatable=True)

    def _command(
        self, what: str, kind: type[A], asked: dict[str, Any], parse: Callable[..., Any], use: Callable[[A], int], *, repeatable: bool,
    ) -> Call[int]:
        """Sends a command. What may have been applied is sent again only if it is repeatable."""
        method, path = asked["method"].upper(), asked["url"]
        content = json.dumps(asked["json"]).encode() if "json" in asked else None
        may_be_applied = False

        def once() -> Call[int]:
            nonlocal may_be_applied
            ask = Ask(method, path, asked.get("params", {}), None if content is None else Body(content))
            try:
                return (yield from sent_once(
                    self._retry, what, ask,
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
