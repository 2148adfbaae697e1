from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.delete_cursor_response import DeleteCursorResponse
from ...models.error_response import ErrorResponse
from typing import cast



def _get_kwargs(
    name: str,

) -> dict[str, Any]:
    

    

    

    _kwargs: dict[str, Any] = {
        "method": "delete",
        "url": "/api/v1/log/cursors/{name}".format(name=quote(str(name), safe=""),),
    }


    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> DeleteCursorResponse | ErrorResponse | None:
    if response.status_code == 200:
        response_200 = DeleteCursorResponse.from_dict(response.json())



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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[DeleteCursorResponse | ErrorResponse]:
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

) -> Response[DeleteCursorResponse | ErrorResponse]:
    """ Delete a cursor

     When the response arrives, it is durable that there is no such cursor. Deleting a cursor that does
    not exist succeeds,
    too, so a deletion whose outcome is unknown (status 504) can be repeated.

    Args:
        name (str):  Example: orders-projection.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[DeleteCursorResponse | ErrorResponse]
     """


    kwargs = _get_kwargs(
        name=name,

    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)

def sync(
    name: str,
    *,
    client: AuthenticatedClient,

) -> DeleteCursorResponse | ErrorResponse | None:
    """ Delete a cursor

     When the response arrives, it is durable that there is no such cursor. Deleting a cursor that does
    not exist succeeds,
    too, so a deletion whose outcome is unknown (status 504) can be repeated.

    Args:
        name (str):  Example: orders-projection.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        DeleteCursorResponse | ErrorResponse
     """


    return sync_detailed(
        name=name,
client=client,

    ).parsed

async def asyncio_detailed(
    name: str,
    *,
    client: AuthenticatedClient,

) -> Response[DeleteCursorResponse | ErrorResponse]:
    """ Delete a cursor

     When the response arrives, it is durable that there is no such cursor. Deleting a cursor that does
    not exist succeeds,
    too, so a deletion whose outcome is unknown (status 504) can be repeated.

    Args:
        name (str):  Example: orders-projection.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[DeleteCursorResponse | ErrorResponse]
     """


    kwargs = _get_kwargs(
        name=name,

    )

    response = await client.get_async_httpx_client().request(
        **kwargs
    )

    return _build_response(client=client, response=response)

async def asyncio(
    name: str,
    *,
    client: AuthenticatedClient,

) -> DeleteCursorResponse | ErrorResponse | None:
    """ Delete a cursor

     When the response arrives, it is durable that there is no such cursor. Deleting a cursor that does
    not exist succeeds,
    too, so a deletion whose outcome is unknown (status 504) can be repeated.

    Args:
        name (str):  Example: orders-projection.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        DeleteCursorResponse | ErrorResponse
     """


    return (await asyncio_detailed(
        name=name,
client=client,

    )).parsed
