"""`tools/scale`: that keys are of the partitions that they should be of, that gaps are understood, and that what docs/cluster.md says is what the model says."""

import re
import subprocess
import sys

import pytest

import chart

SCALE = chart.ROOT / "tools" / "scale"
sys.path[:0] = [str(SCALE), str(SCALE.parent / "measure"), str(SCALE.parent / "bench")]

import appender  # noqa: E402
import model  # noqa: E402
import opening  # noqa: E402
import partitions  # noqa: E402
import results  # noqa: E402
import unavailability  # noqa: E402


def test_keys_are_one_of_each_partition():
    # Of the vectors in docs/cluster.md.
    assert partitions.xxh3(b"orders/1") % 64 == 43
    keys = partitions.keys(64)
    assert len(set(keys)) == 64
    assert [partitions.xxh3(key.strip("{}").encode()) % 64 for key in keys] == list(range(64))


def test_a_gap_is_that_between_acknowledgements_and_a_move_is_away_for_what_is_beyond_the_usual_one():
    client = appender.Appender("key", "http://a", ["http://a"], 0.2, 0.0)
    client.acknowledged = [1.0, 1.2, 1.4, 2.4, 2.6]
    assert client.gaps(1.3, 2.5) == [pytest.approx(0.2), pytest.approx(1.0)]
    assert unavailability.longest([client], [0], {0: 0.2}, 1.3) == pytest.approx(0.8)
    assert [unavailability.quantile([1.0, 2.0, 3.0], part) for part in (0, 0.5, 1)] == [1.0, 2.0, 3.0]


def test_the_load_that_is_the_same_for_all_partitions_ends_with_the_first_node_that_is_full():
    point = {"partitions": 30, "by_node": [{"partitions": 10, "appends_per_second": 100.0}, {"partitions": 20, "appends_per_second": 100.0}]}
    assert results.even(point) == 150


def test_the_time_of_an_opening_is_read_from_what_a_node_says():
    line = '{"timestamp":"2026-01-01T00:00:00.500000Z","message":"serving a partition","took_ms":%d}'
    said = "\n".join(['{"message":"found a node"}', line % 250, "no JSON", line % 1500])
    assert opening.openings(said) == [0.25, 1.5]


def test_the_model_finds_the_costs_that_samples_were_made_of():
    costs = model.Costs(append=40e-6, record=2e-6, flush=300e-6, idle_partition=400e-6)
    points = []
    for number, (partitions_of, rate, records, puts) in enumerate(((16, 2000, 1, 150), (16, 1000, 10, 150), (64, 500, 1, 400), (32, 4000, 1, 300))):
        used = partitions_of * costs.idle_partition + rate * (costs.append + costs.record * (records - 1)) + puts * costs.flush
        points.append({"case": str(number), "nodes": 1, "share": 0.2, "appends_per_second": rate, "records": records, "partitions": partitions_of, "node_cores": used,
                       "requests_per_second": {"put": puts}})
    found = model.fitted({"idle": {"cores": 64 * costs.idle_partition, "partitions": 64}, "points": points})
    assert found.append == pytest.approx(costs.append) and found.record == pytest.approx(costs.record) and found.flush == pytest.approx(costs.flush)


def test_a_cost_is_never_negative():
    assert model.least_squares([[1, 1], [1, 2], [1, 3]], [3, 2, 1]) == [pytest.approx(2), 0.0]


def test_the_documentation_has_what_the_model_says(tmp_path):
    ran = subprocess.run([sys.executable, str(SCALE / "scale"), "model", "--plot", str(tmp_path / "scale.svg")], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    page = (chart.ROOT / "docs" / "cluster.md").read_text().partition("## What it costs")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| [\d,]+ \|.*\|$", page, re.MULTILINE)
    assert len(rows) >= 12
    assert [row for row in rows if row not in ran.stdout] == []
    assert (tmp_path / "scale.svg").read_text() == (chart.ROOT / "docs" / "bench" / "scale.svg").read_text()
