from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.append_request import AppendRequest
from ...models.append_response import AppendResponse
from ...models.error_response import ErrorResponse
from typing import cast



def _get_kwargs(
    *,
    body: AppendRequest,

) -> dict[str, Any]:
    headers: dict[str, Any] = {}


    

    

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/log/append",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> AppendResponse | ErrorResponse | None:
    if response.status_code == 200:
        response_200 = AppendResponse.from_dict(response.json())



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

    if response.status_code == 409:
        response_409 = ErrorResponse.from_dict(response.json())



        return response_409

    if response.status_code == 413:
        response_413 = ErrorResponse.from_dict(response.json())



        return response_413

    if response.status_code == 415:
        response_415 = ErrorResponse.from_dict(response.json())



        return response_415

    if response.status_code == 421:
        response_421 = ErrorResponse.from_dict(response.json())



        return response_421

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[AppendResponse | ErrorResponse]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: AppendRequest,

) -> Response[AppendResponse | ErrorResponse]:
    """ Append records

     Either all records are appended or none (unless `atomic` is false). They get consecutive sequences
    in the order of the request. Appending to a
    new key creates it. Without `awaitDurable`, the server responds once the records can be read; if it
    crashes, they
    can still be lost. With `awaitDurable`, it responds once the records are durable on object storage.

    The body can be compressed with `gzip` or `zstd`, declared in `Content-Encoding`.

    Limits (defaults; the server's configuration may differ): body 16 MiB (also after decompression),
    key 1 B to 8 KiB, value
    8 MiB, 64 headers with 8 KiB of names and values for each record, 100,000 records; 30 s to receive
    the body, and 30 s until the
    append is acknowledged.

    With `preconditions`, the records are appended only if each of these keys has no record at or above
    its `noRecordSince`.
    Set it to the `nextSequence` of a scan that read the key to its end, so that reading, deciding and
    appending are one
    atomic step; 0 requires that the key has no records. Status 409 with the code `conflict` means that
    another client
    appended first.

    With `cursors`, cursors move in the same atomic commit as the records: a consumer that appends its
    results and moves its
    cursor this way, each time from its `expected` position, processes every record exactly once. If a
    cursor is not at that
    position, nothing is appended, and the response has status 409 with the code `conflict`.

    In a cluster, all keys and cursors of a request are in one partition, or the response has status 400
    with the code `spans_partitions`.
    With `atomic: false`, the server splits the records by partition, and `parts` of the response says
    what happened in each: each part is
    appended as a whole or not at all, and its records keep their order. Status 200 means that all parts
    were appended. If some were and others
    were not, the status is 409 with the code `partly_applied`; if the outcome of one is unknown, it is
    504; if none was appended, it is that of
    one of them. A precondition or a cursor must be in a partition of one of the records. It cannot be
    combined with `producer`.

    Status 504 means that the outcome is unknown, unless the message says that nothing was applied:
    either all records
    were appended or none. Repeat the request: with a `producer` it is applied only once, even if it is
    sent repeatedly.
    Without one, read the key to find out. Every other error means that nothing was applied now.

    A producer numbers its requests from 0 in each epoch. If it repeats one of its last five requests,
    the server repeats
    the response, with `duplicate`, and applies nothing again. A higher epoch takes over from lower
    ones. A producer that
    sends nothing for 7 days (by default) is forgotten.

    Args:
        body (AppendRequest): Records to append: either all of them are appended or none, unless
            `atomic` is false. Unknown fields are rejected. Example: {'awaitDurable': True, 'records':
            [{'key': 'b3JkZXJz', 'value': 'Zmlyc3Q='}, {'headers': [{'name': 'content-type', 'value':
            'dGV4dC9wbGFpbg=='}], 'key': 'b3JkZXJz', 'value': 'c2Vjb25k'}]}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AppendResponse | ErrorResponse]
     """


    kwargs = _get_kwargs(
        body=body,

    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)

