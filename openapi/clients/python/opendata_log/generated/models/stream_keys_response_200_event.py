from typing import Literal

StreamKeysResponse200Event = Literal['error', 'message', 'trimmed']

STREAM_KEYS_RESPONSE_200_EVENT_VALUES: set[StreamKeysResponse200Event] = { 'error', 'message', 'trimmed',  }

def check_stream_keys_response_200_event(value: str) -> StreamKeysResponse200Event:
    if value in STREAM_KEYS_RESPONSE_200_EVENT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {STREAM_KEYS_RESPONSE_200_EVENT_VALUES!r}")
