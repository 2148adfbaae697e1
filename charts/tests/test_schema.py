"""The schema of the values: strict, complete, and in step with the server."""

import json
import subprocess

import yaml

import chart
from config_schema import OF_BOTH, OF_THE_CHART, config_schema, settings

SCHEMA = chart.CHART / "values.schema.json"


def read_schema() -> dict:
    return json.loads(SCHEMA.read_text())


def test_the_schema_of_config_is_what_the_server_can_be_configured_with(binary, generated):
    page = subprocess.run([binary, "config", "docs"], capture_output=True, text=True, check=True).stdout
    schema = read_schema()
    schema["$defs"]["config"] = config_schema(page)
    generated(SCHEMA, json.dumps(schema, indent=2) + "\n")
    assert (OF_THE_CHART | OF_BOTH.keys()) <= set(settings(page)), "the server has a setting no more that the chart sets"


def test_every_object_with_known_keys_refuses_others():
    loose = []

    def visit(node, path):
        if isinstance(node, dict):
            if "properties" in node and path not in {"#/if"} and node.get("additionalProperties") is not False:
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
        missing = set() if path.startswith(".config") else known - set(values) - {"claims"}
        differing.extend(f"{path}.{key}" for key in missing | (set(values) - known))
        for key, value in values.items():
            visit(value, node["properties"].get(key, {}), f"{path}.{key}")

    visit(yaml.safe_load((chart.CHART / "values.yaml").read_text()), schema, "")
    assert differing == []


def test_the_alerts_that_can_be_left_out_are_those_that_there_are():
    listed = read_schema()["properties"]["prometheusRule"]["properties"]["disabled"]["items"]["enum"]
    alerts = yaml.safe_load((chart.CHART / "alerts" / "opendata-log.yaml").read_text())
    assert listed == [alert["alert"] for alert in alerts]
