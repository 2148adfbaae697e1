"""What runs each night: that it is as much as is said, that a failure is seen, and that it can be run again."""

import importlib.machinery
import importlib.util
import json
import re
import subprocess
import tomllib

import pytest
import yaml

import chart
import pins

NIGHTLY = yaml.safe_load((pins.FOLDER / "nightly.yml").read_text())["jobs"]
TOOLS = chart.ROOT / "tools" / "nightly"
# As divan prints it.
TABLE = """\
Timer precision: 20 ns
runs                  fastest       │ slowest       │ median        │ mean          │ samples │ iters
├─ cut_in_the_middle                │               │               │               │         │
│  ╰─ 100             269.9 µs      │ 309.6 µs      │ 272.4 µs      │ 284 µs        │ 3       │ 3
├─ encode                           │               │               │               │         │
│  ├─ 0               42 ns         │ 447 µs        │ 438.9 µs      │ 435.8 µs      │ 3       │ 3
│  │                  2.371 Mitem/s │ 2.237 Mitem/s │ 2.278 Mitem/s │ 2.294 Mitem/s │         │
│  ╰─ 1000            1.5 ms        │ 2.157 ms      │ 1.940 ms      │ 1.858 ms      │ 3       │ 3
│                     2.098 Mitem/s │ 863.8 Kitem/s │ 1.063 Mitem/s │ 1.165 Mitem/s │         │
╰─ walk               2 s           │ 4 s           │ 3 s           │ 3 s           │ 3       │ 3
"""


@pytest.fixture(scope="module")
def benchmark():
    loader = importlib.machinery.SourceFileLoader("benchmark", str(TOOLS / "benchmark"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("benchmark", loader))
    loader.exec_module(module)
    return module


def test_ten_thousand_seeds_of_every_scenario_run_within_the_time_of_a_job():
    parts = NIGHTLY["simulation"]["strategy"]["matrix"]["include"]
    assert sum(part["seeds"] for part in parts) == 10_000
    page = (chart.ROOT / "docs" / "simulation.md").read_text()
    documented = set(re.findall(r"^\| `cargo sim ([a-z-]+)` \|", page, re.MULTILINE))
    assert {part["scenario"] for part in parts} == documented - {"bite", "meta"}
    # Parts of a scenario have other seeds, and a night has others than the one before.
    assert all(part["seeds"] <= 1000 and part["part"] < 10 for part in parts)
    assert len({(part["scenario"], part["part"]) for part in parts}) == len(parts)
    assert "GITHUB_RUN_NUMBER * 10000 + PART * 1000" in NIGHTLY["simulation"]["steps"][-1]["run"]
    assert NIGHTLY["simulation"]["strategy"]["fail-fast"] is False
    assert all(job["timeout-minutes"] <= 360 for job in NIGHTLY.values() if "timeout-minutes" in job)


@pytest.mark.parametrize(("script", "fails"), [
    ("echo 'swarm: 1 calls'; echo '3 seeds, 0 violations'", False),
    ("echo 'seed 8: durable: #1 is gone'; echo 'seed 7: no-gap: `x`'; echo '3 seeds, 2 violations'; exit 1", True),
    ("echo '2 seeds, 0 violations'", True),
    ("exit 0", True),
    ("echo '3 seeds, 0 violations'; exit 1", True),
])
def test_a_seed_that_fails_is_told_with_the_command_that_runs_it_again(script, fails, tmp_path):
    (tmp_path / "log-sim").write_text(f"#!/bin/sh\n[ \"$*\" = 'swarm --seeds 7..9' ] || exit 9\n{script}\n")
    (tmp_path / "log-sim").chmod(0o755)
    ran = subprocess.run([TOOLS / "seeds", tmp_path / "log-sim", "swarm", "7", "3", tmp_path / "summary"], cwd=chart.ROOT, capture_output=True, text=True)
    summary = (tmp_path / "summary").read_text()
    assert ran.returncode == int(fails), ran.stdout + ran.stderr
    assert ("failed" in summary) == fails
    if "seed 8" in script:
        assert "- `cargo sim swarm --seed 7`: no-gap\n- `cargo sim swarm --seed 8`: durable\n" in summary


@pytest.mark.parametrize(("tool", "arguments", "again"), [
    ("properties", ["11", "500"], "PROPTEST_RNG_SEED=11 PROPTEST_CASES=500 tools/test -p log-app --test process -- any_input"),
    ("requests", ["11", "2"], "LOG_TEST_FUZZ=12 openapi/tests/run -k seed-12"),
])
def test_a_fuzzer_that_fails_says_how_to_run_it_again(tool, arguments, again, tmp_path):
    for called, script in (("tools/test", '[ "$PROPTEST_RNG_SEED$PROPTEST_CASES$*" = 11500--lib ]'), ("openapi/tests/run", '[ "$LOG_TEST_FUZZ$*" = "11-k seed-11" ]'),
                           (f"tools/nightly/{tool}", (TOOLS / tool).read_text())):
        (tmp_path / called).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / called).write_text(script if script.startswith("#!") else f"#!/bin/sh\n{script}\n")
        (tmp_path / called).chmod(0o755)
    env = {"PATH": "/usr/bin:/bin", "GITHUB_SHA": "abc", "LOG_TEST_BINARY": "x"}
    ran = subprocess.run([tmp_path / "tools/nightly" / tool, *arguments, tmp_path / "summary"], env=env, capture_output=True, text=True)
    summary = (tmp_path / "summary").read_text()
    assert ran.returncode == 1 and again in summary and "abc" in summary and summary.count("at commit") == 1, ran.stderr


