from typing import Literal

DeleteCursorResponseStatus = Literal['success']

DELETE_CURSOR_RESPONSE_STATUS_VALUES: set[DeleteCursorResponseStatus] = { 'success',  }

def check_delete_cursor_response_status(value: str) -> DeleteCursorResponseStatus:
    if value in DELETE_CURSOR_RESPONSE_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {DELETE_CURSOR_RESPONSE_STATUS_VALUES!r}")
