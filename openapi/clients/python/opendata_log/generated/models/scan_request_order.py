from typing import Literal

ScanRequestOrder = Literal['none', 'sequence']

SCAN_REQUEST_ORDER_VALUES: set[ScanRequestOrder] = { 'none', 'sequence',  }

def check_scan_request_order(value: str) -> ScanRequestOrder:
    if value in SCAN_REQUEST_ORDER_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {SCAN_REQUEST_ORDER_VALUES!r}")
