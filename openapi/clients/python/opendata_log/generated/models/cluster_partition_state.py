from typing import Literal

ClusterPartitionState = Literal['moving', 'serving', 'unserved']

CLUSTER_PARTITION_STATE_VALUES: set[ClusterPartitionState] = { 'moving', 'serving', 'unserved',  }

def check_cluster_partition_state(value: str) -> ClusterPartitionState:
    if value in CLUSTER_PARTITION_STATE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {CLUSTER_PARTITION_STATE_VALUES!r}")
