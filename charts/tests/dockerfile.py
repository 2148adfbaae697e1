"""What the Dockerfile makes of the image, as far as it can be read from it."""

import fnmatch
import json
import re

import chart

PATH = chart.ROOT / "Dockerfile"


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage, and first those before any: `("USER", "65532:65532")`."""
    text = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", PATH.read_text(), flags=re.MULTILINE))
    found = [[]]
    for line in filter(str.strip, text.splitlines()):
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            found.append([])
        found[-1].append((name, rest.strip()))
    return found


def of_the_image(instruction: str) -> list[str]:
    """What the last stage says with this instruction."""
    return [rest for name, rest in stages()[-1] if name == instruction]


def environment() -> dict[str, str]:
    """The variables that a container begins with."""
    return dict(each.split("=", 1) for line in of_the_image("ENV") for each in line.split())


def command(instruction: str) -> list[str]:
    """ENTRYPOINT or CMD."""
    given, = of_the_image(instruction)
    return json.loads(given)


def in_context(path: str) -> bool:
    """Whether .dockerignore lets this file through; its patterns are names in the root, and the last that matches counts."""
    let_through = True
    for line in (chart.ROOT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#") and fnmatch.fnmatch(path.split("/")[0], line.lstrip("!")):
            let_through = line.startswith("!")
    return let_through
