"""What the little program of every client must print."""

import json

KEY = "00ff0a80"
EXPECTED = [
    {"appended": [0, 5]},
    {"scanned": [[0, "0000"], [1, "0001"], [2, "0002"], [3, "0003"], [4, "0004"], [6, "ff206c617374"]]},
    {"part": [1, 2, 3]},
    {"count": 6},
    {"keys": [KEY, "6f74686572"]},
    {"prefix": ["6f74686572"]},
    {"segments": [0]},
    {"followed in vain": [[], 7]},
    {"followed": [["6c617465"], 8]},
    {"tailed": [0, 1, 2, 3, 4, 6, 7]},
    {"typed": [True, True]},
    {"codes": ["invalid_argument", "too_large"]},
    {"status": 400},
    {"not sent again": True},
]


def check(said: str, without=()):
    """`said`, line by line, against what is expected; a client without a layer by hand says nothing of what that does."""
    expected = [line for line in EXPECTED if not line.keys() & set(without)]
    assert [json.loads(line) for line in said.splitlines()] == expected, said
