"""The server, tested by schemathesis against the document that it serves."""

import base64
import json
import random
import re
import urllib.request
from pathlib import Path

import pytest

from conftest import VENV
from requests_that_end import APPENDED

HERE = Path(__file__).parent
FRESH = random.SystemRandom().randrange(2**31)


@pytest.mark.parametrize("seed", [1, 20261123, FRESH], ids=["seed-1", "seed-20261123", f"fresh-seed-{FRESH}"])
def test_the_server_does_what_its_document_says(serve, run, seed, tmp_path):
    url = serve()
    record = {"key": base64.b64encode(b"orders").decode(), "value": ""}
    append = urllib.request.Request(
        f"{url}/api/v1/log/append", json.dumps({"records": [record] * APPENDED}).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(append, timeout=10).close()

    said = run(VENV / "st", "--config-file", HERE / "schemathesis.toml", "run", f"{url}/openapi.json", "--seed", seed,
               "--max-examples", 25, cwd=tmp_path, env={"PYTHONPATH": str(HERE)}, seconds=300)
    assert "Tested: 9" in said, said
    assert int(re.search(r"(\d+) generated", said)[1]) > 300, said
