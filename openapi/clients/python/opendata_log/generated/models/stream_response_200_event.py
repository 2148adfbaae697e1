from typing import Literal

StreamResponse200Event = Literal['error', 'message', 'trimmed']

STREAM_RESPONSE_200_EVENT_VALUES: set[StreamResponse200Event] = { 'error', 'message', 'trimmed',  }

def check_stream_response_200_event(value: str) -> StreamResponse200Event:
    if value in STREAM_RESPONSE_200_EVENT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {STREAM_RESPONSE_200_EVENT_VALUES!r}")
