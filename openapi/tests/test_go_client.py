"""The Go client, as it is generated: vetted and compiled without edits, with the standard library alone, and run against a live server."""

import shutil

import pytest

import program
from conftest import OPENAPI, VENV

CLIENT = OPENAPI / "clients/go"
GO = VENV / "go"


@pytest.fixture(scope="module")
def folder(generated):
    """The program, beside what was generated."""
    for source in [*CLIENT.glob("*.go"), CLIENT / "go.mod"]:
        shutil.copy(source, generated / "go")
    return generated / "go"


@pytest.fixture(scope="module")
def go(run, folder):
    """Runs `go` in the folder of the program, without a network."""
    environment = {"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOPATH": str(folder.parent / "gopath")}
    return lambda *arguments: run(GO, *arguments, cwd=folder, env=environment)


def test_the_go_client_vets(run, go, folder):
    go("vet", "./...")
    formatter = f"{go('env', 'GOROOT').strip()}/bin/gofmt"
    assert run(formatter, "-l", *CLIENT.glob("*.go")) == "", "not as gofmt has it"


@pytest.fixture(scope="module")
def built(go, folder):
    """The program, compiled."""
    go("build", "-o", folder / "program", ".")
    return folder / "program"


def test_the_go_client_runs_the_program(serve, run, built):
    program.check(run, [built], serve(), without=["tailed"])


def test_the_go_client_calls_nothing_unknown_that_was_certainly_not_applied(outcomes, built):
    outcomes.check([built, "outcomes"])


def test_the_go_client_trusts_a_private_authority_as_the_page_says(outcomes, built):
    outcomes.check_private_authority([built, "outcomes"], ["SSL_CERT_FILE=ca.pem"])


def test_what_does_not_fit_the_client_is_found_out(run, go, folder):
    (folder / "wrong").mkdir()
    (folder / "wrong/main.go").write_text('package wrong\n\nimport client "opendata-log/generated"\n\nvar Missing = client.Missing\n')
    try:
        with pytest.raises(AssertionError, match="undefined: client.Missing"):
            go("vet", "./wrong")
    finally:
        shutil.rmtree(folder / "wrong")
