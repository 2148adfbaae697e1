"""The TypeScript client: compiled as strictly as it goes, run against a live server, and through one that misbehaves."""

import base64
import json
import re
import socket
import time
from email.utils import formatdate
from urllib.parse import parse_qs, urlsplit

import pytest
from processes import request

import program
from conftest import OPENAPI, ROOT
from scripted import HEARTBEAT, Raw, Scripted, events

CLIENT = OPENAPI / "clients/typescript"


@pytest.fixture
def evaluate(run, built):
    """Runs a piece of code that has `client`, a client of `url`; answers what it printed, read as JSON."""

    def evaluate_one(url, code):
        text = f"""
            import * as log from {json.dumps(str(built / "dist/index.js"))};
            const client = new log.LogClient({json.dumps(url)}, {{ retry: {{ attempts: 3, pauseMs: 50 }} }});
            const plain = new log.LogClient({json.dumps(url)}, {{ retry: {{ attempts: 3, pauseMs: 50 }}, producer: false }});
            const key = new TextEncoder().encode("orders");
            const text = (bytes) => new TextDecoder().decode(bytes);
            // A tail that is left open would keep the process alive.
            const first = async (source) => {{ for await (const each of source) return each; }};
            const failing = (doing) => doing.then(() => "done", (error) => error);
            {code}
        """
        return json.loads(run("node", "--input-type=module", "--eval", text, seconds=60))

    return evaluate_one


def test_the_package_depends_on_what_the_tests_install():
    package, tests = (json.loads((folder / "package.json").read_text()) for folder in (CLIENT, OPENAPI))
    for name, version in (package["dependencies"] | package["devDependencies"]).items():
        assert tests["devDependencies"][name] == version, name


def test_the_typescript_client_runs_the_program(serve, run, built):
    program.check(run, ["node", built / "dist/program.js"], serve())


def test_every_code_arrives_as_an_error_of_its_own_that_names_the_url(serve, evaluate):
    codes = ["invalid_argument", "spans_partitions", "unauthenticated", "permission_denied", "not_found", "method_not_allowed",
             "too_large", "unsupported_media_type", "overloaded", "unavailable", "fenced", "internal", "conflict", "partly_applied", "producer_sequence_too_old",
             "producer_sequence_reused", "producer_fenced", "producer_unknown"]
    with Scripted(serve(), [(400, code, {"x-request-id": "r-1"}) for code in codes]) as busy:
        seen = evaluate(busy.url, f"""
            const seen = [];
            for (let each = 0; each < {len(codes)}; each += 1) {{
                const error = await failing(client.count(key));
                seen.push([error.name, error.code, error.status, error.requestId, error.message]);
            }}
            console.log(JSON.stringify(seen));
        """)
    told = f"scripted (GET {busy.url}/api/v1/log/count)"
    assert seen == [[code.title().replace("_", ""), code, 400, "r-1", told] for code in codes]


def test_what_was_not_applied_is_sent_again_after_retry_after(serve, evaluate):
    script = [(429, "overloaded", {"retry-after": "1"}), (503, "unavailable", {"retry-after": "0"})]
    with Scripted(serve(), script) as busy:
        waited, count = evaluate(busy.url, """
            const began = Date.now();
            await client.append([[key, key]]);
            console.log(JSON.stringify([Date.now() - began, await client.count(key)]));
        """)
    assert waited >= 1000 and count == 1 and len(busy.requests) == 4


@pytest.mark.parametrize("step", [(504, "deadline_exceeded", {}), "lost answer"], ids=["deadline", "lost-answer"])
def test_an_append_of_unknown_outcome_is_never_repeated_without_a_producer(serve, evaluate, step):
    with Scripted(serve(), [step]) as unsure:
        seen = evaluate(unsure.url, """
            const error = await failing(plain.append([[key, key]]));
            console.log(JSON.stringify([error.name, await client.count(key)]));
        """)
    assert seen == ["OutcomeUnknown", 1 if step == "lost answer" else 0]
    assert len([path for path, _ in unsure.requests if "/append" in path]) == 1


