from typing import Literal

DeleteKeyResponseStatus = Literal['success']

DELETE_KEY_RESPONSE_STATUS_VALUES: set[DeleteKeyResponseStatus] = { 'success',  }

def check_delete_key_response_status(value: str) -> DeleteKeyResponseStatus:
    if value in DELETE_KEY_RESPONSE_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {DELETE_KEY_RESPONSE_STATUS_VALUES!r}")
