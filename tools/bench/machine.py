"""What machine the numbers are from, and what ran on it."""

import datetime
import os
import platform
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def described(work: Path) -> dict[str, str | int | float]:
    """What matters for the numbers; `work` is where the servers have their data."""
    cpu = Path("/proc/cpuinfo").read_text()
    name = re.search(r"^model name\s*: (.*)", cpu, re.MULTILINE)
    model = re.search(r"^model\s*: (.*)", cpu, re.MULTILINE)
    memory = re.search(r"^MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    release = platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": (name[1] if name else platform.machine()) + (f", model {model[1]}" if model else ""),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(memory[1]) / (1 << 20), 1) if memory else 0,
        "kernel": platform.release(),
        "system": release.get("PRETTY_NAME", platform.system()),
        "file_system": file_system(work),
        "load_before": round(os.getloadavg()[0], 2),
        "commit": commit(),
    }


def file_system(folder: Path) -> str:
    """The type of the file system that a folder is on: syncs to a `tmpfs` cost nothing."""
    folder = folder.resolve()
    best, found = -1, "unknown"
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, at, kind, *_ = line.split()
        if folder.is_relative_to(at) and len(at) >= best:
            best, found = len(at), kind
    return found


def commit() -> str:
    """The commit of the working copy, with `, changed` if files differ from it."""
    try:
        said = subprocess.run(["git", "describe", "--always", "--dirty=, changed", "--abbrev=12", "--exclude=*"], cwd=ROOT, capture_output=True,
                              text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return said.stdout.strip()
