"""Swagger UI, as a person uses it: in Chromium, against a live server that wants a token."""

import json
import shutil

import pytest
from conftest import NODE_MODULES, OPENAPI, ROOT
from stripping_proxy import stripping_proxy

SCREENSHOTS = ["swagger-ui.png", "swagger-ui-append.png", "swagger-ui-scan.png"]
TOKEN = "admin-token-of-the-tests"


@pytest.fixture(params=["at the root", "below a path of a proxy"])
def url(request, serve, tokens):
    url = serve(LOG_AUTH__TOKENS=tokens)
    if request.param == "at the root":
        yield url
    else:
        with stripping_proxy(url, "/some/log") as below:
            yield below


def test_a_person_can_authorize_append_and_scan_in_swagger_ui(url, run, tmp_path, update):
    # Node looks for packages from where a script is.
    script = tmp_path / "swagger_ui.mjs"
    shutil.copy(OPENAPI / "tests/swagger_ui.mjs", script)
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    seen = json.loads(run("node", script, shutil.which("chromium"), url, TOKEN, tmp_path))

    assert seen["console"] == [] and seen["elsewhere"] == [], seen
    assert seen["operations"] == [
        "append", "session", "scan", "scanKeys", "listKeys", "listSegments", "count", "trim", "deleteKey", "stream", "streamKeys", "listCursors",
        "getCursor", "putCursor", "deleteCursor", "getCluster", "healthy", "ready", "metrics"]
    assert seen["refused"]["status"] == 401 and "unauthenticated" in seen["refused"]["shown"], seen
    assert seen["appended"]["status"] == 200 and '"recordsAppended": 2' in seen["appended"]["shown"], seen
    assert seen["scanned"]["status"] == 200 and '"value": "c2Vjb25k"' in seen["scanned"]["shown"], seen
    assert seen["tokens"] == [None, f"Bearer {TOKEN}", f"Bearer {TOKEN}"], seen

    for name in SCREENSHOTS:
        assert (tmp_path / name).stat().st_size > 10_000, name
        # What a proxy adds is not for the documentation.
        if update and not url.endswith("/some/log"):
            (ROOT / "docs/images").mkdir(exist_ok=True)
            shutil.copy(tmp_path / name, ROOT / "docs/images" / name)
        assert (ROOT / "docs/images" / name).is_file(), name
