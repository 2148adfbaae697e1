"""What the TypeScript client says of trims: it trims, and its pages, counts, scans and tails tell what was trimmed."""

import json
import time

import pytest

from scripted import HEARTBEAT, Raw, Scripted, events
from test_typescript_client import evaluate as evaluate_code  # noqa: F401

TEN = "await client.append(Array.from({ length: 10 }, (_, number) => [key, Uint8Array.of(number)]));"


@pytest.fixture
def evaluate(evaluate_code):  # noqa: F811
    """As in the other tests, with `seen`, to which `heard` adds what it is told, and `each`, which adds the sequences of records."""

    def evaluate_one(url, code):
        return evaluate_code(url, f"""
            const seen = [];
            const heard = {{ onTrimmed: (trimmed) => {{ seen.push({{ key: text(trimmed.key), before: trimmed.before }}); }} }};
            const each = async (source, then = () => {{}}) => {{
                for await (const record of source) {{ seen.push(record.sequence); await then(); }}
            }};
            const warnings = [];
            console.warn = (told) => warnings.push(told);
            {code}
        """)

    return evaluate_one


def trimmed(before, key="orders"):
    return {"key": key, "before": before}


WARNING = 'records of "orders" before the sequence 6 were trimmed, and are not read'


def test_the_typescript_client_trims_by_a_sequence_or_a_time_and_is_told_the_floor(serve, tokens, evaluate):
    protected = serve(LOG_AUTH__TOKENS=tokens)
    floors, refused, left = evaluate(serve(), f"""
        {TEN}
        const floors = [await client.trimBefore(4), await client.trimBefore(2), await client.trimBeforeTime(0)];
        const reader = new log.LogClient({json.dumps(protected)}, {{ token: "reader-token-of-the-tests" }});
        const refused = [
            await failing(client.trimBefore(11)), await failing(client.trimBeforeTime(Date.now() + 3_600_000)),
            await failing(reader.trimBefore(0)), await failing(client.trimBefore(5, {{ signal: AbortSignal.abort() }}))];
        await new Promise((resolve) => setTimeout(resolve, 10));
        floors.push(await client.trimBeforeTime(Date.now()));
        const left = await client.count(key, heard);
        console.log(JSON.stringify([floors, refused.map((error) => [error.name, error.message]), [left, seen]]));
    """)
    assert floors == [4, 4, 4, 10] and left == [0, [trimmed(10)]]
    names, messages = zip(*refused)
    assert names == ("InvalidArgument", "InvalidArgument", "PermissionDenied", "AbortError")
    assert all("/api/v1/log/trim" in message and "(POST http" in message for message in messages[:3]), messages


@pytest.mark.parametrize("step", [(504, "deadline_exceeded", {}), (503, "unavailable", {"retry-after": "0"}), "lost answer"])
def test_the_typescript_client_repeats_a_trim_whose_outcome_is_unknown(serve, step, evaluate):
    url = serve()
    evaluate(url, f"{TEN} console.log(0);")
    with Scripted(url, [step]) as unsure:
        assert evaluate(unsure.url, "console.log(await client.trimBefore(5));") == 5
    assert [json.loads(body) for body in unsure.bodies] == [{"beforeSequence": 5}] * 2


def test_a_trim_of_the_typescript_client_that_may_have_been_applied_ends_in_an_unknown_outcome(serve, evaluate):
    strange = [Raw(b"{}"), Raw(b'{"status":"success","trimmedBefore":"5"}'), "page 502", Raw(b'{"status":"success"}'), "lost answer"]
    repeated = [step for step in strange for _ in range(3)]
    late = (504, "deadline_exceeded", {})
    with Scripted(serve(), [*repeated, late, (429, "overloaded", {"retry-after": "99"}), late]) as gateway:
        told = evaluate(gateway.url, f"""
            const patient = new log.LogClient({json.dumps(gateway.url)}, {{ retry: {{ pauseMs: 9000 }} }});
            const told = [];
            for (let each = 0; each < {len(strange) + 1}; each += 1) told.push(await failing(client.trimBefore(0)));
            told.push(await failing(patient.trimBefore(0, {{ signal: AbortSignal.timeout(500) }})));
            console.log(JSON.stringify(told.map((error) => [error.name, error.told])));
        """)
    assert [name for name, _ in told] == ["OutcomeUnknown"] * 7 and len(gateway.requests) == len(repeated) + 3
    assert told[5][1] == "an earlier attempt of the trim may have been applied; the last one: scripted"


