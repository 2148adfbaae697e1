from typing import Literal

ScanVisibility = Literal['durable', 'memory']

SCAN_VISIBILITY_VALUES: set[ScanVisibility] = { 'durable', 'memory',  }

def check_scan_visibility(value: str) -> ScanVisibility:
    if value in SCAN_VISIBILITY_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {SCAN_VISIBILITY_VALUES!r}")
