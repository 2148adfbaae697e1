"""A cluster: what the values below `cluster` render, and that the rendered pods of three nodes share the partitions of a log."""

import base64
import json
import re
import subprocess

import pytest
import yaml

import chart
import processes
from local_pod import APPEND, LocalPod
from test_forwarding import sources, variables
from test_server import on

PARTITIONS = 8
TLS = {"tls": {"enabled": True, "existingSecret": "my-tls"}}
KEYS = [f"key-{number}" for number in range(24)]


@pytest.fixture(scope="module")
def bucket(s3):
    s3.make_bucket("rendered-cluster")
    return s3


def clustered(example: str = "default", /, cluster: dict | None = None, **more) -> dict:
    """An example as a cluster."""
    values = chart.with_values(chart.example(example), {"cluster": {"enabled": True}, "cache": {"type": "none"}} | more)
    return chart.with_values(values, {"cluster": cluster or {}})


def config(values: dict) -> dict:
    return yaml.safe_load(chart.server_config(values))


@pytest.mark.parametrize("path", [path for path in chart.EXAMPLES if "cluster" not in path.name], ids=lambda path: path.stem)
def test_without_it_nothing_is_there_that_is_only_for_a_cluster(path):
    values = chart.values_of(path)
    texts = chart.render(values)
    assert not [name for name, text in texts.items() if re.search("StatefulSet|LOG_CLUSTER|log_cluster|log_partition|-nodes|OpendataLog(Partition|Node|Heart)", text)]
    assert "cluster" not in config(values)
    # Values that nobody has set in the place of the defaults change nothing either.
    assert chart.render(chart.with_values(values, {"cluster": {"nodes": 5, "partitions": 8, "moves": 1}})) == texts


def test_a_stateful_set_is_in_the_place_of_the_deployment():
    values = clustered(cluster={"nodes": 5})
    assert chart.find("Deployment", values) is None and chart.find("PersistentVolumeClaim", values) is None
    spec = chart.find("StatefulSet", values)["spec"]
    assert spec["replicas"] == 5 and spec["podManagementPolicy"] == "Parallel" and spec["minReadySeconds"] == 10
    # Without `maxUnavailable`, one after the other.
    assert spec["updateStrategy"] == {"type": "RollingUpdate"} and "volumeClaimTemplates" not in spec
    pod = spec["template"]["spec"]
    single = chart.pod(chart.with_values(chart.example("default"), {"cache": {"type": "none"}}))
    assert pod["terminationGracePeriodSeconds"] == single["terminationGracePeriodSeconds"] == 60
    of_both = [{name: value for name, value in each.items() if name != "topologySpreadConstraints"} for each in (pod, single)]
    of_both[0]["containers"][0]["env"] = [each for each in of_both[0]["containers"][0]["env"] if not each["name"].startswith("LOG_CLUSTER__")]
    assert of_both[0] == of_both[1], "a node is what the one server is, but for its name and place"


def test_the_settings_of_the_cluster_are_those_of_the_values():
    assert config(clustered())["cluster"] == {"enabled": True, "partitions": 64, "heartbeat": "3s", "dead_after": "10s", "moves": 4}
    given = {"partitions": 128, "heartbeat": "1s", "deadAfter": "5s", "moves": 2}
    assert config(clustered(cluster=given))["cluster"] == {"enabled": True, "partitions": 128, "heartbeat": "1s", "dead_after": "5s", "moves": 2}
    checksums = [chart.workload(clustered(cluster=each))["spec"]["template"]["metadata"]["annotations"]["checksum/config"] for each in ({}, given)]
    assert checksums[0] != checksums[1]
    replaced = [chart.workload(clustered(cluster={"nodes": nodes}))["spec"]["template"] for nodes in (3, 4)]
    assert replaced[0] == replaced[1], "no node restarts when another one is added"


