"""The programs of a run: built here, built from their registries, or from the system's packages."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("LOG_PEERS") or Path.home() / ".cache" / "log-peers")

OPENDATA_VERSION = "1.0.0"
S2_VERSION = "0.43.4"
# Programs, and the Debian packages that have them.
PACKAGES = {"wrk": "wrk", "redis-server": "redis-server", "redis-benchmark": "redis-tools"}
# Our programs, and what cargo is asked to build.
OURS = {"opendata-log": ("--package=log-app", "--bin=opendata-log"),
        "log-load": ("--package=log-load", "--bin=log-load"),
        "bare": ("--package=log-load", "--example=bare")}


class Missing(Exception):
    """A program is not here and cannot be had; the text says how to get it."""


@dataclass(frozen=True)
class Programs:
    """Where the programs are. One that no case needs may be missing."""

    ours: Path
    load: Path
    bare: Path
    opendata: Path
    s2: Path
    redis: Path
    weed: Path

    def version(self, target: str) -> str:
        """What a program says of its version, in one line."""
        commands = {"ours": [self.ours, "--version"], "opendata": [self.opendata, "--version"], "s2": [self.s2, "--version"],
                    "redis": [self.redis, "--version"]}
        if target not in commands:
            return ""
        ran = subprocess.run(commands[target], capture_output=True, text=True)
        said = (ran.stdout.strip() or ran.stderr.strip()).splitlines()
        # OpenData Log 1.0.0 does not tell its version.
        return said[0] if ran.returncode == 0 and said else {"opendata": f"opendata-log {OPENDATA_VERSION}"}.get(target, "unknown")


def system_packages(programs: set[str]):
    """Installs packages of the system that have these programs, if this is root on Debian, or says which are missing."""
    missing = sorted(PACKAGES[program] for program in programs if not shutil.which(program))
    if not missing:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    if os.getuid() != 0 or not shutil.which("apt-get"):
        raise Missing(f"missing packages; install them with: sudo {' '.join(command)}")
    say(f"installing {', '.join(missing)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for each in (["apt-get", "update", "--quiet=2"], command):
        ran = subprocess.run(each, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if ran.returncode != 0:
            raise Missing(f"{' '.join(each)} failed:\n{ran.stdout[-2000:]}")


def ours(folder: Path | None, needed: set[str]) -> dict[str, Path]:
    """Our programs: those of `folder`, or built from the working copy with the profile of releases."""
    if folder is not None:
        found = {name: folder / name for name in OURS}
    else:
        arguments = dict.fromkeys(argument for name in OURS if name in needed for argument in OURS[name])
        cargo("building the server and what drives it", ["build", "--profile", "dist", "--locked", *arguments], ROOT)
        built = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "dist"
        found = {name: built / ("examples" if name == "bare" else "") / name for name in OURS}
    for name in needed:
        if not os.access(found[name], os.X_OK):
            raise Missing(f"{found[name]} is no executable")
    return found


def opendata() -> Path:
    """OpenData Log, built from its crate unless it is in the cache."""
    return installed("opendata-log", "opendata-log", OPENDATA_VERSION, ["--features", "http-server"])


def s2() -> Path:
    """The command of S2, whose `lite` is the server. Built from its crate unless it is in the cache."""
    return installed("s2", "s2-cli", S2_VERSION, [])


def installed(program: str, crate: str, version: str, options: list[str]) -> Path:
    """A program of a crate in this version. cargo keeps a list of what it installed into a folder."""
    found, listed = CACHE / "bin" / program, CACHE / ".crates.toml"
    if not (os.access(found, os.X_OK) and listed.exists() and f'"{crate} {version} (' in listed.read_text()):
        command = ["install", crate, "--version", version, "--locked", *options, "--root", str(CACHE)]
        cargo(f"building {crate} {version}, which takes some minutes once", command, Path.home())
    return found


def cargo(what: str, arguments: list[str], folder: Path):
    """Runs cargo, which shows its own progress. Compilers of the environment do not replace the peers' own."""
    if not shutil.which("cargo"):
        raise Missing("cargo is not on the PATH; install Rust first")
    say(what)
    env = {name: value for name, value in os.environ.items() if name not in ("RUSTC_WORKSPACE_WRAPPER", "CLIPPY_ARGS", "RUSTFLAGS")}
    ran = subprocess.run(["cargo", *arguments], cwd=folder, env=env, stdout=sys.stderr)
    if ran.returncode != 0:
        raise Missing(f"cargo {' '.join(arguments)} failed")


def say(what: str):
    print(f"bench: {what}", file=sys.stderr, flush=True)
