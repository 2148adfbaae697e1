"""The little program that every client runs, `PROGRAM URL REFUSING_URL`, and what it must print."""

import json

from scripted import Raw, Scripted

KEY, OTHER = bytes.fromhex("00ff0a80"), b"other"


def error(status: int, code: str) -> Raw:
    """An answer of a server, with what it says beside the code."""
    details = {"conflict": {"conflict": {"key": "b3JkZXJz", "lastSequence": 7}}, "producer_out_of_order": {"expectedSequence": 7}}
    told = {"status": "error", "message": "scripted", "code": code} | details.get(code, {})
    return Raw(json.dumps(told).encode(), status)


# What is answered at the second URL: to reads, and at last to two appends.
REFUSED = [
    (400, "invalid_argument"), (400, "spans_partitions"), (401, "unauthenticated"), (403, "permission_denied"), (404, "not_found"),
    (405, "method_not_allowed"),
    (413, "too_large"), (415, "unsupported_media_type"), (429, "overloaded"), (503, "unavailable"), (503, "fenced"),
    (504, "deadline_exceeded"), (500, "internal"), (409, "conflict"), (409, "producer_out_of_order"), (409, "producer_sequence_too_old"),
    (409, "producer_sequence_reused"), (409, "producer_fenced"), (409, "producer_unknown"),
    (409, "partly_applied")]
SCRIPT = [*(error(status, code) for status, code in REFUSED), (504, "deadline_exceeded", {}), "lost answer"]


def expected(tag: str) -> list[dict]:
    """What it prints if its keys begin with `tag`."""
    key, other = ((tag.encode() + name).hex() for name in (KEY, OTHER))
    return [
        {"appended": [0, 5]},
        {"scanned": [[0, "0000"], [1, "0001"], [2, "0002"], [3, "0003"], [4, "0004"], [6, "ff206c617374"]]},
        {"part": [1, 2, 3]},
        {"last": [[4, 6], 7]},
        {"count": 6},
        {"keys": [key, other]},
        {"prefix": [other]},
        {"segments": [0]},
        {"followed in vain": [[], 7]},
        {"followed": [["6c617465"], 8]},
        {"tailed": [0, 1, 2, 3, 4, 6, 7]},
        {"consumed": [[[sequence, other if sequence == 5 else key] for sequence in range(8)], 8]},
        {"typed": [True, True]},
        {"status": 400},
        {"not sent again": True},
        {"errors": [[code.title().replace("_", ""), status] for status, code in REFUSED]},
        {"appends": [["OutcomeUnknown", 504], ["OutcomeUnknown", None]]},
    ]


def check(run, command: list, url: str, without=(), tag: str = "", partition: int | None = None):
    """Runs it against a live server; a client without a layer by hand says nothing of what only that does.

    In a cluster, its keys and its cursor begin with a tag of that partition.
    """
    env = {} if partition is None else {"TAG": tag, "PARTITION": str(partition)}
    with Scripted(url, SCRIPT) as refusing:
        said = run(*command, url, refusing.url, env=env)
    lines = [line for line in expected(tag) if not line.keys() & set(without)]
    assert [json.loads(line) for line in said.splitlines()] == lines, said
    assert len(refusing.requests) == len(SCRIPT), "each request is sent once"
