from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.error_response import ErrorResponse
from ...models.scan_format import check_scan_format
from ...models.scan_format import ScanFormat
from ...models.scan_order import check_scan_order
from ...models.scan_order import ScanOrder
from ...models.scan_response import ScanResponse
from ...models.scan_visibility import check_scan_visibility
from ...models.scan_visibility import ScanVisibility
from ...types import UNSET, Unset
from typing import cast



def _get_kwargs(
    *,
    key: str | Unset = UNSET,
    key_base64: str | Unset = UNSET,
    start_seq: int | Unset = 0,
    end_seq: int | Unset = UNSET,
    limit: int | Unset = 32,
    follow: bool | Unset = False,
    timeout_ms: int | Unset = 30000,
    start_time_ms: int | Unset = UNSET,
    visibility: ScanVisibility | Unset = UNSET,
    format_: ScanFormat | Unset = UNSET,
    last: int | Unset = UNSET,
    cursor: str | Unset = UNSET,
    prefix: str | Unset = UNSET,
    prefix_base64: str | Unset = UNSET,
    keys: list[str] | Unset = UNSET,
    keys_base64: list[str] | Unset = UNSET,
    at_least: int | Unset = UNSET,
    order: ScanOrder | Unset = UNSET,
    positions: str | Unset = UNSET,
    partition: int | Unset = UNSET,

) -> dict[str, Any]:
    

    

    params: dict[str, Any] = {}

    params["key"] = key

    params["key_base64"] = key_base64

    params["start_seq"] = start_seq

    params["end_seq"] = end_seq

    params["limit"] = limit

    params["follow"] = follow

    params["timeout_ms"] = timeout_ms

    params["start_time_ms"] = start_time_ms

    json_visibility: str | Unset = UNSET
    if not isinstance(visibility, Unset):
        json_visibility = visibility

    params["visibility"] = json_visibility

    json_format_: str | Unset = UNSET
    if not isinstance(format_, Unset):
        json_format_ = format_

    params["format"] = json_format_

    params["last"] = last

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

    json_order: str | Unset = UNSET
    if not isinstance(order, Unset):
        json_order = order

    params["order"] = json_order

    params["positions"] = positions

    params["partition"] = partition


    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}


    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/log/scan",
        "params": params,
    }


    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> ErrorResponse | ScanResponse | None:
    if response.status_code == 200:
        response_200 = ScanResponse.from_dict(response.json())



        return response_200

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[ErrorResponse | ScanResponse]:
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
    limit: int | Unset = 32,
    follow: bool | Unset = False,
    timeout_ms: int | Unset = 30000,
    start_time_ms: int | Unset = UNSET,
    visibility: ScanVisibility | Unset = UNSET,
    format_: ScanFormat | Unset = UNSET,
    last: int | Unset = UNSET,
    cursor: str | Unset = UNSET,
    prefix: str | Unset = UNSET,
    prefix_base64: str | Unset = UNSET,
    keys: list[str] | Unset = UNSET,
    keys_base64: list[str] | Unset = UNSET,
    at_least: int | Unset = UNSET,
    order: ScanOrder | Unset = UNSET,
    positions: str | Unset = UNSET,
    partition: int | Unset = UNSET,

) -> Response[ErrorResponse | ScanResponse]:
    """ Read records of a key, or of several keys

     Returns the records of one key (`key`), of some keys (`keys`) or of all keys that begin with a
    prefix (`prefix`; empty for the
    whole log) in the order of their sequences. Give exactly one of these. In reads of several keys,
    each record has its `key`. A page ends after `limit` records or at the
    server's byte limit (8 MiB by default), whichever comes first. For the next page, set `start_seq` to
    `nextSequence`.
    A page is read within 30 s (by default). After half of that time, it has what was found so far, and
    `more`: continue with
    `nextSequence`, also if it is empty.

    With `follow=true`, the server responds immediately if there are records, else when the first record
    arrives, or
    after `timeout_ms` with no values and the `nextSequence` to continue with. Such a page ends at 256
    KiB. Up to 10,000
    clients (by default) can follow at the same time, including streams.

    With `last=n`, the page has the last *n* records of the key, in order, and `nextSequence` is where
    the key continues. A page that
    reaches the byte limit has fewer records, the newest ones. This costs a few reads of storage,
    however long the key is.

    With `cursor`, the page starts at the position of that cursor, which must exist. Reading does not
    move it: move it with PUT,
    or with `cursors` of an append, once the records are processed.

    With `order=none`, the records with `prefix` of all partitions of a cluster are returned: in the
    order of the sequences within each partition, and in no order
    between them. `limit` counts over all of them. For the next page, send `positions` of the page in
    place of `start_seq`, until a page has no `more`. A log that is not clustered has partition 0 alone.

    If the range begins below the floor of the log, the response has `trimmedBefore`: records before
    that sequence were
    trimmed and are not in the page. A page of the last *n* records has it only if there are fewer. In
    reads of several keys, it tells
    of floors that hold for all of them.

    Args:
        key (str | Unset):  Example: orders.
        key_base64 (str | Unset):
        start_seq (int | Unset):  Default: 0.
        end_seq (int | Unset):
        limit (int | Unset):  Default: 32.
        follow (bool | Unset):  Default: False.
        timeout_ms (int | Unset):  Default: 30000.
        start_time_ms (int | Unset):
        visibility (ScanVisibility | Unset):
        format_ (ScanFormat | Unset):
        last (int | Unset):
        cursor (str | Unset):
        prefix (str | Unset):
        prefix_base64 (str | Unset):
        keys (list[str] | Unset):
        keys_base64 (list[str] | Unset):
        at_least (int | Unset):
        order (ScanOrder | Unset):
        positions (str | Unset):
        partition (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | ScanResponse]
     """


    kwargs = _get_kwargs(
        key=key,
key_base64=key_base64,
start_seq=start_seq,
end_seq=end_seq,
limit=limit,
follow=follow,
timeout_ms=timeout_ms,
start_time_ms=start_time_ms,
visibility=visibility,
format_=format_,
last=last,
cursor=cursor,
prefix=prefix,
prefix_base64=prefix_base64,
keys=keys,
keys_base64=keys_base64,
at_least=at_least,
order=order,
positions=positions,
partition=partition,

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
    limit: int | Unset = 32,
    follow: bool | Unset = False,
    timeout_ms: int | Unset = 30000,
    start_time_ms: int | Unset = UNSET,
    visibility: ScanVisibility | Unset = UNSET,
    format_: ScanFormat | Unset = UNSET,
    last: int | Unset = UNSET,
    cursor: str | Unset = UNSET,
    prefix: str | Unset = UNSET,
    prefix_base64: str | Unset = UNSET,
    keys: list[str] | Unset = UNSET,
    keys_base64: list[str] | Unset = UNSET,
    at_least: int | Unset = UNSET,
    order: ScanOrder | Unset = UNSET,
    positions: str | Unset = UNSET,
    partition: int | Unset = UNSET,

) -> ErrorResponse | ScanResponse | None:
    """ Read records of a key, or of several keys

     Returns the records of one key (`key`), of some keys (`keys`) or of all keys that begin with a
    prefix (`prefix`; empty for the
    whole log) in the order of their sequences. Give exactly one of these. In reads of several keys,
    each record has its `key`. A page ends after `limit` records or at the
    server's byte limit (8 MiB by default), whichever comes first. For the next page, set `start_seq` to
    `nextSequence`.
    A page is read within 30 s (by default). After half of that time, it has what was found so far, and
    `more`: continue with
    `nextSequence`, also if it is empty.

    With `follow=true`, the server responds immediately if there are records, else when the first record
    arrives, or
    after `timeout_ms` with no values and the `nextSequence` to continue with. Such a page ends at 256
    KiB. Up to 10,000
    clients (by default) can follow at the same time, including streams.

    With `last=n`, the page has the last *n* records of the key, in order, and `nextSequence` is where
    the key continues. A page that
    reaches the byte limit has fewer records, the newest ones. This costs a few reads of storage,
    however long the key is.

    With `cursor`, the page starts at the position of that cursor, which must exist. Reading does not
    move it: move it with PUT,
    or with `cursors` of an append, once the records are processed.

    With `order=none`, the records with `prefix` of all partitions of a cluster are returned: in the
    order of the sequences within each partition, and in no order
    between them. `limit` counts over all of them. For the next page, send `positions` of the page in
    place of `start_seq`, until a page has no `more`. A log that is not clustered has partition 0 alone.

    If the range begins below the floor of the log, the response has `trimmedBefore`: records before
    that sequence were
    trimmed and are not in the page. A page of the last *n* records has it only if there are fewer. In
    reads of several keys, it tells
    of floors that hold for all of them.

    Args:
        key (str | Unset):  Example: orders.
        key_base64 (str | Unset):
        start_seq (int | Unset):  Default: 0.
        end_seq (int | Unset):
        limit (int | Unset):  Default: 32.
        follow (bool | Unset):  Default: False.
        timeout_ms (int | Unset):  Default: 30000.
        start_time_ms (int | Unset):
        visibility (ScanVisibility | Unset):
        format_ (ScanFormat | Unset):
        last (int | Unset):
        cursor (str | Unset):
        prefix (str | Unset):
        prefix_base64 (str | Unset):
        keys (list[str] | Unset):
        keys_base64 (list[str] | Unset):
        at_least (int | Unset):
        order (ScanOrder | Unset):
        positions (str | Unset):
        partition (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | ScanResponse
     """


    return sync_detailed(
        client=client,
key=key,
key_base64=key_base64,
start_seq=start_seq,
end_seq=end_seq,
limit=limit,
follow=follow,
timeout_ms=timeout_ms,
start_time_ms=start_time_ms,
visibility=visibility,
format_=format_,
last=last,
cursor=cursor,
prefix=prefix,
prefix_base64=prefix_base64,
keys=keys,
keys_base64=keys_base64,
at_least=at_least,
order=order,
positions=positions,
partition=partition,

    ).parsed

