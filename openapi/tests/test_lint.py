"""The committed document, read by linters."""

import os
import re

from conftest import NODE_MODULES, OPENAPI, ROOT

DOCUMENT = OPENAPI / "openapi.yaml"


def test_spectral_has_nothing_to_say_about_the_document(run):
    run(NODE_MODULES / ".bin/spectral", "lint", "--ruleset", OPENAPI / "spectral.yaml", "--fail-severity", "hint",
        "--fail-on-unmatched-globs", DOCUMENT)


def test_redocly_has_nothing_to_say_about_the_document(run):
    said = run(NODE_MODULES / ".bin/redocly", "lint", "--config", OPENAPI / "redocly.yaml", DOCUMENT)
    assert "Your API description is valid" in said and "warning" not in said.replace("Deprecation warning", ""), said


def test_the_linters_see_what_is_wrong(run, tmp_path):
    broken = tmp_path / "openapi.yaml"
    broken.write_text(re.sub(r"operationId: count\b", "operationId: scan", DOCUMENT.read_text()))
    for linter in [["spectral", "lint", "--ruleset", OPENAPI / "spectral.yaml"],
                   ["redocly", "lint", "--config", OPENAPI / "redocly.yaml"]]:
        try:
            said = run(NODE_MODULES / ".bin" / linter[0], *linter[1:], broken)
        except AssertionError as refused:
            assert "operation" in str(refused).lower(), refused
        else:
            raise AssertionError(f"{linter[0]} took two operations of one name: {said}")


def test_the_server_prints_the_committed_document(run):
    for format in ["yaml", "json"]:
        committed = (OPENAPI / f"openapi.{format}").read_text()
        assert run(os.environ["LOG_TEST_BINARY"], "openapi", "--format", format, cwd=ROOT) == committed, format
