from typing import Literal

ScanRequestFormat = Literal['base64', 'text']

SCAN_REQUEST_FORMAT_VALUES: set[ScanRequestFormat] = { 'base64', 'text',  }

def check_scan_request_format(value: str) -> ScanRequestFormat:
    if value in SCAN_REQUEST_FORMAT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {SCAN_REQUEST_FORMAT_VALUES!r}")
