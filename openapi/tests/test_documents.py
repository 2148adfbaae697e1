"""What docs/clients.md shows, run as it is written."""

import re
import sys

from conftest import NODE_MODULES, OPENAPI, ROOT
from test_typescript_client import built  # noqa: F401

PAGE = (ROOT / "docs/clients.md").read_text()


def example(language: str) -> tuple[str, str]:
    """The page's code in a language, and what the page says that it prints."""
    code, printed = re.search(rf"```{language}\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL).groups()
    assert "http://localhost:8080" in code
    return code, printed


def test_the_python_example_prints_what_the_page_says(serve, run):
    code, printed = example("python")
    code = code.replace("http://localhost:8080", serve())
    assert run(sys.executable, "-c", code, cwd=OPENAPI / "clients/python") == printed


def test_the_typescript_example_prints_what_the_page_says(serve, run, built, tmp_path):  # noqa: F811
    code, printed = example("typescript")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules/opendata-log-client").symlink_to(built)
    (tmp_path / "node_modules/@types").symlink_to(NODE_MODULES / "@types")
    (tmp_path / "example.mts").write_text(code.replace("http://localhost:8080", serve()))
    options = ["--strict", "--target", "es2023", "--module", "nodenext", "--lib", "es2023,dom,dom.asynciterable", "--skipLibCheck"]
    run("node", NODE_MODULES / ".bin/tsc", *options, "example.mts", cwd=tmp_path)
    assert run("node", "example.mjs", cwd=tmp_path) == printed
