"""What must not be installed is refused when it is rendered, with a message that says why.

Each file in `refused/` begins with `# Refused: ` and the message. Its values come on top of the default example."""

import re

import helm_python
import pytest

import chart


def message_of(path):
    first = path.read_text().splitlines()[0]
    assert first.startswith("# Refused: "), f"{path.name} does not say why it is refused"
    return first.removeprefix("# Refused: ")


def refusal(values: dict) -> str:
    with pytest.raises(helm_python.HelmError) as refused:
        chart.render(values)
    return str(refused.value)


@pytest.mark.parametrize("path", chart.REFUSED, ids=lambda path: path.stem)
def test_a_refused_example_is_refused_with_its_message(path):
    values = chart.with_values(chart.example("default"), chart.values_of(path))
    assert message_of(path) in refusal(values)


def test_every_refusal_of_the_template_has_an_example():
    template = (chart.CHART / "templates" / "_refusals.tpl").read_text()
    met = "\n".join(refusal(chart.with_values(chart.example("default"), chart.values_of(path))) for path in chart.REFUSED)
    # What stands before the first value in a message, or after one that it begins with, tells it apart from the others.
    for fail in template.split("fail ")[1:]:
        words = re.split(r"%\w", fail.lstrip("( printf").lstrip('"').split('"')[0])
        begin = next(part for part in words if part.strip())
        assert begin in met, f"no example for: {begin}"


@pytest.mark.parametrize("way_out", [
    {"networkPolicy": {"monitoring": [{"podSelector": {}}]}},
    {"networkPolicy": {"enabled": False}},
    {"serviceMonitor": {"enabled": False}},
], ids=str)
def test_a_policy_that_lets_prometheus_in_is_not_refused(way_out):
    locked_out = chart.values_of(next(path for path in chart.REFUSED if path.stem == "policy-without-prometheus"))
    chart.render(chart.with_values(chart.with_values(chart.example("default"), locked_out), way_out))


def test_a_pod_monitor_can_be_locked_out_too():
    locked_out = chart.values_of(next(path for path in chart.REFUSED if path.stem == "policy-without-prometheus"))
    of_pods = {"serviceMonitor": {"enabled": False}, "podMonitor": {"enabled": True}}
    assert "would lock Prometheus out" in refusal(chart.with_values(chart.with_values(chart.example("default"), locked_out), of_pods))


WAYS_IN = {
    "ingress": {"ingress": {"enabled": True, "hosts": ["log.example.com"]}},
    "httpRoute": {"httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}]}},
    "service.type=LoadBalancer": {"service": {"type": "LoadBalancer"}},
    "service.type=NodePort": {"service": {"type": "NodePort"}},
    "readers.service.type=LoadBalancer": {"readers": {"replicas": 1, "service": {"type": "LoadBalancer"}}},
}
EVERYBODY_WRITES = {"auth": {"iKnowThatEverybodyCanWrite": True}}
TOKENS = {"auth": {"existingSecret": "my-log-tokens"}}


def exposed(way: str, *more: dict) -> dict:
    values = chart.with_values(chart.example("default"), WAYS_IN[way])
    for each in more:
        values = chart.with_values(values, each)
    return values


@pytest.mark.parametrize("way", WAYS_IN)
def test_every_way_in_from_outside_needs_tokens_or_consent(way):
    assert f"{way} leads to the log from outside of the cluster, and auth.existingSecret is empty" in refusal(exposed(way))
    # Where everybody may do everything, TLS would keep nothing from anybody.
    notes = chart.render(exposed(way, EVERYBODY_WRITES))["NOTES.txt"]
    assert f"WARNING: anyone who can reach {way} from OUTSIDE OF THE CLUSTER" in notes


@pytest.mark.parametrize(("way", "tls"), [
    ("ingress", {"ingress": {"tls": [{"secretName": "edge"}]}}),
    ("service.type=LoadBalancer", {"tls": {"enabled": True, "existingSecret": "tls"}}),
    ("service.type=NodePort", {"tls": {"enabled": True, "existingSecret": "tls"}}),
    ("readers.service.type=LoadBalancer", {"tls": {"enabled": True, "existingSecret": "tls"}}),
])
def test_every_way_in_from_outside_that_takes_tokens_needs_tls_or_consent(way, tls):
    assert f"{way} leads to the log from outside of the cluster without TLS" in refusal(exposed(way, TOKENS))
    assert "OUTSIDE" not in chart.render(exposed(way, TOKENS, tls))["NOTES.txt"]
    notes = chart.render(exposed(way, TOKENS, {"tls": {"iKnowThatEverybodyCanEavesdrop": True}}))["NOTES.txt"]
    assert f"WARNING: {way} leads to the log from OUTSIDE OF THE CLUSTER in plain HTTP" in notes


def test_one_way_in_with_tls_does_not_excuse_another_without():
    both = exposed("service.type=LoadBalancer", TOKENS, WAYS_IN["ingress"], {"ingress": {"tls": [{"secretName": "edge"}]}})
    assert "service.type=LoadBalancer leads to the log from outside of the cluster without TLS" in refusal(both)
    server_only = exposed("ingress", TOKENS, {"tls": {"enabled": True, "existingSecret": "tls"}})
    assert "ingress leads to the log from outside of the cluster without TLS" in refusal(server_only)


def test_of_a_gateway_the_notes_say_that_it_must_end_tls():
    assert "unless the listeners of the Gateway end TLS" in chart.render(exposed("httpRoute", TOKENS))["NOTES.txt"]


def test_a_log_without_tokens_that_only_the_cluster_reaches_is_warned_of_and_told_to_the_image():
    values = chart.example("default")
    assert "WARNING: anyone who can reach the port" in chart.render(values)["NOTES.txt"]
    consent = {"name": "LOG_AUTH__I_KNOW_THAT_EVERYBODY_CAN_WRITE", "value": "true"}
    assert consent in chart.container(values)["env"]
    assert consent not in chart.container(chart.with_values(values, TOKENS)).get("env", [])


def test_the_time_of_a_check_that_a_probe_is_compared_with_is_the_servers_own():
    page = (chart.ROOT / "docs" / "configuration.md").read_text()
    template = (chart.CHART / "templates" / "_refusals.tpl").read_text()
    assert re.search(r"\| `timeouts.check` \| `(\w+)` \|", page)[1] == re.search(r'default "(\w+)" \$c.timeouts.check', template)[1]


def test_without_values_it_says_what_is_needed_first():
    assert "image.repository is required" in refusal({})
