"""What drives a server: wrk, log-load and redis-benchmark. Each tells in the same way how it went."""

import dataclasses
import json
import math
import os
import re
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).with_name("request.lua")
# Beyond the time that it was asked to send, for answers that do not come.
PATIENCE_SECONDS = 120


class LoadFailed(Exception):
    """A load did not run, or nothing was answered."""


@dataclasses.dataclass(frozen=True)
class Load:
    """How a load went. Latencies are in milliseconds."""

    requests: int
    records: float
    seconds: float
    p50: float
    p99: float
    p999: float
    errors: int = 0

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds


def run(command: list, env: dict[str, str] | None = None, seconds: float = 0) -> str:
    """What a program printed. Environment variables of its own are added to those that are here."""
    command = [str(part) for part in command]
    try:
        ran = subprocess.run(command, env={**os.environ, **(env or {})}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             timeout=seconds + PATIENCE_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise LoadFailed(f"{command[0]} did not end within {error.timeout:.0f} s") from None
    if ran.returncode != 0:
        raise LoadFailed(f"{' '.join(command)[:300]} exited with {ran.returncode}: {ran.stdout[-1000:]}")
    return ran.stdout


def wrk(url: str, connections: int, seconds: float, records: int, headers: dict[str, str], body: Path | None = None) -> Load:
    """The same request on each connection again and again, for so long; each is about so many records."""
    env = {"HEADERS": "\n".join(f"{name}: {value}" for name, value in headers.items())}
    if body is not None:
        env["BODY"] = str(body)
    # wrk takes whole seconds.
    whole = math.ceil(seconds)
    said = run(["wrk", "-t1", f"-c{connections}", f"-d{whole}s", "--timeout", "60s", "-s", SCRIPT, url], env, whole)
    return of_wrk(said, records)


def of_wrk(said: str, records: int) -> Load:
    """What the script for wrk printed."""
    found = re.search(r"^\{.*\}$", said, re.MULTILINE)
    if not found:
        raise LoadFailed(f"wrk printed no result: {said[-1000:]}")
    told = json.loads(found[0])
    answered = told["requests"] - told["refused"]
    if answered <= 0:
        raise LoadFailed(f"no request succeeded; {told['refused']} were refused, and {told['broken']} broken")
    return Load(answered, answered * records, told["micros"] / 1e6, *(told[name] / 1000 for name in ("p50", "p99", "p999")),
                errors=told["refused"] + told["broken"])


def log_load(program: str, url: str, seconds: float, arguments: list) -> dict[str, Load]:
    """What log-load measured; the key is empty, or `polls` for those of the mailbox load."""
    whole = math.ceil(seconds)
    return of_log_load(run([program, "--url", url, "--seconds", whole, *arguments], seconds=whole))


def of_log_load(said: str) -> dict[str, Load]:
    """The results that log-load printed."""
    found = {}
    for part in ("", "polls: "):
        rates = re.search(rf"^{part}([\d.]+) records/s, ([\d.]+) requests/s over ([\d.]+) s$", said, re.MULTILINE)
        times = re.search(rf"^{part}latency in ms: mean [\d.]+, p50 ([\d.]+), p99 ([\d.]+), p999 ([\d.]+), max", said, re.MULTILINE)
        errors = re.search(rf"^{part}(\d+) errors", said, re.MULTILINE)
        if rates and times and errors:
            records, requests, seconds = map(float, rates.groups())
            found[part.removesuffix(": ")] = Load(round(requests * seconds), records * seconds, seconds, *map(float, times.groups()),
                                                  errors=int(errors[1]))
    if "" not in found or not all(load.requests for load in found.values()):
        raise LoadFailed(f"log-load had no result, or no request succeeded: {said[-1000:]}")
    return found


def redis(port: int, connections: int, pipelined: int, requests: int, records: int, command: list[str]) -> Load:
    """A command of Redis so many times, or a few more: as many on each connection."""
    requests = math.ceil(requests / (connections * pipelined)) * connections * pipelined
    said = run(["redis-benchmark", "-p", port, "-c", connections, "-P", pipelined, "-n", requests, "--precision", 3, *command])
    return of_redis(said, requests, records)


def of_redis(said: str, requests: int, records: int) -> Load:
    """What redis-benchmark printed. Its latencies are cumulative, at fixed steps."""
    rate = re.search(r"throughput summary: ([\d.]+) requests per second", said)
    steps = [(float(percent), float(millis)) for percent, millis in
             re.findall(r"^([\d.]+)% <= ([\d.]+) milliseconds \(cumulative count", said, re.MULTILINE)]
    if not rate or not steps or "Error from server" in said:
        raise LoadFailed(f"redis-benchmark printed no result: {said[-1000:]}")

    def at(percent: float) -> float:
        return min(millis for reached, millis in steps if reached >= percent)

    return Load(requests, requests * records, requests / float(rate[1]), at(50), at(99), at(99.9))
