from typing import Literal

StreamFormat = Literal['base64', 'text']

STREAM_FORMAT_VALUES: set[StreamFormat] = { 'base64', 'text',  }

def check_stream_format(value: str) -> StreamFormat:
    if value in STREAM_FORMAT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {STREAM_FORMAT_VALUES!r}")
