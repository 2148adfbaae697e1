from typing import Literal

ScanRequestVisibility = Literal['durable', 'memory']

SCAN_REQUEST_VISIBILITY_VALUES: set[ScanRequestVisibility] = { 'durable', 'memory',  }

def check_scan_request_visibility(value: str) -> ScanRequestVisibility:
    if value in SCAN_REQUEST_VISIBILITY_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {SCAN_REQUEST_VISIBILITY_VALUES!r}")
