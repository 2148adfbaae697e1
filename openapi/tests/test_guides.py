"""The first steps and the guides: each command whose output is shown is run as it is written, and prints that."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import OPENAPI, ROOT

DOCS = ROOT / "docs"
PAGES = [DOCS / "first-steps.md", *sorted((DOCS / "guides").glob("*.md"))]
# A program to save, or a block of shell and the block of what it prints. Shell without output is not run: it starts servers.
STEP = re.compile(
    r"^## (?P<section>[^\n]*)$"
    r"|^Save this as `(?P<name>[\w.]+)`:\n\n```python\n(?P<code>.*?)^```$"
    r"|^```sh\n(?P<shell>(?:(?!^```$).)*?)^```\n\n```(?:json|text)\n(?P<printed>.*?)^```$",
    re.MULTILINE | re.DOTALL)


def comparable(printed: str) -> str:
    """Without what differs from run to run, or is only layout."""
    return re.sub(r"\s+", " ", re.sub(r"(Ms\":)\d{13}", r"\1T", printed)).replace("} {", "}{").strip()


def pasted(command: str, folder: Path, url: str, binary: str) -> str:
    """What a shell prints, with Python, the client and the server's program in its paths."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{Path(binary).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(OPENAPI / "clients/python"), "LOG_URL": url}
    ran = subprocess.run(
        ["bash", "-c", command.replace("http://localhost:8080", url)], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    assert ran.returncode == 0, f"{command}\n{ran.stdout}"
    return ran.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_prints_what_it_says(restarted, binary, tmp_path, page, update):
    folder = tmp_path / "folder"
    folder.mkdir()
    text, ran = page.read_text(), 0
    for step in STEP.finditer(text):
        if step["section"] == "Restart the server":
            restarted.restart()
        elif step["name"]:
            (folder / step["name"]).write_text(step["code"].replace("http://localhost:8080", restarted.url))
        elif step["shell"]:
            ran += 1
            printed = pasted(step["shell"], folder, restarted.url, binary).replace(restarted.url, "http://localhost:8080")
            if update and comparable(printed) != comparable(step["printed"]):
                shown = re.sub(r"(Ms\":)\d{13}", r"\g<1>1795385000000", printed).replace("}{", "}\n{").strip() + "\n"
                page.write_text(page.read_text().replace(step[0], step[0].replace(step["printed"], shown)))
            else:
                assert comparable(printed) == comparable(step["printed"]), step["shell"]
    assert ran >= 3


def test_no_program_of_a_page_is_left_out():
    """What is not run is not shown as if it were: each program is saved, and each output belongs to a command."""
    for page in PAGES:
        text = page.read_text()
        programs, outputs = len(re.findall("^```python$", text, re.MULTILINE)), len(re.findall("^```(?:json|text)$", text, re.MULTILINE))
        steps = list(STEP.finditer(text))
        assert (programs, outputs) == (sum(bool(step["code"]) for step in steps), sum(bool(step["shell"]) for step in steps)), page.name
