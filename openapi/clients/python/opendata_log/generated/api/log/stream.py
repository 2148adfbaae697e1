from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.error_response import ErrorResponse
from ...models.stream_format import check_stream_format
from ...models.stream_format import StreamFormat
from ...models.stream_response_200 import StreamResponse200
from ...models.stream_visibility import check_stream_visibility
from ...models.stream_visibility import StreamVisibility
from ...types import UNSET, Unset
from typing import cast



def _get_kwargs(
    *,
    key: str | Unset = UNSET,
    key_base64: str | Unset = UNSET,
    start_seq: int | Unset = 0,
    end_seq: int | Unset = UNSET,
    start_time_ms: int | Unset = UNSET,
    visibility: StreamVisibility | Unset = UNSET,
    format_: StreamFormat | Unset = UNSET,
    cursor: str | Unset = UNSET,
    prefix: str | Unset = UNSET,
    prefix_base64: str | Unset = UNSET,
    keys: list[str] | Unset = UNSET,
    keys_base64: list[str] | Unset = UNSET,
    at_least: int | Unset = UNSET,
    partition: int | Unset = UNSET,
    last_event_id: int | Unset = UNSET,

) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(last_event_id, Unset):
        headers["Last-Event-ID"] = str(last_event_id)




    

    params: dict[str, Any] = {}

    params["key"] = key

    params["key_base64"] = key_base64

    params["start_seq"] = start_seq

    params["end_seq"] = end_seq

    params["start_time_ms"] = start_time_ms

    json_visibility: str | Unset = UNSET
    if not isinstance(visibility, Unset):
        json_visibility = visibility

    params["visibility"] = json_visibility

    json_format_: str | Unset = UNSET
    if not isinstance(format_, Unset):
        json_format_ = format_

    params["format"] = json_format_

    params["cursor"] = cursor

    params["prefix"] = prefix

    params["prefix_base64"] = prefix_base64

    json_keys: list[str] | Unset = UNSET
    if not isinstance(keys, Unset):
        json_keys = keys


    params["keys"] = json_keys

    json_keys_base64: list[str] | Unset = UNSET
    if not isinstance(keys_base64, Unset):
        json_keys_base64 = keys_base64


    params["keys_base64"] = json_keys_base64

    params["at_least"] = at_least

    params["partition"] = partition


    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}


    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/log/stream",
        "params": params,
    }


    _kwargs["headers"] = headers
    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Any | ErrorResponse | StreamResponse200 | None:
    if response.status_code == 200:
        response_200 = StreamResponse200.from_dict(response.json())



        return response_200

    if response.status_code == 204:
        response_204 = cast(Any, None)
        return response_204

    if response.status_code == 400:
        response_400 = ErrorResponse.from_dict(response.json())



        return response_400

    if response.status_code == 401:
        response_401 = ErrorResponse.from_dict(response.json())



        return response_401

    if response.status_code == 403:
        response_403 = ErrorResponse.from_dict(response.json())



        return response_403

    if response.status_code == 404:
        response_404 = ErrorResponse.from_dict(response.json())



        return response_404

    if response.status_code == 413:
        response_413 = ErrorResponse.from_dict(response.json())



        return response_413

    if response.status_code == 429:
        response_429 = ErrorResponse.from_dict(response.json())



        return response_429

    if response.status_code == 500:
        response_500 = ErrorResponse.from_dict(response.json())



        return response_500

    if response.status_code == 503:
        response_503 = ErrorResponse.from_dict(response.json())



        return response_503

    if response.status_code == 504:
        response_504 = ErrorResponse.from_dict(response.json())



        return response_504

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Any | ErrorResponse | StreamResponse200]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    key: str | Unset = UNSET,
    key_base64: str | Unset = UNSET,
    start_seq: int | Unset = 0,
    end_seq: int | Unset = UNSET,
    start_time_ms: int | Unset = UNSET,
    visibility: StreamVisibility | Unset = UNSET,
    format_: StreamFormat | Unset = UNSET,
    cursor: str | Unset = UNSET,
    prefix: str | Unset = UNSET,
    prefix_base64: str | Unset = UNSET,
    keys: list[str] | Unset = UNSET,
    keys_base64: list[str] | Unset = UNSET,
    at_least: int | Unset = UNSET,
    partition: int | Unset = UNSET,
    last_event_id: int | Unset = UNSET,

) -> Response[Any | ErrorResponse | StreamResponse200]:
    """ Follow a key, or several keys

     Sends the records of one key (`key`), of some keys (`keys`) or of all keys that begin with a prefix
    (`prefix`; empty for the whole
    log) as server-sent events, in the order of their sequences. Give exactly one of these. In reads of
    several keys, each record has
    its `key`. The stream has first the existing records, then each record when it arrives, until
    `end_seq` is reached, the client disconnects or the server stops. Each event has the record's
    sequence as `id` and
    a `Value` as `data`. If there are no records, a comment line is sent every 15 s (by default). A
    client that
    reconnects with the header `Last-Event-ID` continues exactly after that event. If nothing is left
    because `end_seq`
    was reached, the status is 204, after which an `EventSource` does not reconnect. Up to 10,000
    clients (by default) can
    follow at the same time, including scans with `follow`.

    With `cursor`, the stream starts at the position of that cursor, which must exist. Reading does not
    move it: move it with PUT,
    or with `cursors` of an append, once the records are processed.

    If records that the stream has yet to send were trimmed, an event of type `trimmed` without `id`
    comes before the next
    record, and the stream continues. Its `data` is `{"trimmedBefore": n}`: *n* is the first sequence
    that can still be there.

    If reading fails midway, an event of type `error` with an `ErrorResponse` as `data` ends the stream.
    A client that
    accepts only `text/event-stream`, such as an `EventSource`, receives status 200, `retry:` and such
    an event in place of
    429, 503 and 504: any other status stops an `EventSource` permanently.

    Args:
        key (str | Unset):  Example: orders.
        key_base64 (str | Unset):
        start_seq (int | Unset):  Default: 0.
        end_seq (int | Unset):
        start_time_ms (int | Unset):
        visibility (StreamVisibility | Unset):
        format_ (StreamFormat | Unset):
        cursor (str | Unset):
        prefix (str | Unset):
        prefix_base64 (str | Unset):
        keys (list[str] | Unset):
        keys_base64 (list[str] | Unset):
        at_least (int | Unset):
        partition (int | Unset):
        last_event_id (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | ErrorResponse | StreamResponse200]
     """


    kwargs = _get_kwargs(
        key=key,
key_base64=key_base64,
start_seq=start_seq,
end_seq=end_seq,
start_time_ms=start_time_ms,
visibility=visibility,
format_=format_,
cursor=cursor,
prefix=prefix,
prefix_base64=prefix_base64,
keys=keys,
keys_base64=keys_base64,
at_least=at_least,
partition=partition,
last_event_id=last_event_id,

    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)

