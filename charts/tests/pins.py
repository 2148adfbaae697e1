"""What is built and published from: every action, image and tool that a workflow, a Dockerfile or the chart names, and whether
its name can only ever mean the same bytes."""

import re
import subprocess
from pathlib import Path

import yaml

import chart

FOLDER = chart.ROOT / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.y*ml"))
# A workflow of the same commit.
OURS = re.compile(r"\./\.github/workflows/([\w.-]+\.yml)")
ACTION = re.compile(r"[\w.-]+(/[\w.-]+)+@[0-9a-f]{40} # v[0-9]+(\.[0-9]+){1,2}")
IMAGE = re.compile(r"[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+:[\w.-]+@sha256:[0-9a-f]{64}")
# How a step, an option of an action and a job name an image.
NAMED = re.compile(r"""(?:\bimage=|\bgenerator=|^\s*-?\s*(?:image|container): +)["']?([^\s"',{$]+)""", re.MULTILINE)
# What an installer is asked for, with its version, or by a lock file.
INSTALLED = re.compile(r"cargo install(?: --locked)+(?: [\w-]+@[0-9]+\.[0-9]+\.[0-9]+)+")


def dockerfiles() -> list[Path]:
    tracked = subprocess.run(["git", "ls-files"], cwd=chart.ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [chart.ROOT / path for path in tracked if re.search(r"(^|/)(Docker|Container)file|\.[Dd]ockerfile$", path)]


def of_workflow(text: str) -> list[str]:
    """What a workflow takes from elsewhere by a name that can change its meaning."""
    used = [line.split("uses:", 1)[1].strip() for line in text.splitlines() if re.match(r"\s*-?\s*uses:", line)]
    called = [job["uses"] for job in yaml.safe_load(text)["jobs"].values() if "uses" in job]
    ours = [name for name in called if (found := OURS.fullmatch(name)) and (FOLDER / found[1]).is_file()]
    loose = [name for name in used if not ACTION.fullmatch(name) and name not in ours]
    loose += [name for name in NAMED.findall(text) if not IMAGE.fullmatch(name)]
    for job in yaml.safe_load(text)["jobs"].values():
        if "uses" in job:
            continue
        runners = [job["runs-on"], *(each.get("runner", "") for each in job.get("strategy", {}).get("matrix", {}).get("include", []))]
        loose += [runner for runner in runners if runner.endswith("-latest")]
        loose += [name for step in job["steps"] for name in installed(step.get("run", ""))]
        for action, option, form in (("azure/setup-helm@", "version", r"v\d+\.\d+\.\d+"), ("actions/setup-node@", "node-version", r"\d+\.\d+\.\d+")):
            loose += [f"{step['uses']} without version" for step in job["steps"]
                      if step.get("uses", "").startswith(action) and not re.fullmatch(form, str(step.get("with", {}).get(option, "")))]
    return loose


def of_dockerfile(text: str) -> list[str]:
    """The same of a Dockerfile. A base may be an argument, if its default is an image by digest."""
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)", text, re.MULTILINE))
    stages = set(re.findall(r"^FROM .* AS (\S+)", text, re.MULTILINE | re.IGNORECASE))
    named = re.findall(r"^FROM (?:--\S+ )*(\S+)", text, re.MULTILINE)
    named += re.findall(r"^(?:COPY|ADD|RUN) .*(?:--from=|,from=)([^\s,]+)", text, re.MULTILINE)
    named += re.findall(r"^# *syntax *= *(\S+)", text, re.MULTILINE)
    meant = [re.sub(r"\$\{?(\w+)\}?", lambda found: arguments.get(found[1], ""), name) for name in named]
    return [name or "an argument without default" for name in meant if name not in stages and not IMAGE.fullmatch(name)] + installed(text)


def installed(commands: str) -> list[str]:
    """Commands that run or install what their server gives them at the time."""
    lines = [line.strip() for line in commands.replace("\\\n", " ").splitlines() if not line.lstrip().startswith("#")]
    loose = [line for line in lines if re.search(r"(curl|wget)\b.*\|\s*(sudo\s+)?\w*sh\b", line)]
    loose += [line for line in lines if re.search(r"\bcargo install\b", line) and not INSTALLED.search(line)]
    loose += [line for line in lines if re.search(r"\bpip3? install\b", line) and "--require-hashes" not in line]
    return loose + [line for line in lines if re.search(r"\bnpm (i|install)\b|\bnpx\b|\bgo install\b", line)]
