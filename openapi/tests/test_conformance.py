"""The server, tested by schemathesis against the document that it serves."""

import base64
import json
import os
import re
import urllib.request
from pathlib import Path

import pytest

from conftest import OPENAPI, VENV
from requests_that_end import APPENDED

HERE = Path(__file__).parent
SEEDS = [1, 20261123]
# Another one in each run; `run` says which, and how to have it again.
FRESH = int(os.environ["LOG_TEST_FUZZ"])


@pytest.mark.parametrize("seed", [*SEEDS, FRESH], ids=lambda seed: f"seed-{seed}")
def test_the_server_does_what_its_document_says(serve, run, seed, tmp_path):
    url = serve()
    fill(url)

    said = run(VENV / "st", "--config-file", HERE / "schemathesis.toml", "run", f"{url}/openapi.json", "--seed", seed,
               cwd=tmp_path, env={"PYTHONPATH": str(HERE)})
    assert "Tested: 19" in said, said
    assert int(re.search(r"(\d+) generated", said)[1]) > 500, said
    followed, links = map(int, re.search(r"API Links: +(\d+) covered / (\d+) selected", said).groups())
    assert links == links_of_the_document() and followed > links / 3, said


def test_a_server_with_tokens_wants_one_for_every_operation_that_says_so(serve, run, tokens, tmp_path):
    # For a server like this one: without tokens none is wanted, so the document itself lets both pass.
    document = json.loads((OPENAPI / "openapi.json").read_text())
    wanted = [operation["security"] for path in document["paths"].values() for operation in path.values() if operation["security"] != [{}]]
    for ways in wanted:
        ways.remove({})
    assert len(wanted) == 17
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    check = [VENV / "st", "--config-file", HERE / "schemathesis.toml", "run", tmp_path / "openapi.json", "--seed", 1, "--phases", "coverage",
             "--checks", "ignored_auth,not_a_server_error,status_code_conformance,response_schema_conformance",
             "--header", "Authorization: Bearer admin-token-of-the-tests"]
    where = {"cwd": tmp_path, "env": {"PYTHONPATH": str(HERE)}}
    url = serve(LOG_AUTH__TOKENS=tokens)
    fill(url, Authorization="Bearer admin-token-of-the-tests")
    run(*check, "--url", url, **where)
    with pytest.raises(AssertionError, match="(?i)authentication"):
        run(*check, "--url", serve(), "--include-operation-id", "count", **where)


def fill(url, **headers):
    """Appends what streams end with: see `requests_that_end`."""
    record = {"key": base64.b64encode(b"orders").decode(), "value": ""}
    append = urllib.request.Request(f"{url}/api/v1/log/append", json.dumps({"records": [record] * APPENDED}).encode(),
                                    {"Content-Type": "application/json"} | headers)
    urllib.request.urlopen(append, timeout=10).close()


def links_of_the_document() -> int:
    """How many links the document has."""
    paths = json.loads((OPENAPI / "openapi.json").read_text())["paths"].values()
    answers = [answer for path in paths for operation in path.values() for answer in operation["responses"].values()]
    return sum(len(answer.get("links", {})) for answer in answers)


def test_a_document_that_conceals_an_error_is_found_out(serve, run, tmp_path):
    document = json.loads((OPENAPI / "openapi.json").read_text())
    del document["paths"]["/api/v1/log/count"]["get"]["responses"]["400"]
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    with pytest.raises(AssertionError, match="Undocumented status code"):
        run(VENV / "st", "--config-file", HERE / "schemathesis.toml", "run", tmp_path / "openapi.json", "--url", serve(),
            "--seed", 1, "--include-operation-id", "count", cwd=tmp_path, env={"PYTHONPATH": str(HERE)})