def sync(
    *,
    client: AuthenticatedClient,
    key: str | Unset = UNSET,
    key_base64: str | Unset = UNSET,
    start_seq: int | Unset = 0,
    end_seq: int | Unset = UNSET,
    start_time_ms: int | Unset = UNSET,
    visibility: StreamVisibility | Unset = UNSET,
    format_: StreamFormat | Unset = UNSET,
    cursor: str | Unset = UNSET,
    prefix: str | Unset = UNSET,
    prefix_base64: str | Unset = UNSET,
    keys: list[str] | Unset = UNSET,
    keys_base64: list[str] | Unset = UNSET,
    at_least: int | Unset = UNSET,
    partition: int | Unset = UNSET,
    last_event_id: int | Unset = UNSET,

) -> Any | ErrorResponse | StreamResponse200 | None:
    """ Follow a key, or several keys

     Sends the records of one key (`key`), of some keys (`keys`) or of all keys that begin with a prefix
    (`prefix`; empty for the whole
    log) as server-sent events, in the order of their sequences. Give exactly one of these. In reads of
    several keys, each record has
    its `key`. The stream has first the existing records, then each record when it arrives, until
    `end_seq` is reached, the client disconnects or the server stops. Each event has the record's
    sequence as `id` and
    a `Value` as `data`. If there are no records, a comment line is sent every 15 s (by default). A
    client that
    reconnects with the header `Last-Event-ID` continues exactly after that event. If nothing is left
    because `end_seq`
    was reached, the status is 204, after which an `EventSource` does not reconnect. Up to 10,000
    clients (by default) can
    follow at the same time, including scans with `follow`.

    With `cursor`, the stream starts at the position of that cursor, which must exist. Reading does not
    move it: move it with PUT,
    or with `cursors` of an append, once the records are processed.

    If records that the stream has yet to send were trimmed, an event of type `trimmed` without `id`
    comes before the next
    record, and the stream continues. Its `data` is `{"trimmedBefore": n}`: *n* is the first sequence
    that can still be there.

    If reading fails midway, an event of type `error` with an `ErrorResponse` as `data` ends the stream.
    A client that
    accepts only `text/event-stream`, such as an `EventSource`, receives status 200, `retry:` and such
    an event in place of
    429, 503 and 504: any other status stops an `EventSource` permanently.

    Args:
        key (str | Unset):  Example: orders.
        key_base64 (str | Unset):
        start_seq (int | Unset):  Default: 0.
        end_seq (int | Unset):
        start_time_ms (int | Unset):
        visibility (StreamVisibility | Unset):
        format_ (StreamFormat | Unset):
        cursor (str | Unset):
        prefix (str | Unset):
        prefix_base64 (str | Unset):
        keys (list[str] | Unset):
        keys_base64 (list[str] | Unset):
        at_least (int | Unset):
        partition (int | Unset):
        last_event_id (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | ErrorResponse | StreamResponse200
     """


    return sync_detailed(
        client=client,
key=key,
key_base64=key_base64,
start_seq=start_seq,
end_seq=end_seq,
start_time_ms=start_time_ms,
visibility=visibility,
format_=format_,
cursor=cursor,
prefix=prefix,
prefix_base64=prefix_base64,
keys=keys,
keys_base64=keys_base64,
at_least=at_least,
partition=partition,
last_event_id=last_event_id,

    ).parsed