async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    key: str | Unset = UNSET,
    key_base64: str | Unset = UNSET,
    start_seq: int | Unset = 0,
    end_seq: int | Unset = UNSET,
    limit: int | Unset = 32,
    follow: bool | Unset = False,
    timeout_ms: int | Unset = 30000,
    start_time_ms: int | Unset = UNSET,
    visibility: ScanVisibility | Unset = UNSET,
    format_: ScanFormat | Unset = UNSET,
    last: int | Unset = UNSET,
    cursor: str | Unset = UNSET,
    prefix: str | Unset = UNSET,
    prefix_base64: str | Unset = UNSET,
    keys: list[str] | Unset = UNSET,
    keys_base64: list[str] | Unset = UNSET,
    at_least: int | Unset = UNSET,
    order: ScanOrder | Unset = UNSET,
    positions: str | Unset = UNSET,
    partition: int | Unset = UNSET,

) -> Response[ErrorResponse | ScanResponse]:
    """ Read records of a key, or of several keys

     Returns the records of one key (`key`), of some keys (`keys`) or of all keys that begin with a
    prefix (`prefix`; empty for the
    whole log) in the order of their sequences. Give exactly one of these. In reads of several keys,
    each record has its `key`. A page ends after `limit` records or at the
    server's byte limit (8 MiB by default), whichever comes first. For the next page, set `start_seq` to
    `nextSequence`.
    A page is read within 30 s (by default). After half of that time, it has what was found so far, and
    `more`: continue with
    `nextSequence`, also if it is empty.

    With `follow=true`, the server responds immediately if there are records, else when the first record
    arrives, or
    after `timeout_ms` with no values and the `nextSequence` to continue with. Such a page ends at 256
    KiB. Up to 10,000
    clients (by default) can follow at the same time, including streams.

    With `last=n`, the page has the last *n* records of the key, in order, and `nextSequence` is where
    the key continues. A page that
    reaches the byte limit has fewer records, the newest ones. This costs a few reads of storage,
    however long the key is.

    With `cursor`, the page starts at the position of that cursor, which must exist. Reading does not
    move it: move it with PUT,
    or with `cursors` of an append, once the records are processed.

    With `order=none`, the records with `prefix` of all partitions of a cluster are returned: in the
    order of the sequences within each partition, and in no order
    between them. `limit` counts over all of them. For the next page, send `positions` of the page in
    place of `start_seq`, until a page has no `more`. A log that is not clustered has partition 0 alone.

    If the range begins below the floor of the log, the response has `trimmedBefore`: records before
    that sequence were
    trimmed and are not in the page. A page of the last *n* records has it only if there are fewer. In
    reads of several keys, it tells
    of floors that hold for all of them.

    Args:
        key (str | Unset):  Example: orders.
        key_base64 (str | Unset):
        start_seq (int | Unset):  Default: 0.
        end_seq (int | Unset):
        limit (int | Unset):  Default: 32.
        follow (bool | Unset):  Default: False.
        timeout_ms (int | Unset):  Default: 30000.
        start_time_ms (int | Unset):
        visibility (ScanVisibility | Unset):
        format_ (ScanFormat | Unset):
        last (int | Unset):
        cursor (str | Unset):
        prefix (str | Unset):
        prefix_base64 (str | Unset):
        keys (list[str] | Unset):
        keys_base64 (list[str] | Unset):
        at_least (int | Unset):
        order (ScanOrder | Unset):
        positions (str | Unset):
        partition (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | ScanResponse]
     """


    kwargs = _get_kwargs(
        key=key,
key_base64=key_base64,
start_seq=start_seq,
end_seq=end_seq,
limit=limit,
follow=follow,
timeout_ms=timeout_ms,
start_time_ms=start_time_ms,
visibility=visibility,
format_=format_,
last=last,
cursor=cursor,
prefix=prefix,
prefix_base64=prefix_base64,
keys=keys,
keys_base64=keys_base64,
at_least=at_least,
order=order,
positions=positions,
partition=partition,

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
    limit: int | Unset = 32,
    follow: bool | Unset = False,
    timeout_ms: int | Unset = 30000,
    start_time_ms: int | Unset = UNSET,
    visibility: ScanVisibility | Unset = UNSET,
    format_: ScanFormat | Unset = UNSET,
    last: int | Unset = UNSET,
    cursor: str | Unset = UNSET,
    prefix: str | Unset = UNSET,
    prefix_base64: str | Unset = UNSET,
    keys: list[str] | Unset = UNSET,
    keys_base64: list[str] | Unset = UNSET,
    at_least: int | Unset = UNSET,
    order: ScanOrder | Unset = UNSET,
    positions: str | Unset = UNSET,
    partition: int | Unset = UNSET,

) -> ErrorResponse | ScanResponse | None:
    """ Read records of a key, or of several keys

     Returns the records of one key (`key`), of some keys (`keys`) or of all keys that begin with a
    prefix (`prefix`; empty for the
    whole log) in the order of their sequences. Give exactly one of these. In reads of several keys,
    each record has its `key`. A page ends after `limit` records or at the
    server's byte limit (8 MiB by default), whichever comes first. For the next page, set `start_seq` to
    `nextSequence`.
    A page is read within 30 s (by default). After half of that time, it has what was found so far, and
    `more`: continue with
    `nextSequence`, also if it is empty.

    With `follow=true`, the server responds immediately if there are records, else when the first record
    arrives, or
    after `timeout_ms` with no values and the `nextSequence` to continue with. Such a page ends at 256
    KiB. Up to 10,000
    clients (by default) can follow at the same time, including streams.

    With `last=n`, the page has the last *n* records of the key, in order, and `nextSequence` is where
    the key continues. A page that
    reaches the byte limit has fewer records, the newest ones. This costs a few reads of storage,
    however long the key is.

    With `cursor`, the page starts at the position of that cursor, which must exist. Reading does not
    move it: move it with PUT,
    or with `cursors` of an append, once the records are processed.

    With `order=none`, the records with `prefix` of all partitions of a cluster are returned: in the
    order of the sequences within each partition, and in no order
    between them. `limit` counts over all of them. For the next page, send `positions` of the page in
    place of `start_seq`, until a page has no `more`. A log that is not clustered has partition 0 alone.

    If the range begins below the floor of the log, the response has `trimmedBefore`: records before
    that sequence were
    trimmed and are not in the page. A page of the last *n* records has it only if there are fewer. In
    reads of several keys, it tells
    of floors that hold for all of them.

    Args:
        key (str | Unset):  Example: orders.
        key_base64 (str | Unset):
        start_seq (int | Unset):  Default: 0.
        end_seq (int | Unset):
        limit (int | Unset):  Default: 32.
        follow (bool | Unset):  Default: False.
        timeout_ms (int | Unset):  Default: 30000.
        start_time_ms (int | Unset):
        visibility (ScanVisibility | Unset):
        format_ (ScanFormat | Unset):
        last (int | Unset):
        cursor (str | Unset):
        prefix (str | Unset):
        prefix_base64 (str | Unset):
        keys (list[str] | Unset):
        keys_base64 (list[str] | Unset):
        at_least (int | Unset):
        order (ScanOrder | Unset):
        positions (str | Unset):
        partition (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | ScanResponse
     """


    return (await asyncio_detailed(
        client=client,
key=key,
key_base64=key_base64,
start_seq=start_seq,
end_seq=end_seq,
limit=limit,
follow=follow,
timeout_ms=timeout_ms,
start_time_ms=start_time_ms,
visibility=visibility,
format_=format_,
last=last,
cursor=cursor,
prefix=prefix,
prefix_base64=prefix_base64,
keys=keys,
keys_base64=keys_base64,
at_least=at_least,
order=order,
positions=positions,
partition=partition,

    )).parsed