def test_a_chart_that_does_not_say_how_long_a_heartbeat_is_has_the_defaults_of_the_server():
    page = (chart.ROOT / "docs" / "configuration.md").read_text()
    defaults = dict(re.findall(r"\| `cluster\.(\w+)` \| `(\w+)` \|", page))
    ours = config(clustered())["cluster"]
    assert {name: str(ours[name]) for name in ("partitions", "heartbeat", "dead_after", "moves")} == {
        name: defaults[name] for name in ("partitions", "heartbeat", "dead_after", "moves")}


@pytest.mark.parametrize(("more", "scheme"), [({}, "http"), (TLS, "https")], ids=str)
def test_each_node_has_a_name_by_which_the_others_reach_it(more, scheme):
    values = clustered(**more)
    workload, service = chart.workload(values), chart.find("Service", values, ending="-nodes")
    assert workload["spec"]["serviceName"] == service["metadata"]["name"] == "demo-opendata-log-nodes"
    assert service["spec"]["clusterIP"] == "None" and service["spec"]["publishNotReadyAddresses"] is True
    assert service["spec"]["selector"].items() <= workload["spec"]["template"]["metadata"]["labels"].items()
    env = chart.container(values)["env"]
    names = [each["name"] for each in env]
    assert env[names.index("LOG_CLUSTER__NODE")]["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    assert names.index("LOG_CLUSTER__NODE") < names.index("LOG_CLUSTER__ADVERTISE"), "Kubernetes would not put it in"
    port, = service["spec"]["ports"]
    assert variables(values, readers=False)["LOG_CLUSTER__ADVERTISE"] == f"{scheme}://$(LOG_CLUSTER__NODE).{service['metadata']['name']}.logs.svc:{port['port']}"
    # A headless Service does not translate ports.
    assert port["port"] == chart.container(values)["ports"][0]["containerPort"] == config(values)["port"]


def test_clients_are_led_to_nodes_that_are_ready():
    service = chart.find("Service", clustered(), ending="opendata-log")["spec"]
    assert "clusterIP" not in service and not service.get("publishNotReadyAddresses")


def test_the_zone_is_that_of_the_pods_label_if_wanted():
    assert "LOG_CLUSTER__ZONE" not in variables(clustered(), readers=False)
    zone, = [each for each in chart.container(clustered(cluster={"zoneFromPodLabel": True}))["env"] if each["name"] == "LOG_CLUSTER__ZONE"]
    assert zone["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.labels['topology.kubernetes.io/zone']"}}
    own = [{"name": "LOG_CLUSTER__ZONE", "value": "rack-7"}]
    assert own[0] in chart.container(clustered(extraEnv=own))["env"]


def test_a_pod_without_the_label_of_its_zone_does_not_start_and_says_why(binary, tmp_path):
    pod = LocalPod(clustered(cluster={"zoneFromPodLabel": True}), tmp_path)
    # What Kubernetes makes of a label that is not there.
    pod.fields["metadata.labels['topology.kubernetes.io/zone']"] = ""
    checked = subprocess.run([binary, "config", "check", "--config", str(tmp_path / "config" / "log.yaml")], env=pod.localize(), capture_output=True, text=True)
    assert checked.returncode == 2 and "cluster.zone is empty" in checked.stderr


@pytest.mark.parametrize(("cluster", "source"), [
    ({}, ("secret", "my-tls", "ca.crt", "nodes/ca.crt")),
    ({"certificateAuthority": {"configMap": "company", "key": "root.pem"}}, ("configMap", "company", "root.pem", "nodes/ca.crt"))], ids=str)
@pytest.mark.parametrize("store", [{}, {"configMap": "of-the-store"}], ids=str)
def test_with_tls_nodes_trust_their_authority_for_each_other_and_not_for_the_store(cluster, source, store):
    values = clustered(cluster=cluster, objectStore={"certificateAuthority": store}, **TLS)
    assert source in sources(values, readers=False) and config(values)["cluster"]["ca"] == "/etc/opendata-log/nodes/ca.crt"
    trusted = {name: value for name, value in variables(values, readers=False).items() if name.startswith("SSL_")}
    assert trusted == ({"SSL_CERT_FILE": "/etc/opendata-log/ca/ca.crt"} if store else {})
    without = clustered()
    assert "ca" not in config(without)["cluster"] and "nodes/" not in str(sources(without, readers=False))


