from typing import Literal

CursorsResponseStatus = Literal['success']

CURSORS_RESPONSE_STATUS_VALUES: set[CursorsResponseStatus] = { 'success',  }

def check_cursors_response_status(value: str) -> CursorsResponseStatus:
    if value in CURSORS_RESPONSE_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {CURSORS_RESPONSE_STATUS_VALUES!r}")
