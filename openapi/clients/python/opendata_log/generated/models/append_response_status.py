from typing import Literal

AppendResponseStatus = Literal['success']

APPEND_RESPONSE_STATUS_VALUES: set[AppendResponseStatus] = { 'success',  }

def check_append_response_status(value: str) -> AppendResponseStatus:
    if value in APPEND_RESPONSE_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {APPEND_RESPONSE_STATUS_VALUES!r}")
