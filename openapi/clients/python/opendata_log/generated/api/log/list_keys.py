from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.error_response import ErrorResponse
from ...models.keys_response import KeysResponse
from ...models.list_keys_format import check_list_keys_format
from ...models.list_keys_format import ListKeysFormat
from ...types import UNSET, Unset
from typing import cast



def _get_kwargs(
    *,
    start_segment: int | Unset = 0,
    end_segment: int | Unset = UNSET,
    limit: int | Unset = 32,
    prefix: str | Unset = UNSET,
    prefix_base64: str | Unset = UNSET,
    start_after: str | Unset = UNSET,
    start_after_base64: str | Unset = UNSET,
    format_: ListKeysFormat | Unset = UNSET,
    at_least: int | Unset = UNSET,
    partition: int | Unset = UNSET,

) -> dict[str, Any]:
    

    

    params: dict[str, Any] = {}

    params["start_segment"] = start_segment

    params["end_segment"] = end_segment

    params["limit"] = limit

    params["prefix"] = prefix

    params["prefix_base64"] = prefix_base64

    params["start_after"] = start_after

    params["start_after_base64"] = start_after_base64

    json_format_: str | Unset = UNSET
    if not isinstance(format_, Unset):
        json_format_ = format_

    params["format"] = json_format_

    params["at_least"] = at_least

    params["partition"] = partition


    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}


    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/log/keys",
        "params": params,
    }


    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> ErrorResponse | KeysResponse | None:
    if response.status_code == 200:
        response_200 = KeysResponse.from_dict(response.json())



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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[ErrorResponse | KeysResponse]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    start_segment: int | Unset = 0,
    end_segment: int | Unset = UNSET,
    limit: int | Unset = 32,
    prefix: str | Unset = UNSET,
    prefix_base64: str | Unset = UNSET,
    start_after: str | Unset = UNSET,
    start_after_base64: str | Unset = UNSET,
    format_: ListKeysFormat | Unset = UNSET,
    at_least: int | Unset = UNSET,
    partition: int | Unset = UNSET,

) -> Response[ErrorResponse | KeysResponse]:
    """ List keys

     Returns the distinct keys that have records in a range of segments, in byte order, one page at a
    time. For the next
    page, set `start_after_base64` to `nextStartAfter`, until a page has none. A page ends after `limit`
    keys or at the
    server's byte limit (8 MiB by default), whichever comes first, and is read within 30 s (by default).
    After half of that time, it has what was
    found so far, and `nextStartAfter`, also if it is empty.

    Args:
        start_segment (int | Unset):  Default: 0.
        end_segment (int | Unset):
        limit (int | Unset):  Default: 32.
        prefix (str | Unset):
        prefix_base64 (str | Unset):
        start_after (str | Unset):
        start_after_base64 (str | Unset):
        format_ (ListKeysFormat | Unset):
        at_least (int | Unset):
        partition (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | KeysResponse]
     """


    kwargs = _get_kwargs(
        start_segment=start_segment,
end_segment=end_segment,
limit=limit,
prefix=prefix,
prefix_base64=prefix_base64,
start_after=start_after,
start_after_base64=start_after_base64,
format_=format_,
at_least=at_least,
partition=partition,

    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)

def sync(
    *,
    client: AuthenticatedClient,
    start_segment: int | Unset = 0,
    end_segment: int | Unset = UNSET,
    limit: int | Unset = 32,
    prefix: str | Unset = UNSET,
    prefix_base64: str | Unset = UNSET,
    start_after: str | Unset = UNSET,
    start_after_base64: str | Unset = UNSET,
    format_: ListKeysFormat | Unset = UNSET,
    at_least: int | Unset = UNSET,
    partition: int | Unset = UNSET,

) -> ErrorResponse | KeysResponse | None:
    """ List keys

     Returns the distinct keys that have records in a range of segments, in byte order, one page at a
    time. For the next
    page, set `start_after_base64` to `nextStartAfter`, until a page has none. A page ends after `limit`
    keys or at the
    server's byte limit (8 MiB by default), whichever comes first, and is read within 30 s (by default).
    After half of that time, it has what was
    found so far, and `nextStartAfter`, also if it is empty.

    Args:
        start_segment (int | Unset):  Default: 0.
        end_segment (int | Unset):
        limit (int | Unset):  Default: 32.
        prefix (str | Unset):
        prefix_base64 (str | Unset):
        start_after (str | Unset):
        start_after_base64 (str | Unset):
        format_ (ListKeysFormat | Unset):
        at_least (int | Unset):
        partition (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | KeysResponse
     """


    return sync_detailed(
        client=client,
start_segment=start_segment,
end_segment=end_segment,
limit=limit,
prefix=prefix,
prefix_base64=prefix_base64,
start_after=start_after,
start_after_base64=start_after_base64,
format_=format_,
at_least=at_least,
partition=partition,

    ).parsed