async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    key: str | Unset = UNSET,
    key_base64: str | Unset = UNSET,
    start_seq: int | Unset = 0,
    end_seq: int | Unset = UNSET,
    start_time_ms: int | Unset = UNSET,
    visibility: StreamVisibility | Unset = UNSET,
    format_: StreamFormat | Unset = UNSET,
    cursor: str | Unset = UNSET,
    prefix: str | Unset = UNSET,
    prefix_base64: str | Unset = UNSET,
    keys: list[str] | Unset = UNSET,
    keys_base64: list[str] | Unset = UNSET,
    at_least: int | Unset = UNSET,
    partition: int | Unset = UNSET,
    last_event_id: int | Unset = UNSET,

) -> Response[Any | ErrorResponse | StreamResponse200]:
    """ Follow a key, or several keys

     Sends the records of one key (`key`), of some keys (`keys`) or of all keys that begin with a prefix
    (`prefix`; empty for the whole
    log) as server-sent events, in the order of their sequences. Give exactly one of these. In reads of
    several keys, each record has
    its `key`. The stream has first the existing records, then each record when it arrives, until
    `end_seq` is reached, the client disconnects or the server stops. Each event has the record's
    sequence as `id` and
    a `Value` as `data`. If there are no records, a comment line is sent every 15 s (by default). A
    client that
    reconnects with the header `Last-Event-ID` continues exactly after that event. If nothing is left
    because `end_seq`
    was reached, the status is 204, after which an `EventSource` does not reconnect. Up to 10,000
    clients (by default) can
    follow at the same time, including scans with `follow`.

    With `cursor`, the stream starts at the position of that cursor, which must exist. Reading does not
    move it: move it with PUT,
    or with `cursors` of an append, once the records are processed.

    If records that the stream has yet to send were trimmed, an event of type `trimmed` without `id`
    comes before the next
    record, and the stream continues. Its `data` is `{"trimmedBefore": n}`: *n* is the first sequence
    that can still be there.

    If reading fails midway, an event of type `error` with an `ErrorResponse` as `data` ends the stream.
    A client that
    accepts only `text/event-stream`, such as an `EventSource`, receives status 200, `retry:` and such
    an event in place of
    429, 503 and 504: any other status stops an `EventSource` permanently.

    Args:
        key (str | Unset):  Example: orders.
        key_base64 (str | Unset):
        start_seq (int | Unset):  Default: 0.
        end_seq (int | Unset):
        start_time_ms (int | Unset):
        visibility (StreamVisibility | Unset):
        format_ (StreamFormat | Unset):
        cursor (str | Unset):
        prefix (str | Unset):
        prefix_base64 (str | Unset):
        keys (list[str] | Unset):
        keys_base64 (list[str] | Unset):
        at_least (int | Unset):
        partition (int | Unset):
        last_event_id (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | ErrorResponse | StreamResponse200]
     """


    kwargs = _get_kwargs(
        key=key,
key_base64=key_base64,
start_seq=start_seq,
end_seq=end_seq,
start_time_ms=start_time_ms,
visibility=visibility,
format_=format_,
cursor=cursor,
prefix=prefix,
prefix_base64=prefix_base64,
keys=keys,
keys_base64=keys_base64,
at_least=at_least,
partition=partition,
last_event_id=last_event_id,

    )

    response = await client.get_async_httpx_client().request(
        **kwargs
    )

    return _build_response(client=client, response=response)

