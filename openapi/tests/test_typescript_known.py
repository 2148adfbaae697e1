"""What the TypeScript client passes on of what it appended and read, so that read-only servers show it, and what they refuse."""

import json

from scripted import Scripted
from test_python_known import BEHIND, NOT_WRITER, page, passed
from test_typescript_client import evaluate  # noqa: F401

READ_ALL = """
    const all = async (source) => { const seen = []; for await (const each of source) seen.push(each); return seen; };
    const readAll = async (client) => {
        await all(client.scan(key));
        await all(client.scan({ keys: [key] }));
        await client.last(key, 1);
        await client.followOnce({ prefix: new Uint8Array() }, 0, 1000);
        await client.count(key);
        await all(client.keys());
        await first(client.tail(key));
    };
"""


def test_the_typescript_client_requires_what_it_appended_once_that_is_durable(serve, evaluate):  # noqa: F811
    with Scripted(serve(), []) as server:
        known, count = evaluate(server.url, f"""
            {READ_ALL}
            await client.append([[key, key], [key, key]], true);
            const known = [client.atLeast];
            await readAll(client);
            const count = [await client.count(key, {{ atLeast: 1 }}), await client.count(key, {{ atLeast: 0 }})];
            const forgetful = new log.LogClient({json.dumps(server.url)}, {{ readYourWrites: false }});
            await forgetful.append([[key, key]], true);
            await readAll(forgetful);
            client.remember(forgetful.atLeast);
            client.remember(1);
            known.push(forgetful.atLeast, client.atLeast);
            console.log(JSON.stringify([known, count]));
        """)
    assert known == [2, 3, 3] and count == [2, 2]
    read = passed(server)
    at = read.index("1")
    assert read[0] is None and set(read[1:at]) == {"2"} and set(read[at + 1:]) == {None}
    assert at >= 10 and len(read) > at + 10


def test_a_page_is_remembered_by_typescript_as_far_as_it_is_durable(serve, evaluate):  # noqa: F811
    told = [(5, None, 0), (5, 3, 3), (6, 9, 6), (4, 9, 6)]
    with Scripted(serve(), [page(following, durable) for following, durable, _ in told]) as server:
        assert evaluate(server.url, """
            const known = [];
            for (let each = 0; each < 4; each += 1) {
                await client.followOnce(key, 0, 0, 1000, { visibility: "durable" });
                known.push(client.atLeast);
            }
            console.log(JSON.stringify(known));
        """) == [known for _, _, known in told]


def test_what_a_crash_undid_is_not_waited_for_by_typescript(seldom_durable, evaluate):  # noqa: F811
    seen, known = evaluate(seldom_durable.url, f"""
        {READ_ALL}
        await client.append([[key, key]], true);
        await client.append([[key, key]]);
        const seen = (await all(client.tail(key, {{ end: 2 }}))).length;
        console.log(JSON.stringify([seen, client.atLeast]));
    """)
    assert (seen, known) == (2, 1)
    seldom_durable.kill()
    assert evaluate(seldom_durable.url, f"""
        client.remember({known});
        console.log(JSON.stringify([await client.count(key), await first(client.tail(key, {{ visibility: "durable" }})), client.atLeast]));
    """)[::2] == [1, 1]


def test_a_typescript_client_reads_what_it_wrote_from_a_replica(replicated, evaluate):  # noqa: F811
    writer, replica = replicated
    with Scripted(writer, [], reads=replica) as balancer:
        assert evaluate(balancer.url, f"""
            {READ_ALL}
            const seen = [];
            const append = () => client.append([[key, key]], true);
            await append();
            seen.push(await client.count(key));
            await append();
            seen.push((await all(client.scan({{ prefix: key }}))).length);
            await append();
            seen.push((await client.last(key, 3)).records.length);
            console.log(JSON.stringify(seen));
        """) == [1, 2, 3]


def test_a_typescript_read_that_is_behind_is_sent_again_and_then_says_what_may_be_wrong(serve, evaluate):  # noqa: F811
    url = serve()
    with Scripted(url, [None, BEHIND, BEHIND, None, BEHIND, BEHIND, None, BEHIND, BEHIND, BEHIND]) as server:
        count, first, failed = evaluate(server.url, """
            await client.append([[key, key]]);
            const told = [await client.count(key, { atLeast: 1 }), (await first(client.tail(key, { atLeast: 1 }))).sequence];
            const error = await failing(client.count(key, { atLeast: 1 }));
            console.log(JSON.stringify([...told, [error.name, error.message, error.retryAfterMs]]));
        """)
    assert (count, first) == (1, 0) and len(server.requests) == 10
    assert failed[0] == "Behind" and "restored from a backup" in failed[1] and failed[2] == 0


def test_wrong_sequences_are_told_by_typescript_before_anything_is_sent(evaluate):  # noqa: F811
    assert evaluate("http://127.0.0.1:1", f"""
        {READ_ALL}
        const told = [];
        for (const wrong of ["2", -1, true]) {{
            for (const read of [async () => all(client.scan(key, {{ atLeast: wrong }})), () => client.count(key, {{ atLeast: wrong }})]) {{
                told.push((await failing(read())).message.startsWith("atLeast must be"));
            }}
        }}
        try {{ new log.LogClient("http://a", {{ readYourWrites: 1 }}); }} catch (error) {{ told.push(error instanceof TypeError); }}
        console.log(JSON.stringify(told));
    """) == [True] * 7


def test_a_server_that_only_reads_is_asked_once_by_typescript_to_change_something(serve, evaluate):  # noqa: F811
    """`fetch` of Node.js sends a request again after 421 if it can have its body again."""
    with Scripted(serve(), [NOT_WRITER] * 8) as server:
        refused = evaluate(server.url, """
            const changes = [
                () => client.append([[key, key]]), () => plain.append([[key, key]]), () => client.trimBefore(1), () => client.trimBeforeTime(1),
                () => client.deleteKey(key), () => client.deleteKey(key, { beforeSeq: 1 }),
                () => client.moveCursor("cursor", 1, { expected: 0 }), () => client.deleteCursor("cursor"),
            ];
            const told = [];
            for (const change of changes) {
                const { name, status, isUnknownOutcome } = await failing(change());
                told.push([name, status, isUnknownOutcome]);
            }
            console.log(JSON.stringify(told));
        """)
    assert refused == [["NotWriter", 421, False]] * 8
    assert len(server.requests) == 8, "each is sent once"
