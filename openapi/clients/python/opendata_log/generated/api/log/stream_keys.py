from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.error_response import ErrorResponse
from ...models.scan_request import ScanRequest
from ...models.stream_keys_response_200 import StreamKeysResponse200
from ...types import UNSET, Unset
from typing import cast



def _get_kwargs(
    *,
    body: ScanRequest,
    partition: int | Unset = UNSET,
    last_event_id: int | Unset = UNSET,

) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(last_event_id, Unset):
        headers["Last-Event-ID"] = str(last_event_id)




    

    params: dict[str, Any] = {}

    params["partition"] = partition


    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}


    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/log/stream",
        "params": params,
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Any | ErrorResponse | StreamKeysResponse200 | None:
    if response.status_code == 200:
        response_200 = StreamKeysResponse200.from_dict(response.json())



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

    if response.status_code == 415:
        response_415 = ErrorResponse.from_dict(response.json())



        return response_415

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Any | ErrorResponse | StreamKeysResponse200]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: ScanRequest,
    partition: int | Unset = UNSET,
    last_event_id: int | Unset = UNSET,

) -> Response[Any | ErrorResponse | StreamKeysResponse200]:
    """ Follow many keys

     Does what `GET` on this path does, for lists of keys that are too long for a URL. The body has what
    the query parameters of the
    same names have.

    Args:
        partition (int | Unset):
        last_event_id (int | Unset):
        body (ScanRequest): What to read with POST: the same as with the query parameters of these
            names. It has exactly one of the key, the keys and the prefix. Unknown fields are
            rejected. Example: {'prefix': 'b3JkZXJz'}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | ErrorResponse | StreamKeysResponse200]
     """


    kwargs = _get_kwargs(
        body=body,
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
    body: ScanRequest,
    partition: int | Unset = UNSET,
    last_event_id: int | Unset = UNSET,

) -> Any | ErrorResponse | StreamKeysResponse200 | None:
    """ Follow many keys

     Does what `GET` on this path does, for lists of keys that are too long for a URL. The body has what
    the query parameters of the
    same names have.

    Args:
        partition (int | Unset):
        last_event_id (int | Unset):
        body (ScanRequest): What to read with POST: the same as with the query parameters of these
            names. It has exactly one of the key, the keys and the prefix. Unknown fields are
            rejected. Example: {'prefix': 'b3JkZXJz'}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | ErrorResponse | StreamKeysResponse200
     """


    return sync_detailed(
        client=client,
body=body,
partition=partition,
last_event_id=last_event_id,

    ).parsed

async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: ScanRequest,
    partition: int | Unset = UNSET,
    last_event_id: int | Unset = UNSET,

) -> Response[Any | ErrorResponse | StreamKeysResponse200]:
    """ Follow many keys

     Does what `GET` on this path does, for lists of keys that are too long for a URL. The body has what
    the query parameters of the
    same names have.

    Args:
        partition (int | Unset):
        last_event_id (int | Unset):
        body (ScanRequest): What to read with POST: the same as with the query parameters of these
            names. It has exactly one of the key, the keys and the prefix. Unknown fields are
            rejected. Example: {'prefix': 'b3JkZXJz'}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | ErrorResponse | StreamKeysResponse200]
     """


    kwargs = _get_kwargs(
        body=body,
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
    body: ScanRequest,
    partition: int | Unset = UNSET,
    last_event_id: int | Unset = UNSET,

) -> Any | ErrorResponse | StreamKeysResponse200 | None:
    """ Follow many keys

     Does what `GET` on this path does, for lists of keys that are too long for a URL. The body has what
    the query parameters of the
    same names have.

    Args:
        partition (int | Unset):
        last_event_id (int | Unset):
        body (ScanRequest): What to read with POST: the same as with the query parameters of these
            names. It has exactly one of the key, the keys and the prefix. Unknown fields are
            rejected. Example: {'prefix': 'b3JkZXJz'}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | ErrorResponse | StreamKeysResponse200
     """


    return (await asyncio_detailed(
        client=client,
body=body,
partition=partition,
last_event_id=last_event_id,

    )).parsed