@pytest.mark.parametrize("status", [200, 404, 502, 503])
def test_a_page_of_something_in_between_is_no_answer_of_the_server(serve, evaluate, status):
    with Scripted(serve(), [f"page {status}"] * 2) as gateway:
        seen = evaluate(gateway.url, """
            const errors = [await failing(client.count(key)), await failing(plain.append([[key, key]]))];
            console.log(JSON.stringify(errors.map((error) => error.name)));
        """)
    assert seen == ["UnexpectedAnswer", "OutcomeUnknown"] and len(gateway.requests) == 2


@pytest.mark.parametrize("status", [200, 502, 503])
def test_json_of_something_in_between_is_no_answer_of_the_server(serve, evaluate, status):
    bodies = [
        b"{}", b'{"status":"ok"}', b'{"status":"success"}', b"null", b"[]", b'"ok"',
        b'{"status":"error","code":"BAD_GATEWAY","message":"x"}', b'{"status":"error","code":"constructor","message":"x"}',
        b'{"status":"down","code":"unavailable","message":"x"}',
        b'{"status":"success","startSequence":"0","recordsAppended":1}']
    with Scripted(serve(), [Raw(body, status) for body in bodies for _ in range(5)]) as gateway:
        seen = evaluate(gateway.url, f"""
            const seen = [];
            for (let each = 0; each < {len(bodies)}; each += 1) {{
                const errors = [
                    await failing(plain.append([[key, key]])), await failing(client.count(key)), await failing(client.segments()),
                    await failing(first(client.scan(key))), await failing(first(client.keys()))];
                seen.push(errors.map((error) => error.name));
            }}
            console.log(JSON.stringify(seen));
        """)
    assert seen == [["OutcomeUnknown", *["UnexpectedAnswer"] * 4]] * len(bodies)
    assert len(gateway.requests) == 5 * len(bodies)


def test_retry_after_may_be_a_date(serve, evaluate):
    with Scripted(serve(), [(429, "overloaded", {"retry-after": formatdate(time.time() + 4, usegmt=True)})]) as busy:
        assert evaluate(busy.url, "console.log(await client.count(key));") == 0
    assert busy.times[1] - busy.times[0] > 0.5


def test_an_append_that_was_not_sent_is_sent_again(serve, evaluate, later):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    later(1.5, lambda: serve(port))
    url = f"http://127.0.0.1:{port}"
    assert evaluate(url, f"""
        const retry = {{ attempts: 100, pauseMs: 200, longestPauseMs: 2000 }};
        const patient = new log.LogClient({json.dumps(url)}, {{ retry }});
        const refused = await failing(new log.LogClient({json.dumps(url)}, {{ retry: {{ attempts: 1 }} }}).append([[key, key]]));
        await patient.append([[key, key]]);
        console.log(JSON.stringify([refused.name, refused.message, await patient.count(key)]));
    """) == ["Unavailable", "the server cannot be reached: fetch failed: connect ECONNREFUSED "
             f"127.0.0.1:{port} (POST {url}/api/v1/log/append)", 1]


def test_only_what_is_asked_for_is_read(serve, evaluate):
    assert evaluate(serve(), """
        await client.append([[key, key]], true);
        await new Promise((resolve) => setTimeout(resolve, 50));
        await client.append([[key, key]], true);
        const all = async (source) => { const found = []; for await (const each of source) found.push(each); return found; };
        const [, second] = await all(client.scan(key));
        const late = { startTimeMs: second.timestampMs, visibility: "durable" };
        const seen = [
            await all(client.scan(key, late)), await all(client.tail(key, { end: 2, ...late })),
            await all(client.tail(key, { end: 2, startTimeMs: second.timestampMs + 60_000 })),
            (await client.followOnce(key, 0, 30_000, 1000, { visibility: "durable" })).records];
        console.log(JSON.stringify(seen.map((records) => records.map((record) => record.sequence))));
    """) == [[1], [1], [], [0, 1]]


