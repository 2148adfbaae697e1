from typing import Literal

ListKeysFormat = Literal['base64', 'text']

LIST_KEYS_FORMAT_VALUES: set[ListKeysFormat] = { 'base64', 'text',  }

def check_list_keys_format(value: str) -> ListKeysFormat:
    if value in LIST_KEYS_FORMAT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {LIST_KEYS_FORMAT_VALUES!r}")
