"""The server, tested by schemathesis against the document that it serves."""

import base64
import json
import os
import random
import re
import urllib.request
from pathlib import Path

import pytest

from conftest import OPENAPI, VENV
from requests_that_end import APPENDED

HERE = Path(__file__).parent
# A run that changed nothing must not turn red: a fresh seed is asked for, with LOG_TEST_FUZZ=fresh.
FRESH = [random.SystemRandom().randrange(2**31)] if os.environ.get("LOG_TEST_FUZZ") == "fresh" else []


@pytest.mark.parametrize("seed", [1, 20261123, *FRESH], ids=lambda seed: f"seed-{seed}")
def test_the_server_does_what_its_document_says(serve, run, seed, tmp_path):
    url = serve()
    record = {"key": base64.b64encode(b"orders").decode(), "value": ""}
    append = urllib.request.Request(
        f"{url}/api/v1/log/append", json.dumps({"records": [record] * APPENDED}).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(append, timeout=10).close()

    said = run(VENV / "st", "--config-file", HERE / "schemathesis.toml", "run", f"{url}/openapi.json", "--seed", seed,
               "--max-examples", 25, cwd=tmp_path, env={"PYTHONPATH": str(HERE)})
    assert "Tested: 9" in said, said
    assert int(re.search(r"(\d+) generated", said)[1]) > 300, said


def test_a_document_that_conceals_an_error_is_found_out(serve, run, tmp_path):
    document = json.loads((OPENAPI / "openapi.json").read_text())
    del document["paths"]["/api/v1/log/count"]["get"]["responses"]["400"]
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    with pytest.raises(AssertionError, match="Undocumented status code"):
        run(VENV / "st", "--config-file", HERE / "schemathesis.toml", "run", tmp_path / "openapi.json", "--url", serve(),
            "--seed", 1, "--max-examples", 10, "--include-operation-id", "count", cwd=tmp_path, env={"PYTHONPATH": str(HERE)})
