"""The Rust client, as it is generated: compiled without edits, and run against a live server."""

import os
import shutil

import pytest

import program
from conftest import OPENAPI, ROOT

CLIENT = OPENAPI / "clients/rust"


@pytest.fixture(scope="module")
def built(run, generated):
    """The program. What it depends on is compiled once, beside what the server is built from."""
    for part in ["Cargo.toml", "Cargo.lock", "src"]:
        copy = shutil.copytree if (CLIENT / part).is_dir() else shutil.copy
        copy(CLIENT / part, generated / "rust" / part)
    target = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "openapi-client"
    run("cargo", "build", "--locked", "--quiet", cwd=generated / "rust", env={"CARGO_TARGET_DIR": str(target)}, seconds=900)
    return target / "debug/opendata-log-program"


def test_the_rust_client_runs_the_program(serve, run, built):
    program.check(run, [built], serve(), without=["tailed"])


def test_the_rust_client_calls_nothing_unknown_that_was_certainly_not_applied(outcomes, built):
    outcomes.check([built, "outcomes"])
