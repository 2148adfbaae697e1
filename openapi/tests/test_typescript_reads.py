"""What the TypeScript client reads: the last records of a key, and pages that ended because they took too long."""

import json

from scripted import Raw, Scripted
from test_typescript_client import evaluate  # noqa: F401


def test_the_last_records_of_the_typescript_client_come_in_order_and_say_where_a_tail_continues(serve, evaluate):  # noqa: F811
    assert evaluate(serve(), """
        const seen = [];
        const see = ({ records, ...rest }) => seen.push([records.map((record) => record.sequence), rest]);
        see(await client.last(key, 3));
        await client.append(Array.from({ length: 10 }, (_, number) => [key, Uint8Array.of(number)]));
        await client.append([[new TextEncoder().encode("others"), key]]);
        see(await client.last(key, 3));
        see(await client.last(key, 3, { startTimeMs: 99999999999999, visibility: "memory" }));
        await client.trimBefore(8);
        see(await client.last(key, 2));
        see(await client.last(key, 3));
        console.log(JSON.stringify(seen));
    """) == [
        [[], {"nextSequence": 0}], [[7, 8, 9], {"nextSequence": 11}], [[], {"nextSequence": 11}],
        [[8, 9], {"nextSequence": 11}], [[8, 9], {"nextSequence": 11, "trimmedBefore": 8}]]


def test_a_wrong_number_of_last_records_is_told_by_the_typescript_client_before_anything_is_sent(evaluate):  # noqa: F811
    told = evaluate("http://127.0.0.1:1", """
        const told = [];
        for (const count of [0, -1, 1.5, "2"]) told.push(await failing(client.last(key, count)));
        told.push(await failing(client.last(key, 1, { start: 3 })));
        console.log(JSON.stringify(told.map((error) => [error.name, error.message])));
    """)
    assert [name for name, _ in told] == ["RangeError", "RangeError", "RangeError", "TypeError", "TypeError"], told
    assert all(message.startswith("count must be") for _, message in told[:4]), told


LATE = Raw(b'{"status":"success","key":"b3JkZXJz","values":[],"nextSequence":4,"more":true}')
LATE_KEYS = Raw(b'{"status":"success","keys":[],"nextStartAfter":"b3JkZXJz"}')


def test_a_page_that_is_empty_because_it_took_too_long_is_not_the_end_for_the_typescript_client(serve, evaluate):  # noqa: F811
    url = serve()
    evaluate(url, """
        await client.append(Array.from({ length: 6 }, (_, number) => [key, Uint8Array.of(number)]));
        await client.append([[new TextEncoder().encode("others"), key]]);
        console.log(0);
    """)
    with Scripted(url, [LATE, LATE, None, None, LATE_KEYS, None, LATE, None, LATE]) as slow:
        assert evaluate(slow.url, f"""
            const seen = [];
            for await (const record of client.scan(key)) seen.push(record.sequence);
            const keys = [];
            for await (const found of client.keys()) keys.push(text(found));
            const next = await client.followOnce(key, 0, 0);
            const {{ records, ...rest }} = await client.last(key, 9);
            console.log(JSON.stringify([seen, keys, next.records.length, next.more ?? null, records, rest]));
        """) == [[4, 5], ["others"], 2, None, [], {"nextSequence": 4, "more": True}]
