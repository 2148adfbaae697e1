from typing import Literal

CursorResponseStatus = Literal['success']

CURSOR_RESPONSE_STATUS_VALUES: set[CursorResponseStatus] = { 'success',  }

def check_cursor_response_status(value: str) -> CursorResponseStatus:
    if value in CURSOR_RESPONSE_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {CURSOR_RESPONSE_STATUS_VALUES!r}")
