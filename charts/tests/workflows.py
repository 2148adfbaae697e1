"""The workflows as data, and their scripts as a runner runs them."""

import subprocess
from pathlib import Path

import yaml

import pins

PUBLISH = yaml.safe_load((pins.FOLDER / "publish.yml").read_text())
DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
VERIFIED = "https://github.com/me/log/.github/workflows/publish.yml@refs/tags/v1.2.3"


def workflows() -> list[tuple[Path, dict]]:
    return [(path, yaml.safe_load(path.read_text())) for path in pins.WORKFLOWS]


def jobs() -> list[tuple[str, str, dict]]:
    """The file's name, the job's name, and the job."""
    return [(path.name, name, job) for path, workflow in workflows() for name, job in workflow["jobs"].items()]


def steps_of(name: str) -> list[dict]:
    return PUBLISH["jobs"][name]["steps"]


def script_of(name: str) -> str:
    return "\n".join(step.get("run", "") for step in steps_of(name))


def used_by(name: str) -> list[str]:
    return [step["uses"].split("@")[0] for step in steps_of(name) if "uses" in step]


def run_job(name: str, folder: Path, programs: dict[str, str], **variables: str) -> subprocess.CompletedProcess:
    """Runs the scripts of a job as a runner does, in `folder`, with stand-ins for the programs that they call."""
    (folder / "bin").mkdir(exist_ok=True)
    for program, script in programs.items():
        path = folder / "bin" / program
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    env = {"PATH": f"{folder}/bin:/usr/bin:/bin", "GITHUB_OUTPUT": str(folder / "output"), "GITHUB_REF_NAME": "v1.2.3",
           "GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "me/log", "IMAGE": "ghcr.io/me/log", "AMD64": DIGEST,
           "ARM64": OTHER, "CHART": "ghcr.io/me/charts/opendata-log", "IMAGE_DIGEST": DIGEST, "CHART_DIGEST": OTHER} | variables
    return subprocess.run(["bash", "-e", "-c", script_of(name)], cwd=folder, env=env, capture_output=True, text=True)