def test_the_token_of_the_nodes_is_a_file_that_they_alone_have():
    values = clustered(cluster={"token": {"existingSecret": "of-nodes", "key": "bearer"}}, auth={"existingSecret": "tokens"}, backup={"enabled": True, "to": "s3://b/l"})
    assert config(values)["cluster"]["token_file"] == "/etc/opendata-log/nodes/token"
    assert ("secret", "of-nodes", "bearer", "nodes/token") in sources(values, readers=False)
    assert "of-nodes" not in str(chart.find("CronJob", values)) + str(chart.find("Pod", values, ending="-test"))
    # A node with a token file that is not there warns each time that it has news.
    without = clustered(auth={"existingSecret": "tokens"})
    assert "token_file" not in config(without)["cluster"] and "nodes/" not in str(sources(without, readers=False))


@pytest.mark.parametrize(("auth", "token", "says_so"), [("tokens", "", True), ("tokens", "of-nodes", False), ("", "", False)])
def test_the_notes_say_what_nodes_find_out_later_without_a_token(auth, token, says_so):
    values = clustered(cluster={"token": {"existingSecret": token}}, auth={"existingSecret": auth})
    assert ("The nodes have no token" in chart.render(values)["NOTES.txt"]) == says_so
    assert "The nodes have no token" not in chart.render(chart.example("tls-tokens"))["NOTES.txt"]


def test_the_certificate_is_valid_for_every_node():
    values = chart.example("cluster")
    host = chart.container(values)["env"][1]["value"].split("://")[1].removeprefix("$(LOG_CLUSTER__NODE)").split(":")[0]
    assert f"*{host}" in chart.find("Certificate", values)["spec"]["dnsNames"]
    own = chart.render(clustered(**TLS))["NOTES.txt"]
    assert f"must be valid for *{host}, too" in own and "key `ca.crt` of the Secret my-tls" in own