def test_headers_are_sent_and_come_back_with_their_records(serve, evaluate):
    headers = [["trace", "00ff"], ["größe", ""], ["trace", "616761696e"]]
    seen, refused = evaluate(serve(), f"""
        const hex = (bytes) => Buffer.from(bytes).toString("hex");
        const headers = {json.dumps(headers)}.map(([name, value]) => ({{ name, value: Uint8Array.from(Buffer.from(value, "hex")) }}));
        await client.append([{{ key, value: key, headers }}, [key, key], [key, key, []]]);
        await client.append([[key, key, new Set(headers)]]);
        const all = async (source) => {{ const found = []; for await (const each of source) found.push(each); return found; }};
        const read = [await all(client.scan(key, {{}}, 1)), await all(client.tail(key, {{ end: 4 }})), (await client.followOnce(key)).records];
        const shown = (record) => record.headers.map(({{ name, value }}) => [name, hex(value)]);
        const refused = await failing(client.append([[key, key, Array(65).fill({{ name: "a", value: key }})]]));
        console.log(JSON.stringify([read.map((records) => records.map(shown)), `${{refused.name}}: ${{refused.message}}`]));
    """)
    assert seen == [[headers, [], [], headers]] * 3
    assert refused.startswith("TooLarge: record[0]: header[64]: number of headers is 65, over the limit of 64"), refused


def test_whoever_waits_can_be_told_to_stop(serve, evaluate):
    with Scripted(serve(), [(503, "unavailable", {"retry-after": "9"})]) as busy:
        seen, waited = evaluate(busy.url, """
            const began = Date.now();
            const soon = () => ({ signal: AbortSignal.timeout(300) });
            const seen = [await failing(client.count(key, soon()))];
            seen.push(await failing(first(client.tail(key, soon()))));
            seen.push(await failing(client.followOnce(key, 0, 30_000, 10, soon())));
            seen.push(await failing(client.append([[key, key]], true, { signal: AbortSignal.abort() })));
            console.log(JSON.stringify([seen.map((error) => error.name), Date.now() - began]));
        """)
    assert seen == ["TimeoutError", "TimeoutError", "TimeoutError", "AbortError"] and waited < 8000
    assert not [path for path, _ in busy.requests if "/append" in path]


def test_a_tail_goes_on_exactly_after_the_last_record_when_its_connection_breaks(serve, evaluate):
    with Scripted(serve(), [None, "cut after 200", "page 502", "cut after 300"]) as unsure:
        seen = evaluate(unsure.url, """
            await client.append(Array.from({ length: 20 }, (_, number) => [key, Uint8Array.of(number)]));
            const seen = [];
            for await (const record of client.tail(key, { end: 20 })) seen.push(record.value[0]);
            console.log(JSON.stringify(seen));
        """)
    assert seen == list(range(20))
    resumed = [last for path, last in unsure.requests if "/stream" in path]
    assert resumed[0] is None and len(resumed) == 4 and 0 < int(resumed[1]) == int(resumed[2]) < int(resumed[3]) < 20, resumed


def test_a_tail_goes_on_when_its_server_was_restarted(restarted, evaluate, later, tmp_path):
    following = tmp_path / "following"

    def append(value):
        record = {name: base64.b64encode(each).decode() for name, each in {"key": b"orders", "value": value}.items()}
        sent = json.dumps({"records": [record], "awaitDurable": True}).encode()
        assert request(f"{restarted.url}/api/v1/log/append", data=sent)[0] == 200

    def restart():
        while not following.exists():
            time.sleep(0.05)
        restarted.restart_after(2.4, then=lambda: append(b"after"))

    append(b"before")
    later(0, restart)
    assert evaluate(restarted.url, f"""
        import {{ writeFileSync }} from "node:fs";
        const seen = [];
        for await (const record of client.tail(key)) {{
            seen.push(text(record.value));
            writeFileSync({json.dumps(str(following))}, "");
            if (seen.length === 2) break;
        }}
        console.log(JSON.stringify(seen));
    """) == ["before", "after"]


def test_a_tail_of_a_quiet_key_goes_on_for_ever(serve, evaluate):
    with Scripted(serve(), [None, *[HEARTBEAT] * 12]) as quiet:
        assert evaluate(quiet.url, """
            await client.append([[key, key]]);
            console.log((await first(client.tail(key))).sequence);
        """) == 0