def test_a_trim_of_the_typescript_client_that_was_not_applied_is_told_as_what_refused_it(serve, evaluate):
    refusals = [(429, "overloaded", {"retry-after": "99"}), "page 413", (403, "permission_denied", {})]
    with Scripted(serve(), refusals) as busy:
        told = evaluate(busy.url, """
            const told = [];
            for (let each = 0; each < 3; each += 1) told.push(await failing(client.trimBefore(0)));
            told.push(await failing(new log.LogClient("http://127.0.0.1:1", { retry: { attempts: 2, pauseMs: 10 } }).trimBefore(0)));
            console.log(JSON.stringify(told.map((error) => [error.name, error.isUnknownOutcome])));
        """)
    assert told == [[name, False] for name in ["Overloaded", "UnexpectedAnswer", "PermissionDenied", "Unavailable"]]


def test_what_no_log_server_tells_of_trims_is_an_error_in_the_typescript_client(serve, evaluate):
    reads = [
        Raw(b'{"status":"success","count":1,"trimmedBefore":"5"}'),
        Raw(b'{"status":"success","key":"","values":[],"nextSequence":0,"trimmedBefore":null}')]
    with Scripted(serve(), reads) as gateway:
        assert evaluate(gateway.url, """
            const told = [await failing(client.count(key)), await failing(client.followOnce(key, 0, 0))];
            console.log(JSON.stringify(told.map((error) => error.name)));
        """) == ["UnexpectedAnswer"] * 2


def test_pages_counts_and_scans_of_the_typescript_client_tell_what_was_trimmed(serve, evaluate):
    assert evaluate(serve(), f"""
        {TEN}
        const before = await client.followOnce(key);
        await client.trimBefore(6);
        const page = await client.followOnce(key, 0, 0, 3);
        const next = await client.followOnce(key, page.nextSequence);
        const shown = ({{ records, ...rest }}) => [records.map((record) => record.sequence), rest];
        await each(client.scan(key, heard, 2));
        await each(client.scan(key, {{ start: 8, ...heard }}));
        await each(client.scan(new TextEncoder().encode("other"), heard));
        seen.push("counts");
        seen.push(await client.count(key, heard));
        seen.push(await client.count(key, {{ start: 6, ...heard }}));
        const silent = warnings.length;
        await each(client.scan(key, {{ end: 8 }}));
        seen.push(await client.count(key));
        console.log(JSON.stringify([[before, page, next].map(shown), seen, silent, warnings]));
    """) == [
        [[[*range(10)], {"nextSequence": 10}], [[6, 7, 8], {"nextSequence": 9, "trimmedBefore": 6}], [[9], {"nextSequence": 10}]],
        [trimmed(6), 6, 7, 8, 9, 8, 9, trimmed(6, "other"), "counts", trimmed(6), 4, 4, 6, 7, 4],
        0, [WARNING] * 2]


def test_a_follow_of_the_typescript_client_keeps_what_an_earlier_answer_told(serve, evaluate):
    empty = Raw(b'{"status":"success","key":"b3JkZXJz","values":[],"nextSequence":5,"trimmedBefore":5}')
    url = serve()
    evaluate(url, f"{TEN} console.log(0);")
    with Scripted(url, [empty]) as hasty:
        assert evaluate(hasty.url, """
            const { records, nextSequence, trimmedBefore } = await client.followOnce(key);
            console.log(JSON.stringify([records.map((record) => record.sequence), nextSequence, trimmedBefore]));
        """) == [[5, 6, 7, 8, 9], 10, 5]
    assert len(hasty.requests) == 2


def test_a_scan_of_the_typescript_client_that_is_overtaken_tells_so_between_its_records(serve, evaluate):
    assert evaluate(serve(), f"""
        {TEN}
        let asked = 0;
        await each(client.scan(key, heard, 2), async () => {{ if (asked++ === 0) await client.trimBefore(7); }});
        console.log(JSON.stringify(seen));
    """) == [0, 1, trimmed(7), 7, 8, 9]


