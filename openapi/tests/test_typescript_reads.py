"""What the TypeScript client reads beside whole keys: the last records of one."""

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
