"""Arguments, checked before anything is sent: a TypeError or ValueError says what is accepted."""

import math
import operator
import re
from collections.abc import AsyncIterable, Iterable, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

from .generated.types import UNSET, Unset

T = TypeVar("T")

LAST_INT64 = 2**63 - 1
URL_EXAMPLE = '"http://localhost:8080"'
# As RFC 6750 has it, and the server's token file.
TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")


def url(value: object) -> str:
    """The address of a server, without a slash at the end."""
    if not isinstance(value, str):
        raise TypeError(f"url must be a str such as {URL_EXAMPLE}, not {kind(value)}")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"url must be one such as {URL_EXAMPLE}: {error}") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("url must not contain a user name or password: pass a token")
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError(f"url must begin with http:// or https:// and name a host, such as {URL_EXAMPLE}, not {value!r}")
    if parts.query or parts.fragment or re.search(r"[\s\x00-\x1f\x7f]", value):
        raise ValueError(f"url must have no query, fragment or white space: {value!r}")
    return value.rstrip("/")


def token(value: object) -> str | None:
    """A token; the message never shows it."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"token must be a str, not {kind(value)}")
    if not TOKEN.fullmatch(value):
        hint = ": strip the white space around it" if TOKEN.fullmatch(value.strip()) else ""
        raise ValueError(f"token must consist of A-Z a-z 0-9 - . _ ~ + / and = at its end{hint}")
    return value


def data(name: str, value: object) -> bytes:
    """The bytes of a key or a value."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    hint = f", such as {value[:20]!r}.encode()" if isinstance(value, str) else ""
    raise TypeError(f"{name} must be bytes{hint}, not {kind(value)}")


def appends(value: T) -> T:
    """Something that gives records, again and again."""
    if isinstance(value, (str, bytes, bytearray, memoryview, dict)) or not isinstance(value, (Iterable, AsyncIterable)):
        raise TypeError(f'appends must be an iterable of records, such as [[(b"orders", b"first")]], not {kind(value)}')
    return value


def records(value: object) -> list[tuple[bytes, bytes, list[tuple[str, bytes]]]]:
    """Keys, values and headers."""
    if isinstance(value, (str, bytes, bytearray, memoryview, dict)) or not isinstance(value, Iterable):
        raise TypeError(f'records must be pairs of key and value, such as [(b"orders", b"first")], not {kind(value)}')
    return [_record(f"records[{at}]", each) for at, each in enumerate(value)]


def _record(name: str, value: object) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    if not isinstance(value, (tuple, list)) or len(value) not in (2, 3):
        raise TypeError(
            f'{name} must be a pair of key and value, such as (b"orders", b"first"), or that and headers, not {_counted(value)}')
    return data(f"{name}: key", value[0]), data(f"{name}: value", value[1]), _headers(f"{name}: headers", *value[2:])


def _headers(name: str, value: object = ()) -> list[tuple[str, bytes]]:
    if isinstance(value, (str, bytes, bytearray, memoryview, dict)) or not isinstance(value, Iterable):
        raise TypeError(f'{name} must be pairs of name and value, such as [("content-type", b"text/plain")], not {kind(value)}')
    return [_header(f"{name}[{at}]", each) for at, each in enumerate(value)]


def _header(name: str, value: object) -> tuple[str, bytes]:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(f'{name} must be a pair of name and value, such as ("content-type", b"text/plain"), not {_counted(value)}')
    if not isinstance(value[0], str):
        raise TypeError(f"{name}: name must be a str, not {kind(value[0])}")
    return value[0], data(f"{name}: value", value[1])


def preconditions(value: object) -> list[tuple[bytes, int]]:
    """Keys, each with the sequence from which on it must have no record."""
    if value is None:
        return []
    if not isinstance(value, Mapping):
        raise TypeError(f'if_no_record_since must be a dict of key and sequence, such as {{b"orders": 0}}, not {kind(value)}')
    return [(_named(key), whole(f"if_no_record_since[{key!r}]", since)) for key, since in value.items()]


def _named(key: object) -> bytes:
    return data("if_no_record_since: key", key)


def producer_id(value: object) -> str:
    """The name of a producer."""
    text, size = _text("Producer.id", value)
    if not 1 <= size <= 128:
        raise ValueError(f"Producer.id must have 1 to 128 bytes, not {size}")
    return text


def cursor(name: str, value: object) -> str:
    """The name of a cursor."""
    text, size = _text(name, value)
    if not 1 <= size <= 256 or re.search(r"[\x00-\x1f\x7f-\x9f]", text) or text in (".", ".."):
        raise ValueError(f"{name} must have 1 to 256 bytes and no control characters, and must not be . or .., not {text[:20]!r}")
    return text


def _text(name: str, value: object) -> tuple[str, int]:
    """The text, and how many bytes it has in UTF-8."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {kind(value)}")
    try:
        return value, len(value.encode())
    except UnicodeEncodeError as error:
        raise ValueError(f"{name} must be text: {error}") from None


def _counted(value: object) -> str:
    return f"a {kind(value)} of {len(value)}" if isinstance(value, (tuple, list)) else kind(value)


def whole(name: str, value: object, *, least: int = 0) -> int:
    """A whole number from `least` up to the largest that the server knows."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an int, not {kind(value)}")
    number = operator.index(value)
    if not least <= number <= LAST_INT64:
        raise ValueError(f"{name} must be from {least} to {LAST_INT64}, not {number}")
    return number


def whole_or_none(name: str, value: object) -> int | None:
    """A whole number that may be left out."""
    return None if value is None else whole(name, value)


def unset_or_whole(name: str, value: object) -> int | Unset:
    """A whole number that may be left out, as a parameter."""
    return UNSET if value is None else whole(name, value)


def seconds(name: str, value: object, *, above_zero: bool = False) -> float:
    """A finite time."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number of seconds, not {kind(value)}")
    if not math.isfinite(value) or value < 0 or (above_zero and value == 0):
        raise ValueError(f"{name} must be {'more than' if above_zero else 'at least'} 0 seconds and finite, not {value}")
    return float(value)


def flag(name: str, value: object) -> bool:
    """True or False, and nothing that merely counts as one."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {kind(value)}")
    return value


def one_of(name: str, value: T, accepted: Iterable[T]) -> T:
    """One of few words."""
    if value not in accepted:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, sorted(map(str, accepted))))}, not {value!r}")
    return value


def instance(name: str, value: object, of: type[T]) -> T:
    """Something of a class."""
    if not isinstance(value, of):
        raise TypeError(f"{name} must be {of.__module__.split('.')[0]}.{of.__name__}, not {kind(value)}")
    return value


def kind(value: object) -> str:
    """What something is, for a message."""
    return type(value).__name__
