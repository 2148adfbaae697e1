from typing import Literal

ClusterResponseStatus = Literal['success']

CLUSTER_RESPONSE_STATUS_VALUES: set[ClusterResponseStatus] = { 'success',  }

def check_cluster_response_status(value: str) -> ClusterResponseStatus:
    if value in CLUSTER_RESPONSE_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {CLUSTER_RESPONSE_STATUS_VALUES!r}")
