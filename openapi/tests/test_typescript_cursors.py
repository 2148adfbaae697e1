"""What the TypeScript client does of cursors: it moves them alone or with records, and consumers go on where they are."""

import json

from scripted import Scripted
from test_typescript_client import evaluate  # noqa: F401

NAME = "projection/of orders"
NAMES = f"const name = {json.dumps(NAME)}, results = new TextEncoder().encode('results');"
COLLECT = "const all = async (source) => { const seen = []; for await (const each of source) seen.push(each); return seen; };"


def test_the_typescript_client_moves_lists_and_deletes_cursors(serve, tokens, evaluate):  # noqa: F811
    protected = serve(LOG_AUTH__TOKENS=tokens)
    made, refused, listed, deleted, denied = evaluate(serve(), f"""
        {NAMES} {COLLECT}
        await client.append(Array.from({{ length: 5 }}, () => [key, key]));
        const made = [(await client.cursor(name)) === undefined, await client.moveCursor(name, 2, {{ expected: 0 }}), await client.cursor(name)];
        const conflict = await failing(client.moveCursor(name, 3, {{ expected: 1 }}));
        const refused = [conflict.name, conflict.cursor, conflict.position, (await failing(client.moveCursor(name, 6))).name];
        for (const each of [0, 1, 2]) await client.moveCursor(`other-${{each}}`, each);
        const listed = [(await all(client.cursors())).map(({{ name }}) => name), (await all(client.cursors("other-"))).map(({{ position }}) => position)];
        const deleted = [await client.deleteCursor(name), await client.deleteCursor(name), (await client.cursor(name)) === undefined];
        const reader = new log.LogClient({json.dumps(protected)}, {{ token: "reader-token-of-the-tests" }});
        const denied = [await failing(reader.moveCursor(name, 0)), await failing(reader.deleteCursor(name))];
        console.log(JSON.stringify([made, refused, listed, deleted, denied.map((error) => error.name)]));
    """)
    assert made[0] is True and made[1] == made[2] and (made[1]["name"], made[1]["position"], made[1]["lag"]) == (NAME, 2, 3)
    assert refused == ["Conflict", NAME, 2, "InvalidArgument"]
    assert listed == [["other-0", "other-1", "other-2", NAME], [0, 1, 2]]
    assert deleted == [True, False, True]
    assert denied == ["PermissionDenied", "PermissionDenied"]


def test_the_typescript_client_finds_out_that_a_move_was_made_whose_answer_was_lost(serve, evaluate):  # noqa: F811
    with Scripted(serve(), [None, "lost answer", None, None, "lost answer"]) as unsure:
        assert evaluate(unsure.url, f"""
            {NAMES}
            await client.append([[key, key], [key, key]]);
            const told = [(await client.moveCursor(name, 1, {{ expected: 0 }})).position];
            told.push((await client.append([[results, key]], false, {{ cursors: [{{ name, position: 2, expected: 1 }}] }})).start);
            const stale = await failing(client.append([[results, key]], false, {{ cursors: [{{ name, position: 3, expected: 1 }}] }}));
            told.push((await client.cursor(name)).position, await client.count(results), stale.cursor, stale.position);
            console.log(JSON.stringify(told));
        """) == [1, 2, 2, 1, NAME, 2]
    paths = [path for path, _ in unsure.requests[1:4]]
    assert paths == ["/api/v1/log/cursors/projection%2Fof%20orders"] * 3


def test_consumers_of_typescript_go_on_where_the_cursor_is(serve, evaluate):  # noqa: F811
    assert evaluate(serve(), f"""
        {NAMES} {COLLECT}
        const resultsOf = (batch) => batch.map(({{ value }}) => [results, value]);
        await client.append(Array.from({{ length: 6 }}, (_, number) => [key, Uint8Array.of(number)]));
        const consumer = await client.consume(key, name, 2);
        const batches = consumer[Symbol.asyncIterator]();
        await consumer.append(resultsOf((await batches.next()).value));
        const late = (await batches.next()).value;
        const second = await client.consume(key, name, 2);
        for await (const batch of second) {{
            await second.append(resultsOf(batch));
            if (batch.at(-1).value[0] === 5) break;
        }}
        const told = [(await failing(consumer.append(resultsOf(late)))).name, (await failing(consumer.commit())).name];
        told.push((await all(client.scan(results))).map(({{ value }}) => value[0]));
        const third = await client.consume(key, name);
        await client.append([[key, Uint8Array.of(6)]]);
        for await (const batch of third) {{
            told.push(batch.map(({{ value }}) => value[0]));
            await third.commit();
            break;
        }}
        told.push(third.committed, (await client.cursor(name)).position);
        console.log(JSON.stringify(told));
    """) == ["Conflict", "Conflict", [0, 1, 2, 3, 4, 5], [6], 13, 13]


def test_a_typescript_consumer_of_a_prefix_that_commits_itself_goes_on_through_restarts_of_both(restarted, later, evaluate):  # noqa: F811
    """Each record is processed, in order; after a restart of the consumer, the batch again in which it ended."""
    part = """
        const bytes = (text) => new TextEncoder().encode(text);
        const patient = new log.LogClient(%s, { retry: { attempts: 1000, pauseMs: 20, longestPauseMs: 1000 } });
        const append = async (first) => {
            for (let number = first; number < first + 10; number += 1) {
                await patient.append([[bytes(`orders/${number %% 3}`), bytes(String(number))], [bytes("payments"), bytes("")]], true);
            }
        };
        const seen = [];
        const consume = async (last) => {
            const consumer = await patient.consume({ prefix: bytes("orders/") }, "projection", 4, { autoCommit: true, visibility: "durable" });
            for await (const batch of consumer) {
                seen.push(...batch.map((record) => `${text(record.key)} ${text(record.value)}`));
                if (seen.at(-1).endsWith(` ${last}`)) break;
            }
        };
    """ % json.dumps(restarted.url)
    seen = evaluate(restarted.url, part + "await append(0); await consume(7); console.log(JSON.stringify(seen));")
    restarted.kill()
    later(0.5, restarted.kill)
    again = evaluate(restarted.url, part + """
        const appending = new Promise((resolve) => setTimeout(resolve, 300)).then(() => append(10));
        await Promise.all([appending, consume(19)]);
        console.log(JSON.stringify(seen));
    """)
    assert seen == [f"orders/{number % 3} {number}" for number in range(8)]
    assert again == [f"orders/{number % 3} {number}" for number in range(4, 20)], "the second batch was not committed"


def test_a_wrong_consumer_is_told_by_typescript_before_anything_is_sent(evaluate):  # noqa: F811
    assert evaluate("http://127.0.0.1:1", """
        const wrong = [["orders", 1, {}], [{ keys: [] }, 1, {}], [key, 0, {}], [key, 1, { autoCommit: 1 }], [key, 1, { auto: true }]];
        const told = await Promise.all(wrong.map((each) => failing(client.consume(each[0], "projection", each[1], each[2]))));
        console.log(JSON.stringify(told.map((error) => error.name)));
    """) == ["TypeError", "RangeError", "RangeError", "TypeError", "TypeError"]
