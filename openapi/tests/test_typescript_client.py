"""The TypeScript client: compiled as strictly as it goes, run against a live server, and through one that misbehaves."""

import json
import shutil

import pytest

import program
from conftest import NODE_MODULES, OPENAPI
from scripted import Scripted

CLIENT = OPENAPI / "clients/typescript"


@pytest.fixture(scope="module")
def built(run, tmp_path_factory):
    """The package, built by its own configuration."""
    package = tmp_path_factory.mktemp("typescript")
    shutil.copytree(CLIENT, package, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules", "dist"))
    (package / "node_modules").symlink_to(NODE_MODULES)
    run("node", NODE_MODULES / ".bin/tsc", cwd=package)
    return package


@pytest.fixture
def evaluate(run, built):
    """Runs a piece of code that has `client`, a client of `url`; answers what it printed, read as JSON."""

    def evaluate_one(url, code):
        text = f"""
            import * as log from {json.dumps(str(built / "dist/index.js"))};
            const client = new log.LogClient({json.dumps(url)}, {{ retry: {{ attempts: 3, pauseMs: 50 }} }});
            const key = new TextEncoder().encode("orders");
            const failing = (doing) => doing.then(() => "done", (error) => error);
            {code}
        """
        return json.loads(run("node", "--input-type=module", "--eval", text))

    return evaluate_one


def test_the_package_depends_on_what_the_tests_install():
    package, tests = (json.loads((folder / "package.json").read_text()) for folder in (CLIENT, OPENAPI))
    for name, version in (package["dependencies"] | package["devDependencies"]).items():
        assert tests["devDependencies"][name] == version, name


def test_the_typescript_client_runs_the_program(serve, run, built):
    program.check(run, ["node", built / "dist/program.js"], serve())


def test_every_code_arrives_as_an_error_of_its_own(serve, evaluate):
    codes = ["invalid_argument", "unauthenticated", "permission_denied", "not_found", "method_not_allowed", "too_large",
             "unsupported_media_type", "overloaded", "unavailable", "fenced", "internal"]
    with Scripted(serve(), [(400, code, {"x-request-id": "r-1"}) for code in codes]) as busy:
        seen = evaluate(busy.url, f"""
            const seen = [];
            for (let each = 0; each < {len(codes)}; each += 1) {{
                const error = await failing(client.count(key));
                seen.push([error.name, error.code, error.status, error.requestId]);
            }}
            console.log(JSON.stringify(seen));
        """)
    assert seen == [[code.title().replace("_", ""), code, 400, "r-1"] for code in codes]


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
def test_an_append_of_unknown_outcome_is_never_repeated(serve, evaluate, step):
    with Scripted(serve(), [step]) as unsure:
        seen = evaluate(unsure.url, """
            const error = await failing(client.append([[key, key]]));
            console.log(JSON.stringify([error.name, await client.count(key)]));
        """)
    assert seen == ["OutcomeUnknown", 1 if step == "lost answer" else 0]
    assert len([path for path, _ in unsure.requests if "/append" in path]) == 1


@pytest.mark.parametrize("status", [200, 404, 502, 503])
def test_a_page_of_something_in_between_is_no_answer_of_the_server(serve, evaluate, status):
    with Scripted(serve(), [f"page {status}"] * 2) as gateway:
        seen = evaluate(gateway.url, """
            const errors = [await failing(client.count(key)), await failing(client.append([[key, key]]))];
            console.log(JSON.stringify(errors.map((error) => error.name)));
        """)
    assert seen == ["UnexpectedAnswer", "OutcomeUnknown"] and len(gateway.requests) == 2


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


def test_a_token_is_sent(serve, tokens, evaluate):
    url = serve(LOG_AUTH__TOKENS=tokens)
    seen = evaluate(url, f"""
        const reader = new log.LogClient({json.dumps(url)}, {{ token: "reader-token-of-the-tests" }});
        const refused = [await failing(client.count(key)), await failing(reader.append([[key, key]]))];
        console.log(JSON.stringify([...refused.map((error) => error.name), await reader.count(key)]));
    """)
    assert seen == ["Unauthenticated", "PermissionDenied", 0]