def test_nodes_are_spread_over_zones_and_hosts():
    values = clustered()
    spread = chart.pod(values)["topologySpreadConstraints"]
    assert [each["topologyKey"] for each in spread] == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    labels = chart.workload(values)["spec"]["template"]["metadata"]["labels"]
    assert all(each["labelSelector"]["matchLabels"].items() <= labels.items() and each["whenUnsatisfiable"] == "ScheduleAnyway" for each in spread)
    own = [{"maxSkew": 2, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule"}]
    assert chart.pod(clustered(topologySpreadConstraints=own))["topologySpreadConstraints"] == own


@pytest.mark.parametrize(("budget", "most"), [({}, 1), ({"maxUnavailable": "25%"}, "25%"), ({"enabled": False}, None)], ids=str)
def test_a_drain_takes_away_one_node_at_a_time(budget, most):
    found = chart.find("PodDisruptionBudget", clustered(cluster={"podDisruptionBudget": budget}))
    assert (found and found["spec"]["maxUnavailable"]) == most


def test_their_number_can_follow_their_load_and_falls_slowly():
    values = clustered(cluster={"autoscaling": {"enabled": True, "minNodes": 4, "maxNodes": 20, "targetCPUUtilizationPercentage": 50}})
    workload, scaler = chart.workload(values), chart.find("HorizontalPodAutoscaler", values)["spec"]
    assert "replicas" not in workload["spec"], "each upgrade would set back what the autoscaler decided"
    target = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": workload["metadata"]["name"]}
    assert scaler["scaleTargetRef"] == target and (scaler["minReplicas"], scaler["maxReplicas"]) == (4, 20)
    assert scaler["metrics"] == [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}]
    assert scaler["behavior"]["scaleDown"]["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 300}]
    assert chart.find("HorizontalPodAutoscaler", clustered()) is None


def test_nodes_reach_each_other_through_the_network_policy():
    policy = chart.find("NetworkPolicy", clustered(networkPolicy={"enabled": True, "restrictEgress": True}))["spec"]
    nodes = [{"podSelector": policy["podSelector"]}]
    assert [rule["ports"][0]["port"] for rule in policy["ingress"] if rule["from"] == nodes] == ["http"]
    assert [rule["ports"][0]["port"] for rule in policy["egress"] if rule.get("to") == nodes] == [8080]
    open_egress = chart.find("NetworkPolicy", clustered(networkPolicy={"enabled": True}))["spec"]
    assert "egress" not in open_egress and [rule for rule in open_egress["ingress"] if rule["from"] == nodes]


@pytest.mark.parametrize("admin", [True, False])
@pytest.mark.parametrize("monitor", ["serviceMonitor", "podMonitor"])
def test_every_node_is_scraped_once_also_while_it_is_not_ready(admin, monitor):
    values = clustered(admin={"enabled": admin}, **{monitor: {"enabled": True}})
    kind = monitor[0].upper() + monitor[1:]
    spec = chart.find(kind, values)["spec"]
    endpoint, = spec.get("endpoints") or spec["podMetricsEndpoints"]
    assert {"targetLabel": "role", "replacement": "node"} in endpoint["relabelings"]
    wanted = spec["selector"]["matchLabels"].items()
    if monitor == "podMonitor":
        assert wanted <= chart.workload(values)["spec"]["template"]["metadata"]["labels"].items()
        return
    found, = [each for each in chart.documents(values) if each["kind"] == "Service" and wanted <= each["metadata"]["labels"].items()]
    assert found["spec"]["publishNotReadyAddresses"] and endpoint["port"] in [port["name"] for port in found["spec"]["ports"]]


def test_the_name_of_each_node_may_be_asked_for():
    hosts = [f"demo-opendata-log-{number}.demo-opendata-log-nodes.logs.svc" for number in range(3)]
    chart.render(clustered(config={"storage": {"s3": {"bucket": "b"}}, "http": {"allowed_hosts": ["log.example.com", *hosts]}}))
    chart.render(clustered(config={"storage": {"s3": {"bucket": "b"}}, "http": {"allowed_hosts": "*"}}))


@pytest.mark.parametrize("release", ["demo", "a-name-that-is-as-long-as-helm-will-let-it-be-12345"])
def test_the_alerts_match_the_pods_of_the_cluster_and_not_those_of_another_release(release):
    values = clustered(prometheusRule={"enabled": True, "runbookUrl": "https://runbooks.example.com/opendata-log/operations.html"})
    rules = chart.find("PrometheusRule", values, release=release)["spec"]["groups"][0]["rules"]
    name = chart.find("StatefulSet", values, release=release)["metadata"]["name"]
    patterns = {pattern for rule in rules for pattern in re.findall(r'pod=~"([^"]+)"', rule["expr"])}
    assert patterns and all(re.fullmatch(pattern, f"{name}-0") and re.fullmatch(pattern, f"{name}-12") for pattern in patterns)
    assert not [pattern for pattern in patterns if re.fullmatch(pattern, f"{name}-b-0") or re.fullmatch(pattern, f"{name}-7d4b9c6f5-abcde")]
    # Kubernetes labels each pod with its name and with that of its revision, of 63 characters at most.
    assert len(f"{name}-7d4b9c6f5x") <= 63


def status(urls: dict, headers: dict) -> dict:
    answered, body = processes.request(f"{urls['http']}/api/v1/cluster", headers)
    assert answered == 200, body
    return json.loads(body)


def serving(urls: dict, headers: dict, among: set[str]) -> bool:
    """Whether the node knows of a node for every partition, and each of these serves some."""
    partitions = status(urls, headers)["partitions"]
    return len(partitions) == PARTITIONS and all(each["state"] == "serving" for each in partitions) and {each["node"] for each in partitions} == among


@pytest.mark.parametrize("name", ["default", "cluster"])
def test_the_rendered_pods_of_three_nodes_share_the_partitions_through_an_update_and_a_loss(name, bucket, start, tmp_path):
    values = on(bucket, name, prefix=name, config={"storage": {"s3": {"bucket": "rendered-cluster"}}}, cache={"type": "none"}, cluster={
        "enabled": True, "partitions": PARTITIONS, "heartbeat": "1s", "deadAfter": "4s", "autoscaling": {"enabled": False}})
    workload = chart.workload(values)
    names = [f"{workload['metadata']['name']}-{number}" for number in range(workload["spec"]["replicas"])]
    assert len(names) == 3
    pods, urls, certificates = {}, {}, None
    for each in names:
        pods[each] = LocalPod(values, tmp_path / each, certificates=certificates, name=each)
        certificates = pods[each].certificates
        urls[each] = pods[each].start(start)
    headers = {"Authorization": f"Bearer {APPEND}"}
    for each in names:
        assert [pods[each].probe(probe, urls[each]) for probe in ("startupProbe", "livenessProbe", "readinessProbe")] == [(200, "OK")] * 3
    all_serve(pods, urls, headers, names)
    nodes = {node["node"]: node for node in status(urls[names[0]], headers)["nodes"]}
    assert nodes.keys() == set(names) and all(node["alive"] for node in nodes.values())
    assert {node.get("zone") for node in nodes.values()} == {"eu-central-1a" if name == "cluster" else None}

    # Each node takes every request, wherever its partition is.
    for number, key in enumerate(KEYS):
        append(urls[names[number % 3]], headers, key)
    stopped, *left = names
    assert pods[stopped].server.stop() == 0, pods[stopped].server.said()
    for number, key in enumerate(KEYS):
        at = urls[left[number % 2]]
        append(at, headers, key)
        found, page = processes.request(f"{at['http']}/api/v1/log/scan?key={key}", headers)
        assert found == 200 and len(json.loads(page)["values"]) == 2, page
    all_serve(pods, urls, headers, left)
    # As in an update: it comes back under the same name, and at another address.
    urls[stopped] = pods[stopped].start(start)
    all_serve(pods, urls, headers, names)
    *left, lost = names
    pods[lost].server.kill()
    all_serve(pods, urls, headers, left)
    for number, key in enumerate(KEYS):
        found, page = processes.request(f"{urls[left[number % 2]]['http']}/api/v1/log/scan?key={key}", headers)
        assert found == 200 and len(json.loads(page)["values"]) == 2, page
    # Nodes trust each other's certificate, and accept each other's token.
    told = [processes.request(urls[each].get("admin", urls[each]["http"]) + "/metrics", headers)[1] for each in left]
    answers = set(re.findall(r'^http_requests_total\{.*endpoint="/-/cluster/wake".*status="(\d+)"', "\n".join(told), re.MULTILINE))
    assert answers == {"204"}, told
    assert [pods[each].server.stop() for each in left] == [0, 0]


def all_serve(pods: dict, urls: dict, headers: dict, nodes: list[str]):
    """Waits until these nodes, and no others, serve all partitions, and each of them knows that."""
    for each in nodes:
        pods[each].server.wait_until(f"{nodes} serve all partitions", lambda node=each: serving(urls[node], headers, set(nodes)))


def append(urls: dict, headers: dict, key: str):
    record = json.dumps({"records": [{"key": encoded(key), "value": "Zmlyc3Q="}], "awaitDurable": True})
    answered, body = processes.request(f"{urls['http']}/api/v1/log/append", headers, record.encode())
    assert answered == 200, body


def encoded(key: str) -> str:
    return base64.b64encode(key.encode()).decode()
