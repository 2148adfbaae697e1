"""What the TypeScript client does of deletions: it deletes keys, and its readers are told."""

import json

import pytest

from scripted import Raw, Scripted
from test_typescript_client import evaluate  # noqa: F401

KEYS = "const other = new TextEncoder().encode('other'), odd = Uint8Array.of(0, 255, 47);"


def test_the_typescript_client_deletes_a_key_and_its_readers_are_told(serve, tokens, evaluate):  # noqa: F811
    protected = serve(LOG_AUTH__TOKENS=tokens)
    floors, reads, refused = evaluate(serve(), f"""
        {KEYS}
        const notices = [];
        const heard = {{ onTrimmed: ({{ before }}) => {{ notices.push(before); }} }};
        const of = async (source) => {{ const seen = []; for await (const {{ sequence }} of source) seen.push(sequence); return seen; }};
        const told = async (reading) => [await reading, notices.splice(0)];
        await client.append(Array.from({{ length: 10 }}, (_, number) => [number % 2 ? odd : other, key]));
        const floors = [await client.deleteKey(odd, {{ beforeSeq: 4 }}), await client.deleteKey(odd, {{ beforeSeq: 2 }})];
        const reads = [await told(of(client.scan(odd, heard)))];
        floors.push(await client.deleteKey(odd));
        reads.push(await told(of(client.tail(odd, {{ end: 10, ...heard }}))), await told(client.count(odd, heard)));
        reads.push(await told(of(client.scan(other, heard))));
        const keys = [];
        for await (const found of client.keys()) keys.push(text(found));
        const conflict = await failing(client.append([[odd, key]], false, {{ ifNoRecordSince: [[odd, 3]] }}));
        await client.append([[odd, key]]);
        reads.push(keys, conflict.trimmedBefore, (await client.followOnce(odd)).trimmedBefore, await of(client.scan(odd, {{ start: 10 }})));
        const reader = new log.LogClient({json.dumps(protected)}, {{ token: "reader-token-of-the-tests" }});
        const refused = [await failing(client.deleteKey(odd, {{ beforeSeq: 12 }})), await failing(reader.deleteKey(odd))];
        console.log(JSON.stringify([floors, reads, refused.map((error) => [error.name, error.request])]));
    """)
    assert floors == [4, 4, 10]
    assert reads == [[[5, 7, 9], [4]], [[], [10]], [0, [10]], [[0, 2, 4, 6, 8], []], ["other"], 10, 10, [10]]
    assert [name for name, _ in refused] == ["InvalidArgument", "PermissionDenied"]
    assert refused[1][1] == f"DELETE {protected}/api/v1/log/key"


UNSURE = [(504, "deadline_exceeded", {}), "lost answer", "page 502", Raw(b"{}"), Raw(b'{"status":"success","trimmedBefore":"5"}')]


@pytest.mark.parametrize("step", UNSURE, ids=["deadline", "lost-answer", "page", "nothing", "no-number"])
def test_the_typescript_client_repeats_a_deletion_of_unknown_outcome_only_below_a_sequence(serve, step, evaluate):  # noqa: F811
    """One of all records would also delete what was appended after it was applied."""
    url = serve()
    with Scripted(url, [None, step, None, step]) as unsure:
        assert evaluate(unsure.url, """
            await client.append([[key, key]]);
            const told = [(await failing(client.deleteKey(key))).name, await client.deleteKey(key)];
            told.push(await client.deleteKey(key, { beforeSeq: 1 }));
            console.log(JSON.stringify(told));
        """) == ["OutcomeUnknown", 1, 1]
    paths = [path for path, _ in unsure.requests[1:]]
    assert len(paths) == 4 and "before_seq" not in paths[1] and paths[2] == paths[3] and "before_seq=1" in paths[3], paths


def test_the_typescript_client_repeats_a_deletion_that_was_not_applied(serve, evaluate):  # noqa: F811
    refusals = [(429, "overloaded", {"retry-after": "0"}), (503, "unavailable", {"retry-after": "0"})]
    with Scripted(serve(), [None, *refusals]) as busy:
        assert evaluate(busy.url, """
            await client.append([[key, key]]);
            const floor = await client.deleteKey(key);
            const nowhere = new log.LogClient("http://127.0.0.1:1", { retry: { attempts: 2, pauseMs: 10 } });
            const stopped = await failing(client.deleteKey(key, { signal: AbortSignal.abort() }));
            console.log(JSON.stringify([floor, (await failing(nowhere.deleteKey(key))).name, stopped.name]));
        """) == [1, "Unavailable", "AbortError"]
    assert len(busy.requests) == 4
