"""Limits a server to a part of a core, with control groups of version 1 or 2. Needs root."""

import contextlib
import sys
from pathlib import Path

PERIOD_MICROSECONDS = 20_000
ROOT = Path("/sys/fs/cgroup")


@contextlib.contextmanager
def limited(server, share: float):
    """The server has so much of a core, and is killed at the end."""
    pid = server.process.pid
    quota = int(PERIOD_MICROSECONDS * share)
    is_first = (ROOT / "cpu").is_dir()
    group = (ROOT / "cpu" if is_first else ROOT) / f"log-measure-{pid}"
    try:
        group.mkdir()
        if is_first:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_MICROSECONDS))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (group / "cpu.max").write_text(f"{quota} {PERIOD_MICROSECONDS}")
        (group / "cgroup.procs").write_text(str(pid))
    except OSError as error:
        with contextlib.suppress(OSError):
            group.rmdir()
        sys.exit(f"cannot limit the CPU of a process, which needs root and control groups: {error}")
    try:
        yield
    finally:
        server.kill()
        group.rmdir()
