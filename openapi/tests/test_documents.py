"""What docs/clients.md shows, run as it is written."""

import re
import shutil
import sys

import pytest

from conftest import NODE_MODULES, OPENAPI, ROOT
from test_go_client import CLIENT as GO_CLIENT, go, folder  # noqa: F401
from test_java_client import classes  # noqa: F401
from test_rust_client import build, sources

PAGE = (ROOT / "docs/clients.md").read_text()


def examples(language: str, url: str, page: str = PAGE) -> list[tuple[str, str]]:
    """The page's code in a language, and what the page says that it prints, with a server at `url`."""
    found = re.findall(rf"```{language}\n(.*?)```\n\n```text\n(.*?)```", page, re.DOTALL)
    assert found and all("http://localhost:8080" in code for code, _ in found)
    return [(code.replace("http://localhost:8080", url), printed.replace("http://localhost:8080", url)) for code, printed in found]


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], ids=[
    "blocking", "trims", "asyncio", "several", "known", "consumers", "prefix", "preconditions", "clusters", "unordered"])
def test_the_python_examples_print_what_the_page_says(serve, run, number):
    code, printed = examples("python", serve())[number]
    assert run(sys.executable, "-c", code, cwd=OPENAPI / "clients/python") == printed


@pytest.mark.parametrize("number", [0, 1], ids=["blocking", "asyncio"])
def test_the_examples_in_the_package_for_python_print_what_it_says(serve, run, number):
    code, printed = examples("python", serve(), (OPENAPI / "clients/python/README.md").read_text())[number]
    assert run(sys.executable, "-c", code, cwd=OPENAPI / "clients/python") == printed


@pytest.mark.parametrize("number", [0, 1, 2, 3], ids=["first", "trims", "several", "preconditions"])
def test_the_typescript_examples_print_what_the_page_says(serve, run, built, tmp_path, number):
    code, printed = examples("typescript", serve())[number]
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules/opendata-log-client").symlink_to(built)
    (tmp_path / "node_modules/@types").symlink_to(NODE_MODULES / "@types")
    (tmp_path / "example.mts").write_text(code)
    options = ["--strict", "--target", "es2023", "--module", "nodenext", "--lib", "es2023,dom,dom.asynciterable", "--skipLibCheck"]
    run("node", NODE_MODULES / ".bin/tsc", *options, "example.mts", cwd=tmp_path)
    assert run("node", "example.mjs", cwd=tmp_path) == printed


def test_the_go_example_prints_what_the_page_says(serve, go, folder):  # noqa: F811
    [(code, printed)] = examples("go", serve())
    example = folder / "example"
    example.mkdir()
    for part in ["go.mod", "errors.go", "retry.go"]:
        shutil.copy(GO_CLIENT / part, example)
    shutil.copytree(folder / "generated", example / "generated")
    (example / "main.go").write_text(code)
    assert go("run", "-C", example, ".") == printed


def test_the_java_example_prints_what_the_page_says(serve, run, classes, tmp_path):  # noqa: F811
    [(code, printed)] = examples("java", serve())
    (tmp_path / "Example.java").write_text(code)
    run("javac", "-proc:none", "-d", tmp_path, "-cp", classes, tmp_path / "Example.java")
    assert run("java", "-cp", f"{tmp_path}:{classes}", "Example") == printed


def test_the_rust_example_prints_what_the_page_says(serve, run, generated):
    [(code, printed)] = examples("rust", serve())
    assert run(build(run, generated, {"main.rs": code, **sources("errors.rs", "retry.rs", "whole_requests.rs")})) == printed