def sync(
    *,
    client: AuthenticatedClient,
    body: AppendRequest,

) -> AppendResponse | ErrorResponse | None:
    """ Append records

     Either all records are appended or none (unless `atomic` is false). They get consecutive sequences
    in the order of the request. Appending to a
    new key creates it. Without `awaitDurable`, the server responds once the records can be read; if it
    crashes, they
    can still be lost. With `awaitDurable`, it responds once the records are durable on object storage.

    The body can be compressed with `gzip` or `zstd`, declared in `Content-Encoding`.

    Limits (defaults; the server's configuration may differ): body 16 MiB (also after decompression),
    key 1 B to 8 KiB, value
    8 MiB, 64 headers with 8 KiB of names and values for each record, 100,000 records; 30 s to receive
    the body, and 30 s until the
    append is acknowledged.

    With `preconditions`, the records are appended only if each of these keys has no record at or above
    its `noRecordSince`.
    Set it to the `nextSequence` of a scan that read the key to its end, so that reading, deciding and
    appending are one
    atomic step; 0 requires that the key has no records. Status 409 with the code `conflict` means that
    another client
    appended first.

    With `cursors`, cursors move in the same atomic commit as the records: a consumer that appends its
    results and moves its
    cursor this way, each time from its `expected` position, processes every record exactly once. If a
    cursor is not at that
    position, nothing is appended, and the response has status 409 with the code `conflict`.

    In a cluster, all keys and cursors of a request are in one partition, or the response has status 400
    with the code `spans_partitions`.
    With `atomic: false`, the server splits the records by partition, and `parts` of the response says
    what happened in each: each part is
    appended as a whole or not at all, and its records keep their order. Status 200 means that all parts
    were appended. If some were and others
    were not, the status is 409 with the code `partly_applied`; if the outcome of one is unknown, it is
    504; if none was appended, it is that of
    one of them. A precondition or a cursor must be in a partition of one of the records. It cannot be
    combined with `producer`.

    Status 504 means that the outcome is unknown, unless the message says that nothing was applied:
    either all records
    were appended or none. Repeat the request: with a `producer` it is applied only once, even if it is
    sent repeatedly.
    Without one, read the key to find out. Every other error means that nothing was applied now.

    A producer numbers its requests from 0 in each epoch. If it repeats one of its last five requests,
    the server repeats
    the response, with `duplicate`, and applies nothing again. A higher epoch takes over from lower
    ones. A producer that
    sends nothing for 7 days (by default) is forgotten.

    Args:
        body (AppendRequest): Records to append: either all of them are appended or none, unless
            `atomic` is false. Unknown fields are rejected. Example: {'awaitDurable': True, 'records':
            [{'key': 'b3JkZXJz', 'value': 'Zmlyc3Q='}, {'headers': [{'name': 'content-type', 'value':
            'dGV4dC9wbGFpbg=='}], 'key': 'b3JkZXJz', 'value': 'c2Vjb25k'}]}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AppendResponse | ErrorResponse
     """


    return sync_detailed(
        client=client,
body=body,

    ).parsed

async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: AppendRequest,

) -> Response[AppendResponse | ErrorResponse]:
    """ Append records

     Either all records are appended or none (unless `atomic` is false). They get consecutive sequences
    in the order of the request. Appending to a
    new key creates it. Without `awaitDurable`, the server responds once the records can be read; if it
    crashes, they
    can still be lost. With `awaitDurable`, it responds once the records are durable on object storage.

    The body can be compressed with `gzip` or `zstd`, declared in `Content-Encoding`.

    Limits (defaults; the server's configuration may differ): body 16 MiB (also after decompression),
    key 1 B to 8 KiB, value
    8 MiB, 64 headers with 8 KiB of names and values for each record, 100,000 records; 30 s to receive
    the body, and 30 s until the
    append is acknowledged.

    With `preconditions`, the records are appended only if each of these keys has no record at or above
    its `noRecordSince`.
    Set it to the `nextSequence` of a scan that read the key to its end, so that reading, deciding and
    appending are one
    atomic step; 0 requires that the key has no records. Status 409 with the code `conflict` means that
    another client
    appended first.

    With `cursors`, cursors move in the same atomic commit as the records: a consumer that appends its
    results and moves its
    cursor this way, each time from its `expected` position, processes every record exactly once. If a
    cursor is not at that
    position, nothing is appended, and the response has status 409 with the code `conflict`.

    In a cluster, all keys and cursors of a request are in one partition, or the response has status 400
    with the code `spans_partitions`.
    With `atomic: false`, the server splits the records by partition, and `parts` of the response says
    what happened in each: each part is
    appended as a whole or not at all, and its records keep their order. Status 200 means that all parts
    were appended. If some were and others
    were not, the status is 409 with the code `partly_applied`; if the outcome of one is unknown, it is
    504; if none was appended, it is that of
    one of them. A precondition or a cursor must be in a partition of one of the records. It cannot be
    combined with `producer`.

    Status 504 means that the outcome is unknown, unless the message says that nothing was applied:
    either all records
    were appended or none. Repeat the request: with a `producer` it is applied only once, even if it is
    sent repeatedly.
    Without one, read the key to find out. Every other error means that nothing was applied now.

    A producer numbers its requests from 0 in each epoch. If it repeats one of its last five requests,
    the server repeats
    the response, with `duplicate`, and applies nothing again. A higher epoch takes over from lower
    ones. A producer that
    sends nothing for 7 days (by default) is forgotten.

    Args:
        body (AppendRequest): Records to append: either all of them are appended or none, unless
            `atomic` is false. Unknown fields are rejected. Example: {'awaitDurable': True, 'records':
            [{'key': 'b3JkZXJz', 'value': 'Zmlyc3Q='}, {'headers': [{'name': 'content-type', 'value':
            'dGV4dC9wbGFpbg=='}], 'key': 'b3JkZXJz', 'value': 'c2Vjb25k'}]}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AppendResponse | ErrorResponse]
     """


    kwargs = _get_kwargs(
        body=body,

    )

    response = await client.get_async_httpx_client().request(
        **kwargs
    )

    return _build_response(client=client, response=response)

