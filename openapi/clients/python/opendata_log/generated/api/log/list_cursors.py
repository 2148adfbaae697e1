from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.cursors_response import CursorsResponse
from ...models.error_response import ErrorResponse
from ...types import UNSET, Unset
from typing import cast



def _get_kwargs(
    *,
    prefix: str | Unset = UNSET,
    start_after: str | Unset = UNSET,
    limit: int | Unset = 32,
    partition: int | Unset = UNSET,

) -> dict[str, Any]:
    

    

    params: dict[str, Any] = {}

    params["prefix"] = prefix

    params["start_after"] = start_after

    params["limit"] = limit

    params["partition"] = partition


    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}


    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/log/cursors",
        "params": params,
    }


    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> CursorsResponse | ErrorResponse | None:
    if response.status_code == 200:
        response_200 = CursorsResponse.from_dict(response.json())



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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[CursorsResponse | ErrorResponse]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    prefix: str | Unset = UNSET,
    start_after: str | Unset = UNSET,
    limit: int | Unset = 32,
    partition: int | Unset = UNSET,

) -> Response[CursorsResponse | ErrorResponse]:
    """ List cursors

     Returns the cursors with their positions and lags, in byte order of their names, one page at a time.
    For the next page, set
    `start_after` to `nextStartAfter`, until a page has none.

    Args:
        prefix (str | Unset):
        start_after (str | Unset):
        limit (int | Unset):  Default: 32.
        partition (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[CursorsResponse | ErrorResponse]
     """


    kwargs = _get_kwargs(
        prefix=prefix,
start_after=start_after,
limit=limit,
partition=partition,

    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)

def sync(
    *,
    client: AuthenticatedClient,
    prefix: str | Unset = UNSET,
    start_after: str | Unset = UNSET,
    limit: int | Unset = 32,
    partition: int | Unset = UNSET,

) -> CursorsResponse | ErrorResponse | None:
    """ List cursors

     Returns the cursors with their positions and lags, in byte order of their names, one page at a time.
    For the next page, set
    `start_after` to `nextStartAfter`, until a page has none.

    Args:
        prefix (str | Unset):
        start_after (str | Unset):
        limit (int | Unset):  Default: 32.
        partition (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        CursorsResponse | ErrorResponse
     """


    return sync_detailed(
        client=client,
prefix=prefix,
start_after=start_after,
limit=limit,
partition=partition,

    ).parsed

async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    prefix: str | Unset = UNSET,
    start_after: str | Unset = UNSET,
    limit: int | Unset = 32,
    partition: int | Unset = UNSET,

) -> Response[CursorsResponse | ErrorResponse]:
    """ List cursors

     Returns the cursors with their positions and lags, in byte order of their names, one page at a time.
    For the next page, set
    `start_after` to `nextStartAfter`, until a page has none.

    Args:
        prefix (str | Unset):
        start_after (str | Unset):
        limit (int | Unset):  Default: 32.
        partition (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[CursorsResponse | ErrorResponse]
     """


    kwargs = _get_kwargs(
        prefix=prefix,
start_after=start_after,
limit=limit,
partition=partition,

    )

    response = await client.get_async_httpx_client().request(
        **kwargs
    )

    return _build_response(client=client, response=response)

async def asyncio(
    *,
    client: AuthenticatedClient,
    prefix: str | Unset = UNSET,
    start_after: str | Unset = UNSET,
    limit: int | Unset = 32,
    partition: int | Unset = UNSET,

) -> CursorsResponse | ErrorResponse | None:
    """ List cursors

     Returns the cursors with their positions and lags, in byte order of their names, one page at a time.
    For the next page, set
    `start_after` to `nextStartAfter`, until a page has none.

    Args:
        prefix (str | Unset):
        start_after (str | Unset):
        limit (int | Unset):  Default: 32.
        partition (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        CursorsResponse | ErrorResponse
     """


    return (await asyncio_detailed(
        client=client,
prefix=prefix,
start_after=start_after,
limit=limit,
partition=partition,

    )).parsed
