"""The console of a cluster: it shows the nodes and the partitions, and reads one partition at a time where keys may be in any."""

import json
import sys

import pytest
from processes import request, seaweedfs

from cluster import PARTITIONS, cluster_of_three
from conftest import OPENAPI
from console_driver import drive  # noqa: F401

sys.path.insert(0, str(OPENAPI / "clients/python"))

from opendata_log import partition_of  # noqa: E402

KEYS = [f"key-{number}" for number in range(40)]


@pytest.fixture(scope="module")
def cluster(binary, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    with seaweedfs(folder) as store, cluster_of_three(binary, store, folder, "console") as running:
        yield running


def append(url, key):
    body = json.dumps({"records": [{"keyText": key, "valueText": "v"}], "awaitDurable": True}).encode()
    status, answer = request(f"{url}/api/v1/log/append", {}, body)
    assert status == 200, answer


def test_the_console_shows_a_cluster_and_reads_each_of_its_partitions(cluster, drive):  # noqa: F811
    url = cluster.urls[0]
    expected = {str(partition): [] for partition in range(PARTITIONS)}
    for key in KEYS:
        append(url, key)
        expected[str(partition_of(key.encode(), PARTITIONS))].append(key)
    append(url, "{t}/x")
    status, answer = request(f"{url}/api/v1/log/cursors/projection", {}, json.dumps({"position": 0}).encode(), "PUT")
    assert status == 200, answer
    chosen = max(expected, key=lambda partition: len(expected[partition]))

    seen = drive("cluster", url, partitions=list(expected), chosen=chosen)

    assert len(seen["partitions"]) == PARTITIONS and all("serving" in row for row in seen["partitions"]), seen["partitions"]
    assert [row.split()[:2] for row in seen["nodes"]] == [[name, "alive"] for name in "abc"], seen["nodes"]
    assert seen["read"] == expected
    assert seen["newest"] == expected[chosen]
    address, followed = seen["followed"]
    assert f"partition={chosen}" in address and followed == expected[chosen], seen["followed"]
    assert seen["tagged"] == [["{t}/x"], 0], seen["tagged"]
    # A position is one of a partition that the console does not compute.
    assert seen["linked"] == 0
    assert seen["keys"] == len(KEYS) + 1
