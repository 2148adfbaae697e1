from typing import Literal

ScanFormat = Literal['base64', 'text']

SCAN_FORMAT_VALUES: set[ScanFormat] = { 'base64', 'text',  }

def check_scan_format(value: str) -> ScanFormat:
    if value in SCAN_FORMAT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {SCAN_FORMAT_VALUES!r}")
