from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.delete_key_response import DeleteKeyResponse
from ...models.error_response import ErrorResponse
from ...types import UNSET, Unset
from typing import cast



def _get_kwargs(
    *,
    key: str | Unset = UNSET,
    key_base64: str | Unset = UNSET,
    before_seq: int | Unset = UNSET,

) -> dict[str, Any]:
    

    

    params: dict[str, Any] = {}

    params["key"] = key

    params["key_base64"] = key_base64

    params["before_seq"] = before_seq


    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}


    _kwargs: dict[str, Any] = {
        "method": "delete",
        "url": "/api/v1/log/key",
        "params": params,
    }


    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> DeleteKeyResponse | ErrorResponse | None:
    if response.status_code == 200:
        response_200 = DeleteKeyResponse.from_dict(response.json())



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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[DeleteKeyResponse | ErrorResponse]:
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
    before_seq: int | Unset = UNSET,

) -> Response[DeleteKeyResponse | ErrorResponse]:
    """ Delete the records of a key

     Raises the floor of the key: to `before_seq`, or to the end of the log, which deletes all records
    that the key has. When
    the response arrives, the floor is durable, and no read returns a record of the key below it, not
    even after a crash. A key
    without other records is no longer listed. Scans, counts and streams that ask for records below the
    floor say so with
    `trimmedBefore`. Other keys and later records of the key are not affected, and the key can be
    appended to again.

    The records are removed from storage later. Backups keep them until these are pruned.

    A floor is never lowered: the response to a deletion below the floor has the floor in force. So a
    deletion whose outcome is
    unknown (status 504) can be repeated. One without `before_seq` then also deletes what was appended
    meanwhile.

    Args:
        key (str | Unset):  Example: orders.
        key_base64 (str | Unset):
        before_seq (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[DeleteKeyResponse | ErrorResponse]
     """


    kwargs = _get_kwargs(
        key=key,
key_base64=key_base64,
before_seq=before_seq,

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
    before_seq: int | Unset = UNSET,

) -> DeleteKeyResponse | ErrorResponse | None:
    """ Delete the records of a key

     Raises the floor of the key: to `before_seq`, or to the end of the log, which deletes all records
    that the key has. When
    the response arrives, the floor is durable, and no read returns a record of the key below it, not
    even after a crash. A key
    without other records is no longer listed. Scans, counts and streams that ask for records below the
    floor say so with
    `trimmedBefore`. Other keys and later records of the key are not affected, and the key can be
    appended to again.

    The records are removed from storage later. Backups keep them until these are pruned.

    A floor is never lowered: the response to a deletion below the floor has the floor in force. So a
    deletion whose outcome is
    unknown (status 504) can be repeated. One without `before_seq` then also deletes what was appended
    meanwhile.

    Args:
        key (str | Unset):  Example: orders.
        key_base64 (str | Unset):
        before_seq (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        DeleteKeyResponse | ErrorResponse
     """


    return sync_detailed(
        client=client,
key=key,
key_base64=key_base64,
before_seq=before_seq,

    ).parsed

async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    key: str | Unset = UNSET,
    key_base64: str | Unset = UNSET,
    before_seq: int | Unset = UNSET,

) -> Response[DeleteKeyResponse | ErrorResponse]:
    """ Delete the records of a key

     Raises the floor of the key: to `before_seq`, or to the end of the log, which deletes all records
    that the key has. When
    the response arrives, the floor is durable, and no read returns a record of the key below it, not
    even after a crash. A key
    without other records is no longer listed. Scans, counts and streams that ask for records below the
    floor say so with
    `trimmedBefore`. Other keys and later records of the key are not affected, and the key can be
    appended to again.

    The records are removed from storage later. Backups keep them until these are pruned.

    A floor is never lowered: the response to a deletion below the floor has the floor in force. So a
    deletion whose outcome is
    unknown (status 504) can be repeated. One without `before_seq` then also deletes what was appended
    meanwhile.

    Args:
        key (str | Unset):  Example: orders.
        key_base64 (str | Unset):
        before_seq (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[DeleteKeyResponse | ErrorResponse]
     """


    kwargs = _get_kwargs(
        key=key,
key_base64=key_base64,
before_seq=before_seq,

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
    before_seq: int | Unset = UNSET,

) -> DeleteKeyResponse | ErrorResponse | None:
    """ Delete the records of a key

     Raises the floor of the key: to `before_seq`, or to the end of the log, which deletes all records
    that the key has. When
    the response arrives, the floor is durable, and no read returns a record of the key below it, not
    even after a crash. A key
    without other records is no longer listed. Scans, counts and streams that ask for records below the
    floor say so with
    `trimmedBefore`. Other keys and later records of the key are not affected, and the key can be
    appended to again.

    The records are removed from storage later. Backups keep them until these are pruned.

    A floor is never lowered: the response to a deletion below the floor has the floor in force. So a
    deletion whose outcome is
    unknown (status 504) can be repeated. One without `before_seq` then also deletes what was appended
    meanwhile.

    Args:
        key (str | Unset):  Example: orders.
        key_base64 (str | Unset):
        before_seq (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        DeleteKeyResponse | ErrorResponse
     """


    return (await asyncio_detailed(
        client=client,
key=key,
key_base64=key_base64,
before_seq=before_seq,

    )).parsed
