"""The connections of a client: those for requests, of which there are only so many, and those that wait for records."""

import ssl
from dataclasses import dataclass
from typing import Any

import httpx

from . import arguments
from .steps import Ask, Listen

# A client that takes events alone would be told errors as events, and no status.
EVENTS_OR_ERRORS = "text/event-stream, application/json"

# A node of a cluster that does not take a connection within this time is not waited for: others pass requests on.
CONNECT_SECONDS = 3.0

# An answer that is of use but not needed is not waited for any longer.
QUICK_SECONDS = 5.0

# The server sends a comment every 15 s by default; a stream that is silent for longer is dead.
SILENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What both clients are made of."""

    url: str
    headers: dict[str, str]
    timeout: float
    tls: ssl.SSLContext
    connections: int

    @classmethod
    def checked(cls, url: str, token: str | None, timeout: float, tls: ssl.SSLContext | None, connections: int) -> "Settings":
        """The settings, or an error that says which is wrong."""
        bearer = arguments.token(token)
        return cls(
            url=arguments.url(url),
            headers={} if bearer is None else {"Authorization": f"Bearer {bearer}"},
            timeout=arguments.seconds("timeout", timeout, above_zero=True),
            tls=httpx.create_ssl_context() if tls is None else arguments.instance("tls", tls, ssl.SSLContext),
            connections=arguments.whole("connections", connections, least=1))

    def for_requests(self) -> dict[str, Any]:
        """The arguments of the httpx client whose connections are soon free again."""
        return self._client(httpx.Limits(max_connections=self.connections, max_keepalive_connections=20))

    def for_waiting(self) -> dict[str, Any]:
        """Those of the one for tails and follows: each keeps a connection, so they must not take those of requests."""
        return self._client(httpx.Limits(max_connections=None, max_keepalive_connections=20))

    def _client(self, limits: httpx.Limits) -> dict[str, Any]:
        return {"headers": self.headers, "timeout": httpx.Timeout(self.timeout), "verify": self.tls, "limits": limits}

    def request(self, client: httpx.Client | httpx.AsyncClient, step: Ask | Listen) -> httpx.Request:
        """What is sent for a step."""
        url = step.url or self.url
        connect = self.timeout if url == self.url else min(CONNECT_SECONDS, self.timeout)
        if isinstance(step, Listen):
            last = {} if step.last_event_id is None else {"Last-Event-ID": str(step.last_event_id)}
            return client.build_request(
                "GET", f"{url}/api/v1/log/stream", params=step.params, headers={"Accept": EVENTS_OR_ERRORS} | last,
                timeout=httpx.Timeout(SILENCE_SECONDS, connect=SILENCE_SECONDS if url == self.url else connect))
        # The server may be silent for as long as it was told to wait.
        silence = httpx.Timeout(self.timeout, read=self.timeout + step.wait, connect=connect)
        if step.is_quick:
            silence = httpx.Timeout(min(QUICK_SECONDS, self.timeout))
        request = client.build_request(step.method, f"{url}{step.path}", params=step.params, timeout=silence)
        if step.body is not None:
            request.stream = step.body
            request.headers["Content-Type"] = "application/json"
            request.headers["Content-Length"] = str(len(step.body))
        return request


def is_a_stream(response: httpx.Response) -> bool:
    """Whether events come, so that it must not be read to its end."""
    return response.status_code == 200 and response.headers.get("content-type", "").startswith("text/event-stream")
