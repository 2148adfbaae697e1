"""`tools/bench`: that what it starts and reads is understood, that goals are judged, and that one command does it all."""

import dataclasses
import os
import re
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

import pytest

import chart

BENCH = chart.ROOT / "tools" / "bench"
sys.path[:0] = [str(BENCH), str(BENCH.parent / "measure")]

import appends  # noqa: E402
import cases  # noqa: E402
import curves  # noqa: E402
import followers  # noqa: E402
import goals  # noqa: E402
import loads  # noqa: E402
import machine  # noqa: E402
import paced  # noqa: E402
import peers  # noqa: E402
import plots  # noqa: E402
import progress  # noqa: E402
import reads  # noqa: E402
import remote  # noqa: E402
import runs  # noqa: E402
import samples  # noqa: E402
import sampling  # noqa: E402
import servers  # noqa: E402
import table  # noqa: E402
from payloads import JSON, Append  # noqa: E402

WRK = """\
Running 1s test @ http://127.0.0.1:8080/
  Latency   500.00us
{"requests": 1200, "micros": 2000000, "refused": 200, "broken": 3, "p50": 400, "p99": 1500, "p999": 9000}
"""
MAILBOX = """\
Mailbox
20000 records/s, 20 requests/s over 2.0 s
latency in ms: mean 3.10, p50 3.00, p99 9.00, p999 9.50, max 9.50
0 errors
polls: 0 records/s, 20 requests/s over 2.0 s
polls: latency in ms: mean 0.20, p50 0.10, p99 0.40, p999 0.50, max 0.50
polls: 2 errors; the first: busy
"""
REDIS = """\
Latency by percentile distribution:
0.000% <= 0.047 milliseconds (cumulative count 7)
50.000% <= 0.159 milliseconds (cumulative count 10090)
99.219% <= 5.727 milliseconds (cumulative count 19844)
99.902% <= 8.543 milliseconds (cumulative count 19981)
100.000% <= 13.103 milliseconds (cumulative count 20000)

Cumulative distribution of latencies:
16.730% <= 0.103 milliseconds (cumulative count 3346)
98.900% <= 5.103 milliseconds (cumulative count 19780)
100.000% <= 13.103 milliseconds (cumulative count 20000)

Summary:
  throughput summary: 10000.00 requests per second
"""
# In place of wrk: a few requests, as the script for wrk makes them, and its line of JSON.
SENDS = """\
#!{python}
import json, os, sys, time, urllib.error, urllib.request
from pathlib import Path
body = Path(os.environ["BODY"]).read_bytes() if "BODY" in os.environ else None
headers = dict(line.split(": ") for line in os.environ["HEADERS"].splitlines())
began, refused = time.monotonic(), 0
for _ in range(5):
    try:
        urllib.request.urlopen(urllib.request.Request(sys.argv[-1], data=body, headers=headers)).read()
    except urllib.error.HTTPError:
        refused += 1
micros = int((time.monotonic() - began) * 1e6)
print(json.dumps({{"requests": 5, "micros": micros, "refused": refused, "broken": 0, "p50": 400, "p99": 1500, "p999": 9000}}))
"""
PAYLOAD = f"#!/bin/sh\ncat <<'EOF'\n{MAILBOX}EOF\n"


