"""The table of values in the chart's README, from the comments in values.yaml that begin with `--`."""

import json
import re
from pathlib import Path

KEY = re.compile(r"^( *)([A-Za-z]\w*):(.*)$")


def rows(path: Path, values: dict) -> list[tuple[str, str, str]]:
    """Each documented value: its name, its default and what it is."""
    found, parents, comment = [], [], None
    for line in path.read_text().splitlines():
        text = line.strip()
        if text.startswith("# -- "):
            comment = text.removeprefix("# -- ")
        elif text.startswith("#") and comment is not None:
            comment += " " + text.removeprefix("#").strip()
        elif key := KEY.match(line):
            depth = len(key[1]) // 2
            parents = [*parents[:depth], key[2]]
            if comment is not None:
                found.append((".".join(parents), shown(at(values, parents)), comment))
            comment = None
        else:
            comment = None
    return found


def at(values: dict, path: list[str]):
    for name in path:
        values = values[name]
    return values


def shown(value) -> str:
    """As one would write it in a file, on one line."""
    return "" if value in ("", None) else f"`{value if isinstance(value, str) else json.dumps(value)}`"


def table(path: Path, values: dict) -> str:
    lines = ["| value | default | what it is |", "|---|---|---|"]
    lines += [f"| `{name}` | {default} | {what} |" for name, default, what in rows(path, values)]
    return "\n".join(lines) + "\n"