def test_a_tail_waits_longer_each_time_but_no_longer_than_the_longest_pause(serve, evaluate):
    busy = (503, "unavailable", {"retry-after": "60"})
    with Scripted(serve(), [None, HEARTBEAT, *[(503, "unavailable", {})] * 3, busy, HEARTBEAT]) as unsure:
        assert evaluate(unsure.url, f"""
            await client.append([[key, key]]);
            const patient = new log.LogClient({json.dumps(unsure.url)}, {{ retry: {{ pauseMs: 200, longestPauseMs: 800 }} }});
            console.log((await first(patient.tail(key))).sequence);
        """) == 0
    pauses = [after - before for before, after in zip(unsure.times[1:], unsure.times[2:])]
    # A timer of Node.js may be a millisecond early.
    assert all(seen >= least - 0.01 for seen, least in zip(pauses, [0.2, 0.4, 0.8, 0.8, 0.8, 0.2], strict=True)), pauses
    assert max(pauses) < 30, pauses


def test_a_tail_gives_up_when_its_server_is_gone_for_too_long(serve, evaluate):
    with Scripted(serve(), [HEARTBEAT, *[(503, "unavailable", {})] * 1000]) as gone:
        assert evaluate(gone.url, f"""
            const retry = {{ attempts: 2, pauseMs: 50, longestPauseMs: 100, patienceMs: 1000 }};
            const impatient = new log.LogClient({json.dumps(gone.url)}, {{ retry }});
            console.log(JSON.stringify((await failing(first(impatient.tail(key)))).name));
        """) == "Unavailable"
    assert len(gone.requests) > 5 and 0.7 < gone.times[-1] - gone.times[0] < 10


@pytest.mark.parametrize("answer", [
    "page 200", events(b"data: {\n\n"), events(b"data: {}\n\n"), events(b"data: null\n\n"), events(b"event: error\ndata: {}\n\n"),
    events(b'data: {"sequence":0,"value":"%","timestampMs":0}\n\n'),
    events(b'data: {"sequence":0,"value":"","timestampMs":0,"headers":[{"name":"a"}]}\n\n'),
    events(b'data: {"sequence":0,"value":"","timestampMs":0,"headers":[{"name":"a","value":"%"}]}\n\n'),
    events(b'event: error\ndata: {"status":"error","code":"BAD","message":"x"}\n\n')])
def test_a_stream_that_no_log_server_sends_is_an_error_of_its_own(serve, evaluate, answer):
    with Scripted(serve(), [answer] * 1000) as gateway:
        assert evaluate(gateway.url, """
            console.log(JSON.stringify((await failing(first(client.tail(key)))).name));
        """) == "UnexpectedAnswer"
    assert len(gateway.requests) == 3


def test_an_event_of_a_newer_server_is_skipped(serve, evaluate):
    record = b'data: {"sequence":7,"value":"Zmlyc3Q=","timestampMs":0}\n\n'
    with Scripted(serve(), [events(b"event: sealed\ndata: 7\n\n" + record)]) as newer:
        assert evaluate(newer.url, "console.log((await first(client.tail(key))).sequence);") == 7


def test_a_follow_waits_for_as_long_as_it_was_told_though_servers_wait_no_longer_than_they_like(serve, evaluate):
    empty = Raw(b'{"status":"success","key":"b3JkZXJz","values":[],"nextSequence":0}')
    with Scripted(serve(), [empty] * 3) as hasty:
        waited, vain, found = evaluate(hasty.url, """
            const began = Date.now();
            const vain = await client.followOnce(key, 0, 600);
            const waited = Date.now() - began;
            setTimeout(() => void client.append([{ key, value: key }]), 300);
            const found = await client.followOnce(key, 0, 10 ** 9);
            console.log(JSON.stringify([waited, vain, found.nextSequence]));
        """)
    assert 600 <= waited < 3000 and vain == {"records": [], "nextSequence": 0} and found == 1
    waits = [int(parse_qs(urlsplit(path).query)["timeout_ms"][0]) for path, _ in hasty.requests if "/scan" in path]
    assert len(waits) >= 5 and max(waits) == 60_000, waits