@pytest.fixture
def programs(binary, tmp_path, monkeypatch) -> peers.Programs:
    """The server, and what seems to drive it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in {"wrk": SENDS.format(python=sys.executable), "log-load": PAYLOAD, "bare": "#!/bin/sh\n"}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    (folder / "opendata-log").symlink_to(binary)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    none = Path()
    return peers.Programs(Path(binary), folder / "log-load", folder / "bare", none, none, none, Path(os.environ["LOG_TEST_WEED"]))


def results(figures: dict[tuple[str, str], list[dict]]) -> samples.Results:
    """Results with these figures: of each case and server, those of its rounds."""
    told = {"date": "now", "cpu": "a CPU", "cores": 2, "memory_gib": 4, "kernel": "6", "system": "a system", "file_system": "ext4", "commit": "abc"}
    taken = [samples.Sample(case, target, number, found) for (case, target), rounds in figures.items() for number, found in enumerate(rounds)]
    return samples.Results(told, {"rounds": 2, "seconds": 1, "memory_sum_mib": 1000.0}, taken)


def test_what_a_load_printed_is_understood():
    wrk = loads.of_wrk(WRK, 100)
    assert (wrk.requests, wrk.records, wrk.rate, wrk.p50, wrk.p99, wrk.p999, wrk.errors) == (1000, 100_000, 50_000, 0.4, 1.5, 9.0, 203)
    both = loads.of_log_load(MAILBOX)
    assert (both[""].records, both[""].rate, both[""].p999, both[""].errors) == (40_000, 20_000, 9.5, 0)
    assert (both["polls"].requests, both["polls"].p50, both["polls"].errors) == (40, 0.1, 2)
    assert loads.of_log_load(MAILBOX.partition("polls")[0]).keys() == {""}
    redis = loads.of_redis(REDIS, 20_000, 10)
    assert (redis.rate, redis.p50, redis.p99, redis.p999) == (100_000, 0.159, 5.727, 8.543)


@pytest.mark.parametrize(("read", "said"), [
    (loads.of_wrk, "unable to connect"), (loads.of_wrk, WRK.replace('"refused": 200', '"refused": 1200')),
    (lambda said, _: loads.of_log_load(said), MAILBOX.replace("latency", "late")),
    (lambda said, _: loads.of_log_load(said), MAILBOX.replace("polls: 0 records/s, 20", "polls: 0 records/s, 0")),
    (lambda said, _: loads.of_redis(said, 1, 1), REDIS.replace("throughput", "put")),
    (lambda said, _: loads.of_redis(said, 1, 1), f"Error from server: no memory\n{REDIS}"),
])
def test_a_load_without_a_result_fails(read, said):
    with pytest.raises(loads.LoadFailed):
        read(said, 1)


def test_a_program_that_fails_or_does_not_end_is_told(monkeypatch):
    with pytest.raises(loads.LoadFailed, match="exited with 3: oh"):
        loads.run(["sh", "-c", "echo oh; exit 3"])
    monkeypatch.setattr(loads, "PATIENCE_SECONDS", 0.1)
    with pytest.raises(loads.LoadFailed, match="did not end within"):
        loads.run(["sleep", "60"])


def test_names_of_cases_differ_and_goals_are_of_cases():
    names = [case.name for case in cases.CASES]
    assert len(set(names)) == len(names)
    assert {goal.case for goal in goals.GOALS} <= {*names, ""}
    assert {"ours"} == set.intersection(*(set(case.targets) for case in cases.CASES))
    # Ratios are of servers that the case has.
    case = {case.name: case for case in cases.CASES}
    everything = results({(name, target): [dict.fromkeys((samples.RATE, samples.CPU, samples.P99, samples.RSS, "peak_mib", "kib_per_follower"), 1.0)]
                          for name in names for target in case[name].targets})
    assert [str(goal.verdict(everything)) for goal in goals.GOALS if goal.verdict(everything).reached is None] == []


def test_a_goal_is_reached_missed_or_not_measured():
    found = results({("append-100-c8", "ours"): [{samples.RATE: 900.0, samples.CPU: 0.4}, {samples.RATE: 400.0, samples.CPU: 0.6}],
                     ("append-100-c8", "opendata"): [{samples.RATE: 200.0}, {samples.RATE: 100.0}],
                     ("append-100-c8", "redis"): [{}, {samples.RATE: 300.0}]})
    verdicts = [goal.verdict(found) for goal in goals.GOALS if goal.case == "append-100-c8"]
    # The median of 0.4 and 0.6; of 4.5 and 4; and the only round that both have.
    assert [(verdict.value, str(verdict)) for verdict in verdicts] == [
        (0.5, "missed"), (4.25, "reached"), (pytest.approx(1.333, abs=0.001), "missed")]
    assert {str(goal.verdict(found)) for goal in goals.GOALS if goal.case == "session-c8"} == {"not measured"}


def test_memory_is_judged_by_the_worst_case():
    found = results({("append-1-c32", "ours"): [{samples.RSS: 90.0, "peak_mib": 200.0}], ("append-1-c32", "opendata"): [{samples.RSS: 100.0}],
                     ("count-c8", "ours"): [{samples.RSS: 120.0, "peak_mib": 150.0}], ("count-c8", "opendata"): [{samples.RSS: 100.0}],
                     ("mailbox", "ours"): [{samples.RSS: 500.0}]})
    assert goals.most_memory(found) == pytest.approx(1.2) and goals.memory_of_settings(found) == pytest.approx(0.2)
    assert goals.most_memory(results({})) is None and goals.memory_of_settings(results({})) is None


def test_the_sum_of_the_settings_is_that_of_the_documentation(binary):
    page = (chart.ROOT / "docs" / "operations.md").read_text()
    rows = page.partition("Memory is bounded by configuration.")[2].partition("\n\nThe kernel")[0]
    documented = [int(mib.replace(",", "")) for mib in re.findall(r"\| ([\d,]+) MiB \|$", rows, re.MULTILINE)]
    assert len(documented) == 11
    assert runs.memory_sum_mib(binary) == pytest.approx(sum(documented), abs=5)


def test_the_table_tells_ratios_errors_and_failures():
    found = results({("append-1-c32", "ours"): [{samples.RATE: 60_000.0, samples.CPU: 15.0, samples.P50: 0.4, samples.P99: 1.5, samples.P999: 9.0}],
                     ("append-1-c32", "opendata"): [{samples.RATE: 80_000.0, samples.CPU: 20.0}]})
    found.samples[0] = dataclasses.replace(found.samples[0], errors=7)
    found.samples.append(samples.Sample("count-c8", "ours", 1, {}, failed="LoadFailed: wrk\nis gone"))
    found.points.append(samples.Point("keys", 1000, "ours", {curves.POLL_P50: 0.1234}))
    text = table.markdown(found)
    assert "| append 1, c32 | Log | 60,000 |  | 15.0 |  | 0.400, 1.50, 9.00 ms |  | **7 errors** |" in text
    assert "|  | OpenData Log | 80,000 | 0.75 | 20.0 | 0.75 |" in text
    assert "- count-c8, ours, round 1: LoadFailed: wrk is gone" in text and "**failed**" in text
    assert "| append 1, c32 | records/s, to OpenData Log ≥ 1.2 × | 0.750 × | **missed** |" in text
    assert "| 1,000 | Log | 0.123 |" in text
    assert text.startswith("# A run of the benchmark\n\nnow: a CPU, 2 cores")


def test_results_are_read_as_they_were_written(tmp_path):
    found = results({("append-1-c32", "ours"): [{samples.RATE: 1.0}]})
    found.points.append(samples.Point("keys", 10, "ours", {}, failed="why"))
    found.write(tmp_path / "raw.json")
    assert samples.Results.read(tmp_path / "raw.json") == found


def test_plots_have_a_bar_for_each_server_and_a_dot_for_each_size(tmp_path):
    figures = {samples.RATE: 5000.0, samples.P50: 0.5, samples.P99: 2.0, samples.P999: 0.0}
    found = results({("append-1-c32", "ours"): [figures], ("append-1-c32", "opendata"): [figures], ("count-c8", "ours"): [figures]})
    found.points += [samples.Point("keys", size, "ours", {samples.RSS: float(size)}) for size in (1000, 100_000)]
    drawn = {path.name: path for path in plots.draw(found, tmp_path)}
    assert sorted(drawn) == ["keys-rss-mib.svg", "latency.svg", "throughput.svg"]
    marks = {name: shapes(path) for name, path in drawn.items()}
    assert marks == {"throughput.svg": (3, 0), "latency.svg": (6, 0), "keys-rss-mib.svg": (0, 2)}
    assert all("<script type" not in path.read_text() or "src" not in path.read_text() for path in drawn.values())
    assert plots.draw(results({}), tmp_path) == []


def shapes(path: Path) -> tuple[int, int]:
    """Bars and dots of a plot."""
    found = [element.get("class") or "" for element in xml.etree.ElementTree.parse(path).iter()]
    return sum(name.startswith("rect reactive") for name in found), sum(name.startswith("dot reactive") for name in found)


def test_the_time_that_is_left_is_learnt(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    counted = progress.Progress(100, 4)
    assert counted.seconds_left() == pytest.approx(700)
    for _ in range(98):
        now[0] += 3
        counted.says("a case", "found")
    assert counted.seconds_left() == pytest.approx(2 * 3, rel=0.1)
    assert capsys.readouterr().err.endswith("[98/100, 6 s left] a case: found\n")


def test_the_machine_is_described(tmp_path):
    told = machine.described(tmp_path)
    assert told["cores"] >= 1 and told["memory_gib"] > 0 and re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", told["date"])
    assert machine.file_system(Path("/proc/self")) == "proc"


def test_missing_programs_are_named_with_the_command_that_installs_them(monkeypatch, tmp_path):
    monkeypatch.setattr(peers.shutil, "which", lambda _: None)
    monkeypatch.setattr(peers.os, "getuid", lambda: 1000)
    with pytest.raises(peers.Missing, match="sudo apt-get install .* redis-server redis-tools wrk"):
        peers.system_packages({"wrk", "redis-server", "redis-benchmark"})
    peers.system_packages(set())
    with pytest.raises(peers.Missing, match="log-load is no executable"):
        peers.ours(tmp_path, {"log-load"})
    with pytest.raises(peers.Missing, match="install Rust"):
        peers.cargo("building", [], tmp_path)


def test_a_peer_is_built_unless_this_version_is_there(monkeypatch, tmp_path):
    built = []
    monkeypatch.setattr(peers, "CACHE", tmp_path)
    monkeypatch.setattr(peers, "cargo", lambda _, arguments, __: built.append(arguments))
    peers.s2()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "s2").touch(0o755)
    (tmp_path / ".crates.toml").write_text('[v1]\n"s2-cli 0.1.0 (registry+x)" = ["s2"]\n')
    peers.s2()
    assert len(built) == 2 and built[0][:4] == ["install", "s2-cli", "--version", peers.S2_VERSION] and "--locked" in built[0]
    (tmp_path / ".crates.toml").write_text(f'[v1]\n"s2-cli {peers.S2_VERSION} (registry+x)" = ["s2"]\n')
    assert peers.s2() == tmp_path / "bin" / "s2" and len(built) == 2


def test_every_kind_of_case_and_curve_is_answered_by_the_server(programs, s3, tmp_path, monkeypatch):
    ours, none = ("ours",), frozenset()
    small = [
        sampling.Case("append", "", ours, appends.Appends(Append(3, keys=2, durable=True), 1)),
        sampling.Case("json", "", ours, appends.Appends(Append(3, media=JSON), 1)),
        sampling.Case("scan", "", ours, reads.Scan(appends=2)),
        sampling.Case("count", "", ours, reads.Count({"LOG_SEGMENTS__SEAL_BYTES": "64KiB"}, appends=3)),
        sampling.Case("below", "", ours, paced.Below(Append())),
        sampling.Case("mailbox", "", ours, paced.Mailbox()),
        sampling.Case("session", "", ours, paced.Session()),
        sampling.Case("followers", "", ours, followers.Followers(120), needs=none),
        sampling.Case("s3", "", ours, remote.DurableOnS3(1)),
    ]
    found = results({})
    monkeypatch.setattr(followers, "SETTLE_SECONDS", 0.2)
    # That of all tests, instead of one that is started for the sample.
    monkeypatch.setattr(servers.Place, "seaweedfs", lambda *_: s3)
    runs.run(small, programs, set(ours), 1, 0.3, tmp_path, found)
    assert found.failures() == []
    # The polls of the mailbox load say that two failed.
    assert {sample.case: sample.errors for sample in found.samples if sample.errors} == {"mailbox": 2}
    assert found.median("count", "ours", "segments") >= 3
    # That of wrk. log-load says 20,000.
    assert 0 < found.median("below", "ours", "highest_records_per_second") < 20_000
    assert 0 < found.median("followers", "ours", "kib_per_follower") < 1000
    assert all(sample.figures["rss_mib"] > 0 for sample in found.samples)
    tiny = [dataclasses.replace(curve, sizes=curve.sizes[:1], targets=ours) for curve in curves.CURVES if curve.name in ("keys", "connections")]
    runs.run_curves(tiny, programs, set(ours), 0.3, 5, tmp_path, found)
    runs.run_curves(tiny, programs, set(ours), 0.3, -1, tmp_path, found)
    assert [(point.curve, point.size) for point in found.points[:2]] == [("connections", 1), ("keys", 1000)]
    assert not any(point.failed for point in found.points[:2]) and found.points[1].figures[curves.POLL_P50] == 0.4
    assert all("skipped" in point.failed for point in found.points[2:])
    assert list(tmp_path.glob("bench-*")) == [], "folders of samples are left"


def test_one_command_measures_and_writes_table_plots_and_raw_numbers(programs, tmp_path):
    command = [sys.executable, str(BENCH / "bench"), "--peers", "", "--seconds", "0.3", "--rounds", "1", "--work", str(tmp_path / "work"), "--out", str(tmp_path / "out"),
               "--binaries", str(programs.load.parent)]
    ran = subprocess.run([*command, "--cases", "^append-1-(c32|durable-c1)$"], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "[3/3, 0 s left] append 1, durable, c1, Log, not synced, round 1:" in ran.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["latency.svg", "raw.json", "table.md", "throughput.svg"]
    told = samples.Results.read(tmp_path / "out" / "raw.json")
    assert told.machine["versions"]["ours"].startswith("opendata-log ") and [sample.target for sample in told.samples] == ["ours", "ours", "unsynced"]
    written = (tmp_path / "out" / "table.md").read_text()
    again = subprocess.run([*command, "--redraw", str(tmp_path / "out" / "raw.json")], capture_output=True, text=True)
    assert again.returncode == 0 and (tmp_path / "out" / "table.md").read_text() == written and written in again.stdout
    # A server that does not start fails its sample and the run, and the results are written.
    (programs.load.parent / "wrk").write_text("#!/bin/sh\nexit 3\n")
    failed = subprocess.run([*command, "--cases", "^append-1-c32$"], capture_output=True, text=True)
    assert failed.returncode == 1 and "exited with 3" in failed.stderr and "Failed samples" in (tmp_path / "out" / "table.md").read_text()


@pytest.mark.parametrize(("arguments", "complaint"), [
    (["--cases", "^none$"], "no case and no curve has such a name"), (["--rounds", "0"], "must be positive"),
    (["--cases", "("], "--cases is no regular expression"), (["--peers", "kafka"], "unknown peers: kafka"),
    (["--peers", "", "--binaries", "/nowhere"], "is no executable"),
])
def test_what_cannot_be_run_is_told_at_once(arguments, complaint, programs):
    ran = subprocess.run([sys.executable, str(BENCH / "bench"), "--weed", str(programs.weed), *arguments], capture_output=True, text=True)
    assert ran.returncode != 0 and complaint in ran.stderr, ran.stderr


def test_it_has_the_versions_that_the_tests_have():
    ours = (BENCH / "requirements.txt").read_text().splitlines()
    tested = (BENCH.parent / "requirements.txt").read_text().splitlines()
    assert {line for line in ours if not line.startswith("#")} <= set(tested)
