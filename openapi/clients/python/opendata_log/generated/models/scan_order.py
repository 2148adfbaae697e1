from typing import Literal

ScanOrder = Literal['none', 'sequence']

SCAN_ORDER_VALUES: set[ScanOrder] = { 'none', 'sequence',  }

def check_scan_order(value: str) -> ScanOrder:
    if value in SCAN_ORDER_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {SCAN_ORDER_VALUES!r}")