def test_a_tail_of_the_typescript_client_begins_with_a_notice_of_what_was_trimmed(serve, evaluate):
    assert evaluate(serve(), f"""
        {TEN}
        await client.trimBefore(6);
        await each(client.tail(key, {{ end: 10, ...heard }}));
        await each(client.tail(key, {{ start: 6, end: 8, ...heard }}));
        const silent = warnings.length;
        await each(client.tail(key, {{ end: 7 }}));
        console.log(JSON.stringify([seen, silent, warnings]));
    """) == [[trimmed(6), 6, 7, 8, 9, 6, 7, 6], 0, [WARNING]]


def test_a_tail_of_the_typescript_client_whose_whole_range_was_trimmed_tells_so_and_ends(serve, evaluate):
    url = serve()
    following = "await each(client.tail(key, { end: 5, ...heard })); console.log(JSON.stringify(seen));"
    assert evaluate(url, f"{TEN} await client.trimBefore(10); {following}") == [trimmed(10)]
    with Scripted(url, [HEARTBEAT]) as ending:
        assert evaluate(ending.url, following) == [trimmed(10)], "what its stream did not tell before it ended is not told"


def test_a_tail_of_the_typescript_client_that_was_overtaken_while_it_was_not_connected_tells_so_once(serve, evaluate):
    """The stream tells the floor again when it is asked for again before the next record."""
    url = serve()
    evaluate(url, f"{TEN} console.log(0);")
    notice = events(b'event: trimmed\ndata: {"trimmedBefore":8}\n\n')
    with Scripted(url, ["cut after 200", notice]) as unsure:
        seen = evaluate(unsure.url, f"""
            const direct = new log.LogClient({json.dumps(url)});
            let asked = 0;
            await each(client.tail(key, {{ end: 10, ...heard }}), async () => {{ if (asked++ === 0) await direct.trimBefore(8); }});
            console.log(JSON.stringify(seen));
        """)
    at = seen.index(trimmed(8))
    assert seen == [*range(at), trimmed(8), 8, 9] and 0 < at < 8, seen
    assert len([path for path, _ in unsure.requests if "/stream" in path]) == 3


def test_a_tail_of_the_typescript_client_that_is_overtaken_in_its_stream_tells_so(serve, evaluate):
    seen = evaluate(serve(), """
        for (let batch = 0; batch < 10; batch += 1) await client.append(Array(4).fill([key, new Uint8Array(1 << 20)]));
        let asked = 0;
        await each(client.tail(key, { end: 41, ...heard }), async () => {
            if (asked++ > 0) return;
            await client.trimBefore(40);
            await client.append([[key, key]]);
        });
        console.log(JSON.stringify(seen));
    """)
    at = len(seen) - 2
    assert seen == [*range(at), trimmed(40), 40] and 0 < at < 40, seen


def test_what_a_listener_of_the_typescript_client_throws_ends_what_it_listens_to(serve, evaluate):
    began = time.monotonic()
    assert evaluate(serve(), f"""
        {TEN}
        await client.trimBefore(6);
        const passing = (before) => new log.Unavailable(`records before ${{before}} are missing`, {{ retryAfterMs: 0 }});
        const thrown = {{ onTrimmed: ({{ before }}) => {{ throw passing(before); }} }};
        const rejected = {{ onTrimmed: async ({{ before }}) => {{ throw passing(before); }} }};
        const told = [];
        for (const refusing of [thrown, rejected]) {{
            told.push(await failing(first(client.tail(key, refusing))), await failing(first(client.scan(key, refusing))));
            told.push(await failing(client.count(key, refusing)));
        }}
        console.log(JSON.stringify(told.map((error) => error.message)));
    """) == ["records before 6 are missing"] * 6
    assert time.monotonic() - began < 30, "a tail that was ended is still open"


def test_a_notice_that_no_log_server_sends_is_an_error_of_its_own_in_the_typescript_client(serve, evaluate):
    for data in [b"{", b"{}", b"null", b'{"trimmedBefore":"6"}', b'{"trimmedBefore":true}']:
        strange = events(b"event: trimmed\ndata: " + data + b"\n\n")
        with Scripted(serve(), [*[strange] * 3, (400, "invalid_argument", {})]) as gateway:
            told = evaluate(gateway.url, "console.log(JSON.stringify((await failing(first(client.tail(key)))).name));")
        assert (told, len(gateway.requests)) == ("UnexpectedAnswer", 3), data