async def asyncio(
    *,
    client: AuthenticatedClient,
    body: AppendRequest,

) -> AppendResponse | ErrorResponse | None:
    """ Append records

     Either all records are appended or none (unless `atomic` is false). They get consecutive sequences
    in the order of the request. Appending to a
    new key creates it. Without `awaitDurable`, the server responds once the records can be read; if it
    crashes, they
    can still be lost. With `awaitDurable`, it responds once the records are durable on object storage.

    The body can be compressed with `gzip` or `zstd`, declared in `Content-Encoding`.

    Limits (defaults; the server's configuration may differ): body 16 MiB (also after decompression),
    key 1 B to 8 KiB, value
    8 MiB, 64 headers with 8 KiB of names and values for each record, 100,000 records; 30 s to receive
    the body, and 30 s until the
    append is acknowledged.

    With `preconditions`, the records are appended only if each of these keys has no record at or above
    its `noRecordSince`.
    Set it to the `nextSequence` of a scan that read the key to its end, so that reading, deciding and
    appending are one
    atomic step; 0 requires that the key has no records. Status 409 with the code `conflict` means that
    another client
    appended first.

    With `cursors`, cursors move in the same atomic commit as the records: a consumer that appends its
    results and moves its
    cursor this way, each time from its `expected` position, processes every record exactly once. If a
    cursor is not at that
    position, nothing is appended, and the response has status 409 with the code `conflict`.

    In a cluster, all keys and cursors of a request are in one partition, or the response has status 400
    with the code `spans_partitions`.
    With `atomic: false`, the server splits the records by partition, and `parts` of the response says
    what happened in each: each part is
    appended as a whole or not at all, and its records keep their order. Status 200 means that all parts
    were appended. If some were and others
    were not, the status is 409 with the code `partly_applied`; if the outcome of one is unknown, it is
    504; if none was appended, it is that of
    one of them. A precondition or a cursor must be in a partition of one of the records. It cannot be
    combined with `producer`.

    Status 504 means that the outcome is unknown, unless the message says that nothing was applied:
    either all records
    were appended or none. Repeat the request: with a `producer` it is applied only once, even if it is
    sent repeatedly.
    Without one, read the key to find out. Every other error means that nothing was applied now.

    A producer numbers its requests from 0 in each epoch. If it repeats one of its last five requests,
    the server repeats
    the response, with `duplicate`, and applies nothing again. A higher epoch takes over from lower
    ones. A producer that
    sends nothing for 7 days (by default) is forgotten.

    Args:
        body (AppendRequest): Records to append: either all of them are appended or none, unless
            `atomic` is false. Unknown fields are rejected. Example: {'awaitDurable': True, 'records':
            [{'key': 'b3JkZXJz', 'value': 'Zmlyc3Q='}, {'headers': [{'name': 'content-type', 'value':
            'dGV4dC9wbGFpbg=='}], 'key': 'b3JkZXJz', 'value': 'c2Vjb25k'}]}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AppendResponse | ErrorResponse
     """


    return (await asyncio_detailed(
        client=client,
body=body,

    )).parsed
