"""What the chart's tests share: the comparison of generated files, and an S3 server."""

import difflib
from pathlib import Path

import pytest

import processes


@pytest.fixture
def generated(update):
    """Compares a committed file with what it is generated from, or writes it with `--update`."""

    def check(path: Path, text: str):
        if update:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            return
        committed = path.read_text() if path.exists() else ""
        difference = "\n".join(difflib.unified_diff(
            committed.splitlines(), text.splitlines(), f"{path.name}, committed", f"{path.name}, generated", lineterm=""))
        assert committed == text, f"{difference}\n\nIf that is meant: charts/tests/run --update"

    return check


@pytest.fixture(scope="session")
def s3(tmp_path_factory):
    """A running S3 server."""
    with processes.seaweedfs(tmp_path_factory.mktemp("weed")) as server:
        yield server