async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    start_segment: int | Unset = 0,
    end_segment: int | Unset = UNSET,
    limit: int | Unset = 32,
    prefix: str | Unset = UNSET,
    prefix_base64: str | Unset = UNSET,
    start_after: str | Unset = UNSET,
    start_after_base64: str | Unset = UNSET,
    format_: ListKeysFormat | Unset = UNSET,
    at_least: int | Unset = UNSET,
    partition: int | Unset = UNSET,

) -> Response[ErrorResponse | KeysResponse]:
    """ List keys

     Returns the distinct keys that have records in a range of segments, in byte order, one page at a
    time. For the next
    page, set `start_after_base64` to `nextStartAfter`, until a page has none. A page ends after `limit`
    keys or at the
    server's byte limit (8 MiB by default), whichever comes first, and is read within 30 s (by default).
    After half of that time, it has what was
    found so far, and `nextStartAfter`, also if it is empty.

    Args:
        start_segment (int | Unset):  Default: 0.
        end_segment (int | Unset):
        limit (int | Unset):  Default: 32.
        prefix (str | Unset):
        prefix_base64 (str | Unset):
        start_after (str | Unset):
        start_after_base64 (str | Unset):
        format_ (ListKeysFormat | Unset):
        at_least (int | Unset):
        partition (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | KeysResponse]
     """


    kwargs = _get_kwargs(
        start_segment=start_segment,
end_segment=end_segment,
limit=limit,
prefix=prefix,
prefix_base64=prefix_base64,
start_after=start_after,
start_after_base64=start_after_base64,
format_=format_,
at_least=at_least,
partition=partition,

    )

    response = await client.get_async_httpx_client().request(
        **kwargs
    )

    return _build_response(client=client, response=response)

async def asyncio(
    *,
    client: AuthenticatedClient,
    start_segment: int | Unset = 0,
    end_segment: int | Unset = UNSET,
    limit: int | Unset = 32,
    prefix: str | Unset = UNSET,
    prefix_base64: str | Unset = UNSET,
    start_after: str | Unset = UNSET,
    start_after_base64: str | Unset = UNSET,
    format_: ListKeysFormat | Unset = UNSET,
    at_least: int | Unset = UNSET,
    partition: int | Unset = UNSET,

) -> ErrorResponse | KeysResponse | None:
    """ List keys

     Returns the distinct keys that have records in a range of segments, in byte order, one page at a
    time. For the next
    page, set `start_after_base64` to `nextStartAfter`, until a page has none. A page ends after `limit`
    keys or at the
    server's byte limit (8 MiB by default), whichever comes first, and is read within 30 s (by default).
    After half of that time, it has what was
    found so far, and `nextStartAfter`, also if it is empty.

    Args:
        start_segment (int | Unset):  Default: 0.
        end_segment (int | Unset):
        limit (int | Unset):  Default: 32.
        prefix (str | Unset):
        prefix_base64 (str | Unset):
        start_after (str | Unset):
        start_after_base64 (str | Unset):
        format_ (ListKeysFormat | Unset):
        at_least (int | Unset):
        partition (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | KeysResponse
     """


    return (await asyncio_detailed(
        client=client,
start_segment=start_segment,
end_segment=end_segment,
limit=limit,
prefix=prefix,
prefix_base64=prefix_base64,
start_after=start_after,
start_after_base64=start_after_base64,
format_=format_,
at_least=at_least,
partition=partition,

    )).parsed
