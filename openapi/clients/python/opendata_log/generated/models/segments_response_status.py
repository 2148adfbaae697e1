from typing import Literal

SegmentsResponseStatus = Literal['success']

SEGMENTS_RESPONSE_STATUS_VALUES: set[SegmentsResponseStatus] = { 'success',  }

def check_segments_response_status(value: str) -> SegmentsResponseStatus:
    if value in SEGMENTS_RESPONSE_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {SEGMENTS_RESPONSE_STATUS_VALUES!r}")
