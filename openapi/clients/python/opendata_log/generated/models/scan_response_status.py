from typing import Literal

ScanResponseStatus = Literal['success']

SCAN_RESPONSE_STATUS_VALUES: set[ScanResponseStatus] = { 'success',  }

def check_scan_response_status(value: str) -> ScanResponseStatus:
    if value in SCAN_RESPONSE_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {SCAN_RESPONSE_STATUS_VALUES!r}")
