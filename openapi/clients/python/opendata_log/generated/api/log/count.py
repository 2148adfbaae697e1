from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.count_response import CountResponse
from ...models.error_response import ErrorResponse
from ...types import UNSET, Unset
from typing import cast



def _get_kwargs(
    *,
    key: str | Unset = UNSET,
    key_base64: str | Unset = UNSET,
    start_seq: int | Unset = 0,
    end_seq: int | Unset = UNSET,
    at_least: int | Unset = UNSET,

) -> dict[str, Any]:
    

    

    params: dict[str, Any] = {}

    params["key"] = key

    params["key_base64"] = key_base64

    params["start_seq"] = start_seq

    params["end_seq"] = end_seq

    params["at_least"] = at_least


    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}


    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/log/count",
        "params": params,
    }


    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> CountResponse | ErrorResponse | None:
    if response.status_code == 200:
        response_200 = CountResponse.from_dict(response.json())



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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[CountResponse | ErrorResponse]:
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
    at_least: int | Unset = UNSET,

) -> Response[CountResponse | ErrorResponse]:
    """ Count the records of a key

     Returns the exact number of records of a key in a range of sequences, without reading them, within
    30 s (by default).
    A count that takes longer is answered 503, never with a part of the number.
    If records of the range may have been trimmed, the response has `trimmedBefore`.

    Args:
        key (str | Unset):  Example: orders.
        key_base64 (str | Unset):
        start_seq (int | Unset):  Default: 0.
        end_seq (int | Unset):
        at_least (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[CountResponse | ErrorResponse]
     """


    kwargs = _get_kwargs(
        key=key,
key_base64=key_base64,
start_seq=start_seq,
end_seq=end_seq,
at_least=at_least,

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
    at_least: int | Unset = UNSET,

) -> CountResponse | ErrorResponse | None:
    """ Count the records of a key

     Returns the exact number of records of a key in a range of sequences, without reading them, within
    30 s (by default).
    A count that takes longer is answered 503, never with a part of the number.
    If records of the range may have been trimmed, the response has `trimmedBefore`.

    Args:
        key (str | Unset):  Example: orders.
        key_base64 (str | Unset):
        start_seq (int | Unset):  Default: 0.
        end_seq (int | Unset):
        at_least (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        CountResponse | ErrorResponse
     """


    return sync_detailed(
        client=client,
key=key,
key_base64=key_base64,
start_seq=start_seq,
end_seq=end_seq,
at_least=at_least,

    ).parsed

async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    key: str | Unset = UNSET,
    key_base64: str | Unset = UNSET,
    start_seq: int | Unset = 0,
    end_seq: int | Unset = UNSET,
    at_least: int | Unset = UNSET,

) -> Response[CountResponse | ErrorResponse]:
    """ Count the records of a key

     Returns the exact number of records of a key in a range of sequences, without reading them, within
    30 s (by default).
    A count that takes longer is answered 503, never with a part of the number.
    If records of the range may have been trimmed, the response has `trimmedBefore`.

    Args:
        key (str | Unset):  Example: orders.
        key_base64 (str | Unset):
        start_seq (int | Unset):  Default: 0.
        end_seq (int | Unset):
        at_least (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[CountResponse | ErrorResponse]
     """


    kwargs = _get_kwargs(
        key=key,
key_base64=key_base64,
start_seq=start_seq,
end_seq=end_seq,
at_least=at_least,

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
    at_least: int | Unset = UNSET,

) -> CountResponse | ErrorResponse | None:
    """ Count the records of a key

     Returns the exact number of records of a key in a range of sequences, without reading them, within
    30 s (by default).
    A count that takes longer is answered 503, never with a part of the number.
    If records of the range may have been trimmed, the response has `trimmedBefore`.

    Args:
        key (str | Unset):  Example: orders.
        key_base64 (str | Unset):
        start_seq (int | Unset):  Default: 0.
        end_seq (int | Unset):
        at_least (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        CountResponse | ErrorResponse
     """


    return (await asyncio_detailed(
        client=client,
key=key,
key_base64=key_base64,
start_seq=start_seq,
end_seq=end_seq,
at_least=at_least,

    )).parsed
