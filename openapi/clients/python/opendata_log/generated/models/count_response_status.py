from typing import Literal

CountResponseStatus = Literal['success']

COUNT_RESPONSE_STATUS_VALUES: set[CountResponseStatus] = { 'success',  }

def check_count_response_status(value: str) -> CountResponseStatus:
    if value in COUNT_RESPONSE_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {COUNT_RESPONSE_STATUS_VALUES!r}")
