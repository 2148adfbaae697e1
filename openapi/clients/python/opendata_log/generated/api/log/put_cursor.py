from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.cursor_response import CursorResponse
from ...models.error_response import ErrorResponse
from ...models.put_cursor_request import PutCursorRequest
from typing import cast



def _get_kwargs(
    name: str,
    *,
    body: PutCursorRequest,

) -> dict[str, Any]:
    headers: dict[str, Any] = {}


    

    

    _kwargs: dict[str, Any] = {
        "method": "put",
        "url": "/api/v1/log/cursors/{name}".format(name=quote(str(name), safe=""),),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> CursorResponse | ErrorResponse | None:
    if response.status_code == 200:
        response_200 = CursorResponse.from_dict(response.json())



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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[CursorResponse | ErrorResponse]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    name: str,
    *,
    client: AuthenticatedClient,
    body: PutCursorRequest,

) -> Response[CursorResponse | ErrorResponse]:
    """ Move a cursor

     Moves a cursor to a position, forward or back, or creates it there. When the response arrives, the
    move is durable. The
    position must not be beyond the end of the log.

    With `expected`, the cursor is moved only if it is at that position; one that does not exist is at
    0. So of several
    consumers that read the same position only one moves the cursor; the others get status 409 with the
    code `conflict` and the
    cursor's position. `"expected": 0` creates a cursor that nobody else has moved.

    To move a cursor together with results, use `cursors` of an append. Status 504 means that the
    outcome is unknown: read the
    cursor.

    Args:
        name (str):  Example: orders-projection.
        body (PutCursorRequest): Where a cursor is to be. Unknown fields are rejected. Example:
            {'expected': 0, 'position': 1}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[CursorResponse | ErrorResponse]
     """


    kwargs = _get_kwargs(
        name=name,
body=body,

    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)

def sync(
    name: str,
    *,
    client: AuthenticatedClient,
    body: PutCursorRequest,

) -> CursorResponse | ErrorResponse | None:
    """ Move a cursor

     Moves a cursor to a position, forward or back, or creates it there. When the response arrives, the
    move is durable. The
    position must not be beyond the end of the log.

    With `expected`, the cursor is moved only if it is at that position; one that does not exist is at
    0. So of several
    consumers that read the same position only one moves the cursor; the others get status 409 with the
    code `conflict` and the
    cursor's position. `"expected": 0` creates a cursor that nobody else has moved.

    To move a cursor together with results, use `cursors` of an append. Status 504 means that the
    outcome is unknown: read the
    cursor.

    Args:
        name (str):  Example: orders-projection.
        body (PutCursorRequest): Where a cursor is to be. Unknown fields are rejected. Example:
            {'expected': 0, 'position': 1}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        CursorResponse | ErrorResponse
     """


    return sync_detailed(
        name=name,
client=client,
body=body,

    ).parsed

async def asyncio_detailed(
    name: str,
    *,
    client: AuthenticatedClient,
    body: PutCursorRequest,

) -> Response[CursorResponse | ErrorResponse]:
    """ Move a cursor

     Moves a cursor to a position, forward or back, or creates it there. When the response arrives, the
    move is durable. The
    position must not be beyond the end of the log.

    With `expected`, the cursor is moved only if it is at that position; one that does not exist is at
    0. So of several
    consumers that read the same position only one moves the cursor; the others get status 409 with the
    code `conflict` and the
    cursor's position. `"expected": 0` creates a cursor that nobody else has moved.

    To move a cursor together with results, use `cursors` of an append. Status 504 means that the
    outcome is unknown: read the
    cursor.

    Args:
        name (str):  Example: orders-projection.
        body (PutCursorRequest): Where a cursor is to be. Unknown fields are rejected. Example:
            {'expected': 0, 'position': 1}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[CursorResponse | ErrorResponse]
     """


    kwargs = _get_kwargs(
        name=name,
body=body,

    )

    response = await client.get_async_httpx_client().request(
        **kwargs
    )

    return _build_response(client=client, response=response)

async def asyncio(
    name: str,
    *,
    client: AuthenticatedClient,
    body: PutCursorRequest,

) -> CursorResponse | ErrorResponse | None:
    """ Move a cursor

     Moves a cursor to a position, forward or back, or creates it there. When the response arrives, the
    move is durable. The
    position must not be beyond the end of the log.

    With `expected`, the cursor is moved only if it is at that position; one that does not exist is at
    0. So of several
    consumers that read the same position only one moves the cursor; the others get status 409 with the
    code `conflict` and the
    cursor's position. `"expected": 0` creates a cursor that nobody else has moved.

    To move a cursor together with results, use `cursors` of an append. Status 504 means that the
    outcome is unknown: read the
    cursor.

    Args:
        name (str):  Example: orders-projection.
        body (PutCursorRequest): Where a cursor is to be. Unknown fields are rejected. Example:
            {'expected': 0, 'position': 1}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        CursorResponse | ErrorResponse
     """


    return (await asyncio_detailed(
        name=name,
client=client,
body=body,

    )).parsed
