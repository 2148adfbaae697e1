from typing import Literal

ErrorResponseStatus = Literal['error']

ERROR_RESPONSE_STATUS_VALUES: set[ErrorResponseStatus] = { 'error',  }

def check_error_response_status(value: str) -> ErrorResponseStatus:
    if value in ERROR_RESPONSE_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ERROR_RESPONSE_STATUS_VALUES!r}")
