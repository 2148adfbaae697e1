from typing import Literal

TrimResponseStatus = Literal['success']

TRIM_RESPONSE_STATUS_VALUES: set[TrimResponseStatus] = { 'success',  }

def check_trim_response_status(value: str) -> TrimResponseStatus:
    if value in TRIM_RESPONSE_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {TRIM_RESPONSE_STATUS_VALUES!r}")
