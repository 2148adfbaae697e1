from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.error_response import ErrorResponse
from ...models.segments_response import SegmentsResponse
from ...types import UNSET, Unset
from typing import cast



def _get_kwargs(
    *,
    start_seq: int | Unset = 0,
    end_seq: int | Unset = UNSET,
    partition: int | Unset = UNSET,

) -> dict[str, Any]:
    

    

    params: dict[str, Any] = {}

    params["start_seq"] = start_seq

    params["end_seq"] = end_seq

    params["partition"] = partition


    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}


    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/log/segments",
        "params": params,
    }


    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> ErrorResponse | SegmentsResponse | None:
    if response.status_code == 200:
        response_200 = SegmentsResponse.from_dict(response.json())



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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[ErrorResponse | SegmentsResponse]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    start_seq: int | Unset = 0,
    end_seq: int | Unset = UNSET,
    partition: int | Unset = UNSET,

) -> Response[ErrorResponse | SegmentsResponse]:
    """ List segments

     Returns the segments that overlap a range of sequences, in order.

    Args:
        start_seq (int | Unset):  Default: 0.
        end_seq (int | Unset):
        partition (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | SegmentsResponse]
     """


    kwargs = _get_kwargs(
        start_seq=start_seq,
end_seq=end_seq,
partition=partition,

    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)

def sync(
    *,
    client: AuthenticatedClient,
    start_seq: int | Unset = 0,
    end_seq: int | Unset = UNSET,
    partition: int | Unset = UNSET,

) -> ErrorResponse | SegmentsResponse | None:
    """ List segments

     Returns the segments that overlap a range of sequences, in order.

    Args:
        start_seq (int | Unset):  Default: 0.
        end_seq (int | Unset):
        partition (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | SegmentsResponse
     """


    return sync_detailed(
        client=client,
start_seq=start_seq,
end_seq=end_seq,
partition=partition,

    ).parsed

async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    start_seq: int | Unset = 0,
    end_seq: int | Unset = UNSET,
    partition: int | Unset = UNSET,

) -> Response[ErrorResponse | SegmentsResponse]:
    """ List segments

     Returns the segments that overlap a range of sequences, in order.

    Args:
        start_seq (int | Unset):  Default: 0.
        end_seq (int | Unset):
        partition (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | SegmentsResponse]
     """


    kwargs = _get_kwargs(
        start_seq=start_seq,
end_seq=end_seq,
partition=partition,

    )

    response = await client.get_async_httpx_client().request(
        **kwargs
    )

    return _build_response(client=client, response=response)

async def asyncio(
    *,
    client: AuthenticatedClient,
    start_seq: int | Unset = 0,
    end_seq: int | Unset = UNSET,
    partition: int | Unset = UNSET,

) -> ErrorResponse | SegmentsResponse | None:
    """ List segments

     Returns the segments that overlap a range of sequences, in order.

    Args:
        start_seq (int | Unset):  Default: 0.
        end_seq (int | Unset):
        partition (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | SegmentsResponse
     """


    return (await asyncio_detailed(
        client=client,
start_seq=start_seq,
end_seq=end_seq,
partition=partition,

    )).parsed