async def asyncio(
    *,
    client: AuthenticatedClient,
    key: str | Unset = UNSET,
    key_base64: str | Unset = UNSET,
    start_seq: int | Unset = 0,
    end_seq: int | Unset = UNSET,
    start_time_ms: int | Unset = UNSET,
    visibility: StreamVisibility | Unset = UNSET,
    format_: StreamFormat | Unset = UNSET,
    cursor: str | Unset = UNSET,
    prefix: str | Unset = UNSET,
    prefix_base64: str | Unset = UNSET,
    keys: list[str] | Unset = UNSET,
    keys_base64: list[str] | Unset = UNSET,
    at_least: int | Unset = UNSET,
    partition: int | Unset = UNSET,
    last_event_id: int | Unset = UNSET,

) -> Any | ErrorResponse | StreamResponse200 | None:
    """ Follow a key, or several keys

     Sends the records of one key (`key`), of some keys (`keys`) or of all keys that begin with a prefix
    (`prefix`; empty for the whole
    log) as server-sent events, in the order of their sequences. Give exactly one of these. In reads of
    several keys, each record has
    its `key`. The stream has first the existing records, then each record when it arrives, until
    `end_seq` is reached, the client disconnects or the server stops. Each event has the record's
    sequence as `id` and
    a `Value` as `data`. If there are no records, a comment line is sent every 15 s (by default). A
    client that
    reconnects with the header `Last-Event-ID` continues exactly after that event. If nothing is left
    because `end_seq`
    was reached, the status is 204, after which an `EventSource` does not reconnect. Up to 10,000
    clients (by default) can
    follow at the same time, including scans with `follow`.

    With `cursor`, the stream starts at the position of that cursor, which must exist. Reading does not
    move it: move it with PUT,
    or with `cursors` of an append, once the records are processed.

    If records that the stream has yet to send were trimmed, an event of type `trimmed` without `id`
    comes before the next
    record, and the stream continues. Its `data` is `{"trimmedBefore": n}`: *n* is the first sequence
    that can still be there.

    If reading fails midway, an event of type `error` with an `ErrorResponse` as `data` ends the stream.
    A client that
    accepts only `text/event-stream`, such as an `EventSource`, receives status 200, `retry:` and such
    an event in place of
    429, 503 and 504: any other status stops an `EventSource` permanently.

    Args:
        key (str | Unset):  Example: orders.
        key_base64 (str | Unset):
        start_seq (int | Unset):  Default: 0.
        end_seq (int | Unset):
        start_time_ms (int | Unset):
        visibility (StreamVisibility | Unset):
        format_ (StreamFormat | Unset):
        cursor (str | Unset):
        prefix (str | Unset):
        prefix_base64 (str | Unset):
        keys (list[str] | Unset):
        keys_base64 (list[str] | Unset):
        at_least (int | Unset):
        partition (int | Unset):
        last_event_id (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | ErrorResponse | StreamResponse200
     """


    return (await asyncio_detailed(
        client=client,
key=key,
key_base64=key_base64,
start_seq=start_seq,
end_seq=end_seq,
start_time_ms=start_time_ms,
visibility=visibility,
format_=format_,
cursor=cursor,
prefix=prefix,
prefix_base64=prefix_base64,
keys=keys,
keys_base64=keys_base64,
at_least=at_least,
partition=partition,
last_event_id=last_event_id,

    )).parsed
