"""The crate for Rust, against the servers that every client must be right about."""

import os

import pytest

from conftest import ROOT


@pytest.fixture(scope="module")
def program(run):
    """The program, of the workspace, as `cargo test --workspace` builds it as well."""
    run("cargo", "build", "--locked", "--quiet", "--workspace", "--examples", cwd=ROOT, seconds=1800)
    return ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "debug/examples/outcomes"


def test_the_rust_crate_calls_nothing_unknown_that_was_certainly_not_applied(outcomes, program):
    outcomes.check([program])


def test_the_rust_crate_trusts_a_private_authority_as_the_page_says(outcomes, program):
    outcomes.check_private_authority([program], ["SSL_CERT_FILE=ca.pem"])