WRONG_ARGUMENTS = {
    "append": ["[['k', 'v']]", "[[key, 'v']]", "[[key]]", "[[key, key, key]]", "[[key, undefined]]", "[{ key }]", "[{ key, value: 1 }]",
               "[{ key, value: key, valu: key }]", "[key]", "[null]", "['kv']", "key", "'kv'", "undefined", "null", "7", "{}",
               "new Map([[key, key]])", "[[key, key]], 'yes'", "[[key, key]], true, true", "[[key, key]], true, { signal: 1 }",
               "[[key, key]], true, { signl: undefined }", "[[Array.from(key), key]]", "[[key.buffer, key]]",
               "[[key, key, null]]", "[[key, key, 'a']]", "[[key, key, { a: key }]]", "[[key, key, new Map()]]", "[[key, key, ['a']]]",
               "[[key, key, [['a', key]]]]", "[[key, key, [{ name: 'a' }]]]", "[[key, key, [{ name: 1, value: key }]]]",
               "[[key, key, [{ name: 'a', value: 'b' }]]]", "[[key, key, [{ name: 'a', value: key, key }]]]", "[[key, key, [], []]]",
               *(f"[[key, key]], true, {{ ifNoRecordSince: {since} }}" for since in (
                   "key", "new Map([[key, 0]])", "0", "[key]", "[[key]]", "[['orders', 0]]", "[[key, -1]]", "[[key, '0']]", "[[key, 0.5]]",
                   "[[key, 0, 0]]"))],
    "count": ["'orders'", "undefined", "[1]", "key, 1", "key, { start: '0' }", "key, { start: 1n }", "key, { start: -1 }", "key, { end: 1.5 }",
              "key, { end: NaN }", "key, { ends: 1 }", "key, null", "key, { onTrimmed: 'warn' }"],
    "scan": ["'orders'", "key, { startSeq: 5 }", "key, { startTimeMs: '1' }", "key, { visibility: 'Durable' }", "key, {}, 0", "key, {}, '9'", "key, 5", "key, { onTrimmed: null }"],
    "followOnce": ["'orders', 0", "key, '0'", "key, 0, -1", "key, 0, Infinity", "key, 0, '1'", "key, 0, 1, 0", "key, 0, 1, 1, { start: 2 }", "key, 0, 1, 1, { onTrimmed: () => {} }"],
    "tail": ["'orders'", "key, { end: '8' }", "key, { from: 3 }", "key, { signal: 'stop' }", "key, { onTrimmed: 1 }"],
    "trimBefore": ["'5'", "undefined", "-1", "1.5", "5, { signl: 1 }", "5, { signal: 1 }"],
    "deleteKey": ["'orders'", "key, 5", "key, { before: 5 }", "key, { beforeSeq: undefined }", "key, { beforeSeq: '5' }", "key, { beforeSeq: -1 }"],
    "trimBeforeTime": ["new Date()", "-1", "1n"],
    "keys": ["'ord'", "key, 0", "key, 1, { signal: 5 }"],
    "segments": ["{ start: null }", "{ startSeq: 1 }", "5"],
}
WRONG_CLIENTS = [
    "undefined", "'localhost:8080'", "''", "'ftp://localhost'", "'http://'", "'http://localhost:port'", "'http://localhost/?key=k'",
    "'http://user:secret@localhost'", "'http://localhost#a'", "new URL('http://localhost')", "'http://localhost', 'secret'",
    "'http://localhost', { tokn: 'secret' }", "'http://localhost', { token: 5 }", "'http://localhost', { token: '' }",
    "'http://localhost', { token: 'secret-of-tests\\n' }", "'http://localhost', { token: 'secret of tests' }",
    "'http://localhost', { timeoutMs: 0 }", "'http://localhost', { timeoutMs: '9' }", "'http://localhost', { timeoutMs: 2 ** 31 }",
    "'http://localhost', { retry: { attempts: 0 } }", "'http://localhost', { retry: { pauseMs: -1 } }",
    *(f"'http://localhost', {{ producer: {producer} }}" for producer in (
        "'orders'", "null", "{}", "{ id: '' }", "{ id: 'p'.repeat(129) }", "{ id: 1 }", "{ id: 'a', epoch: -1 }", "{ id: 'a', epoch: '1' }",
        "{ id: 'a', sequence: 1 }", "{ id: 'a' }, concurrentAppends: 2")),
    "'http://localhost', { concurrentAppends: 0 }", "'http://localhost', { concurrentAppends: '1' }",
    "'http://localhost', { retry: { attemps: 1 } }", "'http://localhost', { retry: 5 }"]


