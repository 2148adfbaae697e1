"""The programs of the clients with a layer by hand that make streams of appends, one an order."""

import os
import sys

from conftest import OPENAPI, ROOT
from line_program import LineProgram

PYTHON = [sys.executable, OPENAPI / "clients/python/append_many.py"]


class Program(LineProgram):
    """Such a program that runs."""

    def begin(self, url: str, **order):
        """Begins to append."""
        self.order({"url": url, **order})

    def append(self, url: str, **order) -> dict:
        """What became of these appends: how many have an outcome, the error at the end, the most that were taken ahead of the outcomes, and
        for how many the outcomes before them did not come.
        """
        self.begin(url, **order)
        return self.became()


def command(request, run) -> list:
    """The program for a client, built if it must be."""
    match request.param:
        case "rust":
            run("cargo", "build", "--locked", "--quiet", "--workspace", "--examples", cwd=ROOT, seconds=1800)
            return [ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "debug/examples/append_many"]
        case "python":
            return PYTHON
        case "asyncio":
            return [*PYTHON, "asyncio"]
    return ["node", request.getfixturevalue("built") / "dist/streams.js"]
