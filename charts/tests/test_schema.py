"""The schema of the values: strict, complete, and in step with the server."""

import functools
import json
import subprocess

from concurrent.futures import ThreadPoolExecutor

import jsonschema
import pytest
import yaml

import chart
from config_schema import OF_BOTH, OF_THE_CHART, accepted, check, config_schema, is_of_the_chart, needed_schema, refuses, settings

# A value of each kind that YAML has, and texts of each form that a setting has.
SAMPLES = ["text", "", " ", "2024", "30s", "1h 30m", "16MiB", "1.5MiB", "127.0.0.1", "::1", "localhost", "all", "info", 2024, 0, -1, 1.5,
           70_000, 5_000_000_000, True, False, None, ["a"], [1], [""], {"a": 1}]
SCHEMA = chart.CHART / "values.schema.json"


def read_schema() -> dict:
    return json.loads(SCHEMA.read_text())


def test_the_schema_of_config_is_what_the_server_can_be_configured_with(binary, generated):
    page = subprocess.run([binary, "config", "docs"], capture_output=True, text=True, check=True).stdout
    schema = read_schema()
    schema["$defs"] |= {"config": config_schema(binary, page), "needed": needed_schema()}
    generated(SCHEMA, json.dumps(schema, indent=2) + "\n")
    assert (OF_THE_CHART | OF_BOTH.keys()) <= set(settings(page)), "the server has a setting no more that the chart sets"


def schema_of(name: str) -> dict:
    node = read_schema()["$defs"]["config"]
    for part in name.split("."):
        node = node["properties"][part]
    return node


def test_the_schema_and_the_server_take_the_same_kinds_of_values(binary):
    page = subprocess.run([binary, "config", "docs"], capture_output=True, text=True, check=True).stdout
    # One setting of each kind, and those that the chart reads itself.
    by_kind = {json.dumps(schema_of(name)) + name.split(".")[0] * name.startswith("slatedb"): name
               for name in settings(page) if not is_of_the_chart(name) and name not in OF_BOTH}
    assert len(by_kind) > 15
    tried = [(name, value) for name in by_kind.values() for value in SAMPLES]
    with ThreadPoolExecutor(4) as threads:
        said = list(threads.map(lambda each: check(binary, *each), tried))
    differing = []
    for (name, value), answer in zip(tried, said):
        server = not refuses(answer, accepted_by(binary, name))
        if server != jsonschema.Draft202012Validator(schema_of(name)).is_valid(value):
            differing.append(f"{name}: {value!r} is {'taken' if server else 'refused'} by the server ({answer}) and not so by the schema")
    assert differing == []


@functools.cache
def accepted_by(binary: str, name: str) -> str:
    return accepted(binary, name)[0]


@pytest.mark.parametrize(("values", "said"), [
    ({"storage": {"s3": {"bucket": 123456789012, "prefix": 2024, "region": 1}}}, "ok"),
    ({"storage": {"s3": {"bucket": "b", "prefix": 1.5}}}, "/config/storage/s3/prefix"),
    ({"storage": {"s3": {"bucket": 1.5}}}, "/config/storage/s3/bucket"),
    ({"storage": {"s3": {"bucket": True}}}, "/config/storage/s3/bucket"),
    ({"storage": {"s3": {"bucket": "b", "region": True}}}, "/config/storage/s3/region"),
    ({"storage": {"s3": {"bucket": "b"}, "instance": False}}, "/config/storage/instance"),
    ({"storage": {"s3": {"bucket": "b"}}, "timeouts": {"read": 30}}, "/config/timeouts/read"),
    ({"storage": {"s3": {"bucket": "b"}}, "limits": {"key_bytes": 1.5}}, "/config/limits/key_bytes"),
    ({"storage": {"s3": {"bucket": "b"}}, "limits": {"followers": "many"}}, "/config/limits/followers"),
    ({"storage": {"s3": {"bucket": ""}, "gcs": {"bucket": 2024}}}, "ok"),
    ({"storage": {"s3": {"bucket": ""}, "azure": {"account": 2024, "container": 2025}}}, "ok"),
], ids=str)
def test_what_the_chart_lets_through_reaches_the_server_and_is_taken(values, said, binary):
    values = chart.with_values(chart.example("default"), {"config": values})
    if said != "ok":
        with pytest.raises(Exception, match=said):
            chart.render(values)
        return
    run = subprocess.run([binary, "config", "check", "--config", "/dev/stdin"], input=chart.server_config(values).replace(
        "dir: /var/cache", "dir: /tmp"), env={}, capture_output=True, text=True)
    assert run.stdout == "ok\n", run.stderr


def test_every_object_with_known_keys_refuses_others():
    loose = []

    def visit(node, path):
        if isinstance(node, dict):
            if "properties" in node and path not in {"#/if", "#/$defs/needed"} and node.get("additionalProperties") is not False:
                loose.append(path)
            for key, value in node.items():
                visit(value, f"{path}/{key}")
        elif isinstance(node, list):
            for index, value in enumerate(node):
                visit(value, f"{path}/{index}")

    visit(read_schema(), "#")
    assert loose == []


def test_the_values_and_the_schema_have_the_same_keys():
    schema = read_schema()
    differing = []

    def visit(values, node, path):
        node = schema["$defs"][node["$ref"].split("/")[-1]] if "$ref" in node else node
        if not isinstance(values, dict) or "properties" not in node:
            return
        known = set(node["properties"]) - {"global"}
        # Of `config` the values have only what the chart has an opinion on; `resources.claims` is rarely wanted.
        missing = set() if path.startswith((".config", ".readers.config")) else known - set(values) - {"claims"}
        differing.extend(f"{path}.{key}" for key in missing | (set(values) - known))
        for key, value in values.items():
            visit(value, node["properties"].get(key, {}), f"{path}.{key}")

    visit(yaml.safe_load((chart.CHART / "values.yaml").read_text()), schema, "")
    assert differing == []


def test_the_alerts_that_can_be_left_out_are_those_that_there_are():
    listed = read_schema()["properties"]["prometheusRule"]["properties"]["disabled"]["items"]["enum"]
    alerts = yaml.safe_load((chart.CHART / "alerts" / "opendata-log.yaml").read_text())
    assert listed == [alert["alert"] for alert in alerts]