def test_a_wrong_argument_is_told_before_anything_is_sent(serve, evaluate):
    calls = [f"client.{method}({wrong})" for method, each in WRONG_ARGUMENTS.items() for wrong in each]
    clients = [f"new log.LogClient({wrong})" for wrong in WRONG_CLIENTS]
    with Scripted(serve(), []) as asked:
        seen = evaluate(asked.url, f"""
            const seen = [];
            const wrong = [{", ".join(f"() => {each}" for each in calls + clients)}];
            for (const call of wrong) {{
                let told = "was not refused";
                try {{ await call(); }} catch (error) {{ told = `${{error.name}}: ${{error.message}}`; }}
                seen.push(told);
            }}
            await client.append([{{ key, value: Buffer.from("first") }}]);
            console.log(JSON.stringify([seen, text((await first(client.scan(key))).value)]));
        """)
    for call, told in zip(calls + clients, seen[0], strict=True):
        assert re.match(r"(TypeError|RangeError): \w+(\[0\])?(\.\w+)?(: (key|value|sequence|headers(\[0\])?))?(: (name|value))? must ", told) and "secret" not in told, (call, told)
    assert seen[0][0] == (
        'TypeError: records[0]: key must be a Uint8Array, such as new TextEncoder().encode("k"), not string')
    assert len(asked.requests) == 2 and seen[1] == "first"


def test_the_typescript_package_can_be_installed_and_used(serve, run, built, tmp_path):
    run("npm", "pack", "--ignore-scripts", "--pack-destination", tmp_path, cwd=built)
    project = tmp_path / "project"
    project.mkdir()
    (project / "package.json").write_text('{"private": true, "type": "module"}')
    run("npm", "install", "--prefer-offline", "--no-audit", "--no-fund", *tmp_path.glob("*.tgz"), cwd=project)
    code = f"""
        import {{ LogClient }} from "opendata-log-client";
        console.log((await new LogClient({json.dumps(serve())}).append([[Uint8Array.of(1), Uint8Array.of()]])).count);
    """
    assert run("node", "--input-type=module", "--eval", code, cwd=project, seconds=60).strip() == "1"
    installed = project / "node_modules/opendata-log-client"
    assert sorted(path.name for path in installed.iterdir()) == ["LICENSE", "README.md", "dist", "package.json"]
    for name in ["program", "outcomes", "writers"]:
        assert not [*installed.glob(f"dist/{name}.*")], "it is for the tests"
    assert (CLIENT / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_a_token_is_sent(serve, tokens, evaluate):
    url = serve(LOG_AUTH__TOKENS=tokens)
    seen = evaluate(url, f"""
        const reader = new log.LogClient({json.dumps(url)}, {{ token: "reader-token-of-the-tests" }});
        const refused = [await failing(client.count(key)), await failing(reader.append([[key, key]]))];
        console.log(JSON.stringify([...refused.map((error) => error.name), await reader.count(key)]));
    """)
    assert seen == ["Unauthenticated", "PermissionDenied", 0]


def test_the_typescript_client_calls_nothing_unknown_that_was_certainly_not_applied(outcomes, built):
    outcomes.check(["node", built / "dist/outcomes.js"])


def test_the_typescript_client_trusts_a_private_authority_as_the_page_says(outcomes, built):
    outcomes.check_private_authority(["node", built / "dist/outcomes.js"], ["NODE_EXTRA_CA_CERTS=ca.pem"])
