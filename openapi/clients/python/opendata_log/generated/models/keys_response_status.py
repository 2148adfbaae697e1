from typing import Literal

KeysResponseStatus = Literal['success']

KEYS_RESPONSE_STATUS_VALUES: set[KeysResponseStatus] = { 'success',  }

def check_keys_response_status(value: str) -> KeysResponseStatus:
    if value in KEYS_RESPONSE_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {KEYS_RESPONSE_STATUS_VALUES!r}")
