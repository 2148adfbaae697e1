"""The Rust client, as it is generated: compiled without edits, and run against a live server."""

import os
import shutil

import pytest

import program
from conftest import OPENAPI, ROOT
from early import Early
from outcomes import LARGE, Program

CLIENT = OPENAPI / "clients/rust/generated-program"


def build(run, generated, sources: dict[str, str]):
    """A program of these files. What it depends on is compiled once, beside what the server is built from."""
    crate = generated / "rust/generated-program"
    for part in ["Cargo.toml", "Cargo.lock"]:
        shutil.copy(CLIENT / part, crate)
    shutil.rmtree(crate / "src", ignore_errors=True)
    (crate / "src").mkdir()
    for name, text in sources.items():
        (crate / "src" / name).write_text(text)
    target = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "openapi-client"
    # Generated code is not linted.
    env = {"CARGO_TARGET_DIR": str(target), "RUSTC_WORKSPACE_WRAPPER": ""}
    run("cargo", "build", "--locked", "--quiet", cwd=crate, env=env, seconds=900)
    return shutil.copy(target / "debug/opendata-log-program", crate)


def sources(*names: str) -> dict[str, str]:
    """Files of the client."""
    return {name: (CLIENT / "src" / name).read_text() for name in names}


@pytest.fixture(scope="module")
def built(run, generated):
    """The program."""
    return build(run, generated, sources(*(path.name for path in (CLIENT / "src").iterdir())))


def test_the_rust_client_runs_the_program(serve, run, built):
    program.check(run, [built], serve(), without=["tailed", "consumed"])


def test_the_rust_client_calls_nothing_unknown_that_was_certainly_not_applied(outcomes, built):
    outcomes.check([built, "outcomes"])


def test_the_rust_client_follows_a_redirect_of_an_append(serve, built):
    moved = {"location": f"{serve()}/api/v1/log/append"}
    with Program([built, "outcomes"]) as client, Early(308, "moved", headers=moved) as gateway:
        assert client.append(gateway.url) == ("Appended", None), client.told
        assert client.append(gateway.url, LARGE) == ("Appended", None), client.told
