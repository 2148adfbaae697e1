from typing import Literal

StreamVisibility = Literal['durable', 'memory']

STREAM_VISIBILITY_VALUES: set[StreamVisibility] = { 'durable', 'memory',  }

def check_stream_visibility(value: str) -> StreamVisibility:
    if value in STREAM_VISIBILITY_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {STREAM_VISIBILITY_VALUES!r}")
