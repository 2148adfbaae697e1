from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.error_response import ErrorResponse
from ...models.trim_request import TrimRequest
from ...models.trim_response import TrimResponse
from ...types import UNSET, Unset
from typing import cast



def _get_kwargs(
    *,
    body: TrimRequest,
    partition: int | Unset = UNSET,

) -> dict[str, Any]:
    headers: dict[str, Any] = {}


    

    params: dict[str, Any] = {}

    params["partition"] = partition


    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}


    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/log/trim",
        "params": params,
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> ErrorResponse | TrimResponse | None:
    if response.status_code == 200:
        response_200 = TrimResponse.from_dict(response.json())



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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[ErrorResponse | TrimResponse]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: TrimRequest,
    partition: int | Unset = UNSET,

) -> Response[ErrorResponse | TrimResponse]:
    """ Trim the log

     Raises the floor of the log, for all keys. When the response arrives, the floor is durable, and no
    read returns a record
    below it, not even after a crash. Scans, counts and streams that ask for records below the floor say
    so with
    `trimmedBefore`. Storage is freed later. Producers stay known.

    With `beforeSequence`, the floor is that sequence, which must not be beyond the end of the log. With
    `beforeTimeMs`, no
    record that was appended at or after that time is trimmed: the floor is the start of the last
    segment that was started
    before that time, or the end of the log if all records are older. The time must not be in the
    future.

    A floor is never lowered: the response to a trim below the floor has the floor in force. So a trim
    whose outcome is
    unknown (status 504) can be repeated.

    Args:
        partition (int | Unset):
        body (TrimRequest): What to trim. It has exactly one of the fields. Unknown fields are
            rejected. Example: {'beforeSequence': 1}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | TrimResponse]
     """


    kwargs = _get_kwargs(
        body=body,
partition=partition,

    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)

def sync(
    *,
    client: AuthenticatedClient,
    body: TrimRequest,
    partition: int | Unset = UNSET,

) -> ErrorResponse | TrimResponse | None:
    """ Trim the log

     Raises the floor of the log, for all keys. When the response arrives, the floor is durable, and no
    read returns a record
    below it, not even after a crash. Scans, counts and streams that ask for records below the floor say
    so with
    `trimmedBefore`. Storage is freed later. Producers stay known.

    With `beforeSequence`, the floor is that sequence, which must not be beyond the end of the log. With
    `beforeTimeMs`, no
    record that was appended at or after that time is trimmed: the floor is the start of the last
    segment that was started
    before that time, or the end of the log if all records are older. The time must not be in the
    future.

    A floor is never lowered: the response to a trim below the floor has the floor in force. So a trim
    whose outcome is
    unknown (status 504) can be repeated.

    Args:
        partition (int | Unset):
        body (TrimRequest): What to trim. It has exactly one of the fields. Unknown fields are
            rejected. Example: {'beforeSequence': 1}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | TrimResponse
     """


    return sync_detailed(
        client=client,
body=body,
partition=partition,

    ).parsed

async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: TrimRequest,
    partition: int | Unset = UNSET,

) -> Response[ErrorResponse | TrimResponse]:
    """ Trim the log

     Raises the floor of the log, for all keys. When the response arrives, the floor is durable, and no
    read returns a record
    below it, not even after a crash. Scans, counts and streams that ask for records below the floor say
    so with
    `trimmedBefore`. Storage is freed later. Producers stay known.

    With `beforeSequence`, the floor is that sequence, which must not be beyond the end of the log. With
    `beforeTimeMs`, no
    record that was appended at or after that time is trimmed: the floor is the start of the last
    segment that was started
    before that time, or the end of the log if all records are older. The time must not be in the
    future.

    A floor is never lowered: the response to a trim below the floor has the floor in force. So a trim
    whose outcome is
    unknown (status 504) can be repeated.

    Args:
        partition (int | Unset):
        body (TrimRequest): What to trim. It has exactly one of the fields. Unknown fields are
            rejected. Example: {'beforeSequence': 1}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | TrimResponse]
     """


    kwargs = _get_kwargs(
        body=body,
partition=partition,

    )

    response = await client.get_async_httpx_client().request(
        **kwargs
    )

    return _build_response(client=client, response=response)

async def asyncio(
    *,
    client: AuthenticatedClient,
    body: TrimRequest,
    partition: int | Unset = UNSET,

) -> ErrorResponse | TrimResponse | None:
    """ Trim the log

     Raises the floor of the log, for all keys. When the response arrives, the floor is durable, and no
    read returns a record
    below it, not even after a crash. Scans, counts and streams that ask for records below the floor say
    so with
    `trimmedBefore`. Storage is freed later. Producers stay known.

    With `beforeSequence`, the floor is that sequence, which must not be beyond the end of the log. With
    `beforeTimeMs`, no
    record that was appended at or after that time is trimmed: the floor is the start of the last
    segment that was started
    before that time, or the end of the log if all records are older. The time must not be in the
    future.

    A floor is never lowered: the response to a trim below the floor has the floor in force. So a trim
    whose outcome is
    unknown (status 504) can be repeated.

    Args:
        partition (int | Unset):
        body (TrimRequest): What to trim. It has exactly one of the fields. Unknown fields are
            rejected. Example: {'beforeSequence': 1}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | TrimResponse
     """


    return (await asyncio_detailed(
        client=client,
body=body,
partition=partition,

    )).parsed