def test_an_input_that_a_fuzzer_fails_on_is_told_with_the_command_that_runs_it_again(tmp_path):
    targets = {binary["name"] for binary in tomllib.loads((chart.ROOT / "fuzz" / "Cargo.toml").read_text())["bin"]}
    assert set(NIGHTLY["fuzz"]["strategy"]["matrix"]["target"]) == targets
    write(tmp_path / "bin" / "cargo", 'if [ "$2" = run ]; then mkdir -p fuzz/artifacts/stored_run; printf bad > fuzz/artifacts/stored_run/crash-1; fi')
    write(tmp_path / "tools" / "nightly" / "fuzz", (TOOLS / "fuzz").read_text())
    env = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "GITHUB_SHA": "abc"}
    ran = subprocess.run([tmp_path / "tools/nightly/fuzz", "stored_run", "1", tmp_path / "summary"], env=env, capture_output=True, text=True)
    assert ran.returncode == 1 and "At commit abc: `base64 -d > input <<< YmFk && cargo fuzz run stored_run input`" in (tmp_path / "summary").read_text()


@pytest.mark.parametrize("has", ["7", "none"])
def test_what_the_night_before_left_is_taken_from_the_last_run_that_has_it(has, tmp_path):
    write(tmp_path / "bin" / "gh", f'[ "$2" != list ] || {{ printf "9\\n8\\n7\\n6\\n"; exit; }}\n[ "$3" = {has} ] && echo "$@" > "$9/got"')
    env = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "GITHUB_REPOSITORY": "me/log", "GITHUB_REF_NAME": "main", "GITHUB_RUN_ID": "9"}
    ran = subprocess.run([TOOLS / "earlier", "benchmark", "before"], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert [path.read_text() for path in (tmp_path / "before").iterdir()] == (["run download 7 --repo me/log --name benchmark --dir before\n"] if has == "7" else [])


def test_every_workflow_job_of_the_night_runs_a_tool_that_is_there():
    for job in NIGHTLY.values():
        for step in job.get("steps", []):
            for tool in re.findall(r"tools/nightly/\w+", step.get("run", "")):
                assert (chart.ROOT / tool).is_file(), tool


def test_what_is_compared_is_kept_under_names_that_stay_the_same(tmp_path):
    def artifact(name: str, kind: str, executable: str | None = None) -> str:
        if executable:
            write(tmp_path / executable, f"echo {name}")
        return json.dumps({"reason": "compiler-artifact", "target": {"name": name, "kind": [kind]}, "executable": executable and str(tmp_path / executable)})

    built = [artifact("log_domain", "lib"), artifact("opendata-log", "bin", "opendata-log"), artifact("log-load", "bin", "log-load"), '{"reason": "build-finished"}']
    benches = [artifact("runs", "bench", "runs-0a1b"), artifact("log_domain", "lib", "log_domain-2c")]
    (tmp_path / "build.json").write_text("\n".join(built))
    (tmp_path / "bench.json").write_text("\n".join(benches))
    write(tmp_path / "bin" / "cargo", f'cat "{tmp_path}/$1.json"')
    ran = subprocess.run([TOOLS / "benchmarked", tmp_path / "now"], env={"PATH": f"{tmp_path}/bin:/usr/bin:/bin"}, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert sorted(str(path.relative_to(tmp_path / "now")) for path in (tmp_path / "now").rglob("*") if path.is_file()) == ["benches/runs", "log-load", "opendata-log"]
    (tmp_path / "bench.json").write_text("")
    assert subprocess.run([TOOLS / "benchmarked", tmp_path / "none"], env={"PATH": f"{tmp_path}/bin:/usr/bin:/bin"}, capture_output=True).returncode != 0


def test_benchmarks_are_read_from_their_table(benchmark):
    assert benchmark.fastest(TABLE) == pytest.approx({
        "runs cut_in_the_middle 100": 269.9e-6, "runs encode 0": 42e-9, "runs encode 1000": 1.5e-3, "runs walk": 2.0})


def test_a_build_that_is_slower_in_most_rounds_is_noticed_and_one_bad_round_is_not(benchmark):
    before = {"append": [100.0, 50.0, 100.0], "scan": [10.0, 10.0, 10.0], "gone": [1.0, 1.0, 1.0]}
    now = {"append": [79.0, 20.0, 100.0], "scan": [10.0, 1.0, 9.0], "new": [1.0, 1.0, 1.0]}
    table, slower = benchmark.compared(now, before, 0.8)
    assert slower == ["append"] and "| append | 100/s | 79/s | **0.79** |" in table and "| scan | 10/s | 9/s | 0.90 |" in table
    assert benchmark.compared(now, before, 0.7)[1] == []
    assert benchmark.compared(now, {}, 0.8)[1] == []


def test_two_builds_take_turns_and_a_slower_one_fails_the_run(tmp_path):
    for build, rate in (("now", 100), ("before", 200)):
        (tmp_path / build / "benches").mkdir(parents=True)
        # A server that is ready, and which says what it is to who drives it.
        write(tmp_path / build / "opendata-log", f"""\
#!/usr/bin/env python3
import http.server, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"{rate}")
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Ready)
print(f"listening on http://127.0.0.1:{{server.server_port}}", flush=True)
server.serve_forever()
""")
        write(tmp_path / build / "log-load", """\
#!/usr/bin/env python3
import sys, urllib.request
rate = urllib.request.urlopen(sys.argv[2]).read().decode()
print(f"Append\\n{rate} records/s, 1 requests/s over 1 s\\nlatency\\n0 errors")
""")
        write(tmp_path / build / "benches" / "runs", f"#!/bin/sh\necho 'runs  fastest │ slowest'\necho '╰─ walk   {rate} ns │ 1 s'\n")
    compare = ["python3", TOOLS / "benchmark", tmp_path / "now", tmp_path / "before", "--rounds", "2", "--seconds", "1", "--results",
               tmp_path / "results.json", "--summary", tmp_path / "summary"]
    ran = subprocess.run(compare, capture_output=True, text=True)
    results = json.loads((tmp_path / "results.json").read_text())
    assert ran.returncode == 1 and len(results["slower"]) == 6 and "count, 8 connections" in results["slower"], ran.stdout + ran.stderr
    assert results["rates"]["now"]["runs walk"] == [1e7, 1e7], "the benchmark itself became faster"
    assert "| runs walk | 5,000,000/s | 10,000,000/s | 2.00 |" in (tmp_path / "summary").read_text()


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if text.startswith("#!") else f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
