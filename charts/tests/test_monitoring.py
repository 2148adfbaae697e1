"""Alerts and dashboards: what they ask is PromQL, is there to be asked, and alerts fire when they should and only then."""

import json
import re
import subprocess

import pytest
import yaml

import chart
import processes

RUNBOOK = chart.ROOT / "docs" / "operations.md"
DASHBOARDS = sorted((chart.CHART / "dashboards").glob("*.json"))
OF_CLUSTERS = chart.CHART / "dashboards" / "opendata-log-cluster.json"
CASES = sorted((chart.CHARTS / "tests").glob("*.test.yaml"))
# Of the kubelet and of kube-state-metrics: not ours, so no scrape of the server has them.
OF_THE_CLUSTER = {"kubelet_volume_stats_available_bytes", "kubelet_volume_stats_capacity_bytes",
                  "kube_pod_container_status_last_terminated_exitcode", "kube_pod_container_status_restarts_total",
                  "kube_cronjob_status_last_successful_time", "kube_cronjob_created", "kube_statefulset_replicas"}
CLAIMS_OF_READERS = "demo-opendata-log-readers-[a-z0-9]+-[a-z0-9]{5}-cache"
METRIC = re.compile(r"\b((?:log|http|slatedb|process|kubelet|kube)_[a-z0-9_]+)\b")

each_dashboard = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
each_of_one_log = pytest.mark.parametrize("path", [path for path in DASHBOARDS if path != OF_CLUSTERS], ids=lambda path: path.stem)


def rules(example: str = "eks-irsa") -> dict:
    return chart.find("PrometheusRule", chart.example(example))["spec"]


def alerts(*examples: str) -> list[dict]:
    """The alerts of a log with everything, and those that only a cluster has."""
    found = {rule["alert"]: rule for example in examples or ("cluster", "eks-irsa") for group in rules(example)["groups"]
             for rule in group["rules"] if "alert" in rule}
    return list(found.values())


def write_rules(folder):
    """The files of rules that the cases name."""
    for name, example in ("rules.yaml", "eks-irsa"), ("rules_cluster.yaml", "cluster"):
        (folder / name).write_text(yaml.safe_dump(rules(example)))


def promtool(*args, cwd=None):
    run = subprocess.run(["promtool", *map(str, args)], cwd=cwd, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def queries(path) -> list[str]:
    """Every expression of a dashboard, with Grafana's variables filled in."""
    dashboard = json.loads(path.read_text())
    found = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    found += [note["expr"] for note in dashboard["annotations"]["list"] if "expr" in note]
    filled = {"$__rate_interval": "5m", "$__interval": "1m", "$namespace": "logs", "$pod": ".*", "$claim": ".*-cache", "$partition": ".*"}
    for variable, value in filled.items():
        found = [query.replace(variable, value) for query in found]
    return found


@pytest.fixture(scope="module")
def scraped_by_kind(binary, s3, tmp_path_factory) -> dict[str, set[str]]:
    """The names of all metrics of a server on S3 with a disk cache that was used, of a read-only server that it tells what is new, and of a
    node of a cluster."""
    folder = tmp_path_factory.mktemp("scraped")
    s3.make_bucket("scraped")
    url, reader_url, node_url = (f"http://127.0.0.1:{port}" for port in processes.free_ports(3))
    node_settings = {"LOG_CLUSTER__ENABLED": "true", "LOG_CLUSTER__PARTITIONS": "2", "LOG_CLUSTER__NODE": "n0", "LOG_STORAGE__S3__PREFIX": "cluster"}

    def server(at: str, name: str, *more: str, **settings: str) -> processes.Server:
        env = {**s3.env(), **(settings or {"LOG_CACHE__DIR": str(folder / name)})}
        started = processes.Server(binary, ["--port", at.split(":")[-1], "--s3-bucket", "scraped", *more], env, folder / f"{name}.log")
        servers.append(started)
        started.wait_until_ready(at)
        return started

    servers = []
    try:
        server(url, "writer")
        record = b'{"records": [{"key": "YQ==", "value": "YQ=="}], "awaitDurable": true}'
        assert processes.request(f"{url}/api/v1/log/append", data=record)[0] == 200
        assert processes.request(f"{url}/api/v1/log/scan?key=a")[0] == 200
        assert processes.request(f"{url}/api/v1/log/cursors/scraped", data=b'{"position": 1}', method="PUT")[0] == 200
        reader = server(reader_url, "reader", "--read-only", "--writer-url", url)
        reader.wait_until("the writer tells", lambda: "\nlog_reader_lag_sequences " in processes.request(f"{reader_url}/metrics")[1])
        server(node_url, "node", **node_settings)
        assert processes.request(f"{node_url}/api/v1/log/append", data=record)[0] == 200
        # With the tag `a`, so in the partition of the record.
        assert processes.request(f"{node_url}/api/v1/log/cursors/%7Ba%7D", data=b'{"position": 1}', method="PUT")[0] == 200
        texts = {kind: processes.request(f"{each}/metrics")[1] for kind, each in (("writer", url), ("reader", reader_url), ("node", node_url))}
    finally:
        for each in servers:
            each.kill()
    for text in texts.values():
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        assert "error" not in checked.stdout, checked.stdout
    return {kind: set(re.findall(r"^([a-z0-9_]+)(?:\{| )", text, re.MULTILINE)) for kind, text in texts.items()}


@pytest.fixture
def scraped(scraped_by_kind) -> set[str]:
    """The names of the metrics of all of them."""
    return set().union(*scraped_by_kind.values())


@pytest.fixture
def scraped_node(scraped_by_kind) -> set[str]:
    """Those of the node alone."""
    return scraped_by_kind["node"]


def test_the_alerts_are_rules_that_prometheus_takes(tmp_path):
    write_rules(tmp_path)
    promtool("check", "rules", tmp_path / "rules.yaml", tmp_path / "rules_cluster.yaml")


def test_every_alert_fires_when_it_should_and_only_then(tmp_path):
    write_rules(tmp_path)
    for path in CASES:
        (tmp_path / path.name).write_text(path.read_text())
    promtool("test", "rules", *(path.name for path in CASES), cwd=tmp_path)


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_an_alert_has_a_case_that_fires_and_a_scenario_in_which_it_never_does(alert):
    metrics = set(METRIC.findall(alert["expr"]))
    fires = silent = False
    for scenario in [each for path in CASES for each in yaml.safe_load(path.read_text())["tests"]]:
        cases = [case for case in scenario["alert_rule_test"] if case["alertname"] == alert["alert"]]
        given = {series["series"].split("{")[0] for series in scenario["input_series"]}
        fires |= any(case["exp_alerts"] for case in cases)
        # With series of its own: without any, nothing would fire anyway.
        silent |= bool(cases) and bool(metrics & given) and not any(case["exp_alerts"] for case in cases)
    assert fires and silent


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_an_alert_leads_to_its_section_of_the_runbook(alert):
    address, section = alert["annotations"]["runbook_url"].split("#")
    assert address == chart.example("eks-irsa")["prometheusRule"]["runbookUrl"]
    headings = [line.lstrip("# ").strip().lower() for line in RUNBOOK.read_text().splitlines() if line.startswith("#")]
    assert section in [re.sub(r"[^a-z0-9 -]", "", heading).replace(" ", "-") for heading in headings]


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_an_alert_asks_for_metrics_that_there_are(alert, scraped):
    assert not set(METRIC.findall(alert["expr"])) - scraped - OF_THE_CLUSTER


@pytest.mark.parametrize("alert", alerts("cluster"), ids=lambda alert: alert["alert"])
def test_an_alert_of_a_cluster_asks_for_metrics_of_a_node(alert, scraped_node):
    assert not set(METRIC.findall(alert["expr"])) - scraped_node - OF_THE_CLUSTER


def test_the_dashboard_of_a_cluster_asks_for_metrics_of_a_node(scraped_node):
    assert not set(METRIC.findall("\n".join(queries(OF_CLUSTERS)))) - scraped_node


def test_an_alert_can_be_left_out_and_gets_the_labels_that_route_it():
    spec = chart.find("PrometheusRule", chart.example("s3-on-premises"))["spec"]
    names = [rule.get("alert", rule.get("record")) for rule in spec["groups"][0]["rules"]]
    assert "OpendataLogCacheEvicting" not in names
    assert "OpendataLogDiskAlmostFull" in names and "opendata_log:append_records:rate5m" in names
    assert all(alert["labels"]["team"] == "storage" for alert in alerts())


@each_dashboard
def test_the_queries_of_a_dashboard_are_promql(path, tmp_path):
    recorded = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries(path))]
    assert len(recorded) > 30
    (tmp_path / "queries.yaml").write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": recorded}]}))
    promtool("check", "rules", tmp_path / "queries.yaml")


@each_dashboard
def test_a_dashboard_asks_for_metrics_that_there_are(path, scraped):
    assert not set(METRIC.findall("\n".join(queries(path)))) - scraped - OF_THE_CLUSTER


@each_dashboard
def test_the_panels_of_a_dashboard_are_laid_out_and_can_be_pointed_at_any_server(path):
    dashboard = json.loads(path.read_text())
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken and at["x"] + at["w"] <= 24, f"{panel['title']} lies on another"
        taken |= cells
        for target in panel.get("targets", []):
            assert target["datasource"]["uid"] == "${datasource}" and 'namespace="$namespace"' in target["expr"]
    last = "partition" if path == OF_CLUSTERS else "claim"
    assert {variable["name"] for variable in dashboard["templating"]["list"]} == {"datasource", "namespace", "pod", last}


@pytest.mark.parametrize(("example", "claims"), [("eks-irsa", f"demo-opendata-log-cache|{CLAIMS_OF_READERS}"), ("cluster", "demo-opendata-log-cache")])
def test_the_dashboards_arrive_in_grafana_as_they_are_here_but_for_the_claim_of_the_cache(example, claims):
    data = chart.find("ConfigMap", chart.example(example), ending="-dashboards")["data"]
    assert {name: json.loads(text) for name, text in data.items()} == {
        path.name: json.loads(path.read_text().replace(".*-cache", claims)) for path in DASHBOARDS if path != OF_CLUSTERS or example == "cluster"}


def test_the_volume_that_a_dashboard_shows_is_that_of_the_releases_claim():
    values = chart.with_values(chart.example("eks-irsa"), {"cache": {"existingClaim": "mine"}})
    dashboard = json.loads(chart.find("ConfigMap", values, ending="-dashboards")["data"]["opendata-log.json"])
    claim = next(variable for variable in dashboard["templating"]["list"] if variable["name"] == "claim")
    assert claim["query"] == claim["current"]["value"] == f"mine|{CLAIMS_OF_READERS}"
    volume = next(panel for panel in dashboard["panels"] if panel["title"] == "The cache's volume")
    assert 'persistentvolumeclaim=~"$claim"' in volume["targets"][0]["expr"]


@each_of_one_log
def test_a_dashboard_says_how_it_is_now_and_asks_for_pods_of_the_server_only(path):
    dashboard = json.loads(path.read_text())
    now = {panel["title"]: panel["targets"][0] for panel in dashboard["panels"] if panel["title"] in ("Ready", "Durable lag")}
    assert [target["instant"] and not target["range"] for target in now.values()] == [True, True]
    assert now["Ready"]["expr"].endswith(" or vector(0)"), "a server that is gone is not ready"
    assert not [variable for variable in dashboard["templating"]["list"] if "allValue" in variable]


WRITER, READERS = "log-5d4f8c7b9d-x2x4z", ["log-readers-6c5d8b7f94-fghij", "log-readers-6c5d8b7f94-klmno"]


@pytest.mark.parametrize(("ready", "shown"), [
    ({WRITER: 1, READERS[0]: 1, READERS[1]: 1}, {"Ready": 1, "Servers that are ready": 2}),
    ({READERS[0]: 1, READERS[1]: 1}, {"Ready": 0, "Servers that are ready": 2}),
    ({WRITER: 0, READERS[0]: 1}, {"Ready": 0, "Servers that are ready": 1}),
    ({WRITER: 1, READERS[0]: 0, READERS[1]: 1}, {"Ready": 1, "Servers that are ready": 1}),
], ids=["all", "without the writer", "the writer is not", "a reader is not"])
@each_of_one_log
def test_a_dashboard_does_not_take_read_only_servers_for_the_writer(path, ready, shown, tmp_path):
    panels = {panel["title"]: panel["targets"][0]["expr"] for panel in json.loads(path.read_text())["panels"] if panel.get("targets")}
    series = [{"series": f'{name}{{namespace="logs",pod="{pod}"}}', "values": f"{value}x10"}
              for pod, is_ready in ready.items()
              for name, value in (("log_ready", is_ready), ("log_reader_lag_seconds", 0 if pod == WRITER else 1.5))]
    expressions = [{"expr": panels[title].replace("$namespace", "logs").replace("$pod", ".*"), "eval_time": "5m",
                    "exp_samples": [{"labels": "{}", "value": value}]} for title, value in shown.items()]
    (tmp_path / "rules.yaml").write_text("groups: []\n")
    (tmp_path / "dashboard.test.yaml").write_text(yaml.safe_dump(
        {"rule_files": ["rules.yaml"], "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": expressions}]}))
    promtool("test", "rules", "dashboard.test.yaml", cwd=tmp_path)


@each_of_one_log
def test_a_dashboard_shows_of_read_only_servers_alone_how_much_they_do_not_show_yet(path, tmp_path):
    panel, = [panel["targets"][0]["expr"] for panel in json.loads(path.read_text())["panels"] if "log_reader_lag_sequences" in str(panel)]
    series = [{"series": f'{name}{{namespace="logs",pod="{pod}"}}', "values": f"{value}x10"} for pod, lag, sequences in ((WRITER, 0, 0), (READERS[0], 1.5, 7))
              for name, value in (("log_reader_lag_seconds", lag), ("log_reader_lag_sequences", sequences))]
    expression = {"expr": panel.replace("$namespace", "logs").replace("$pod", ".*"), "eval_time": "5m",
                  "exp_samples": [{"labels": f'{{pod="{READERS[0]}"}}', "value": 7}]}
    (tmp_path / "rules.yaml").write_text("groups: []\n")
    (tmp_path / "dashboard.test.yaml").write_text(yaml.safe_dump(
        {"rule_files": ["rules.yaml"], "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": [expression]}]}))
    promtool("test", "rules", "dashboard.test.yaml", cwd=tmp_path)


NODES = [f"log-{number}" for number in range(3)]


@pytest.mark.parametrize(("title", "given", "shown"), [
    ("Nodes alive", {"log_cluster_nodes": [3, 3, 2]}, 2),
    ("Nodes alive", {}, 0),
    ("Nodes ready", {"log_ready": [1, 1, 0]}, 2),
    ("Partitions unserved", {"log_cluster_partitions_unserved": [0, 4, 0]}, 4),
    ("Oldest heartbeat", {"log_cluster_heartbeat_age_seconds": [1, 2, 7]}, 7),
    ('Partitions served', {'log_cluster_partitions{state="serving"}': [22, 21, 20], 'log_cluster_partitions{state="opening"}': [0, 0, 1]}, 63)], ids=str)
def test_the_dashboard_of_a_cluster_shows_how_all_nodes_are_together(title, given, shown, tmp_path):
    panel, = [panel["targets"][0] for panel in json.loads(OF_CLUSTERS.read_text())["panels"] if panel["title"] == title and panel["type"] == "stat"]
    assert panel["instant"] and not panel["range"]
    series = [{"series": name.rstrip("}") + ("," if "{" in name else "{") + f'namespace="logs",pod="{pod}"}}', "values": f"{value}x10"}
              for name, values in given.items() for pod, value in zip(NODES, values)]
    expression = {"expr": panel["expr"].replace("$namespace", "logs").replace("$pod", ".*"), "eval_time": "5m", "exp_samples": [{"labels": "{}", "value": shown}]}
    (tmp_path / "rules.yaml").write_text("groups: []\n")
    (tmp_path / "dashboard.test.yaml").write_text(yaml.safe_dump(
        {"rule_files": ["rules.yaml"], "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": [expression]}]}))
    promtool("test", "rules", "dashboard.test.yaml", cwd=tmp_path)


def test_a_cluster_has_its_own_alerts_and_none_on_what_only_one_server_measures():
    of_cluster, of_one = ({alert["alert"] for alert in alerts(example)} for example in ("cluster", "eks-irsa"))
    assert of_cluster - of_one == {f"OpendataLog{name}" for name in (
        "PartitionUnserved", "HeartbeatLate", "NodesMissing", "NodesDisagree", "PartitionsMoving")}
    without = {"Fenced", "CacheEvicting", "CursorsAlmostFull", "DiskAlmostFull", "ReadersNotReady", "ReaderBehind"}
    assert of_one - of_cluster == {f"OpendataLog{name}" for name in without}


@pytest.mark.parametrize(("cluster", "age", "moving"), [({}, "6", "16"), ({"deadAfter": "30s", "heartbeat": "5s"}, "18", "16"), ({"partitions": 3}, "6", "1")], ids=str)
def test_the_alerts_of_a_cluster_follow_its_settings(cluster, age, moving):
    values = chart.with_values(chart.example("cluster"), {"cluster": {"nodes": 3, "autoscaling": {"enabled": False}, **cluster}})
    expressions = {rule["alert"]: rule["expr"].strip() for rule in chart.find("PrometheusRule", values)["spec"]["groups"][0]["rules"]}
    assert expressions["OpendataLogHeartbeatLate"].endswith(f" > {age}") and expressions["OpendataLogPartitionsMoving"].endswith(f" > {moving}")


@pytest.mark.parametrize(("cache", "there"), [
    ({"type": "pvc"}, True), ({"type": "localNvme", "storageClass": "local"}, True), ({"type": "emptyDir"}, False),
    ({"type": "none"}, False)], ids=lambda value: str(value))
def test_the_alert_on_the_disk_is_there_when_the_kubelet_measures_the_volume(cache, there):
    values = chart.with_values(chart.example("default"), {
        "cache": cache, "prometheusRule": {"enabled": True, "runbookUrl": "https://runbooks.example.com/opendata-log/operations.html"}})
    names = [rule["alert"] for rule in chart.find("PrometheusRule", values)["spec"]["groups"][0]["rules"]]
    assert ("OpendataLogDiskAlmostFull" in names) == there and len(names) == 11 + there and "OpendataLogCursorBehind" not in names


@pytest.mark.parametrize(("readers", "lag"), [
    ({"replicas": 0}, None), ({"replicas": 1}, "30"), ({"autoscaling": {"enabled": True}}, "30"),
    ({"replicas": 1, "config": {"reader": {"max_lag": "1m 30s"}}}, "90"), ({"replicas": 1, "config": {"reader": {"max_lag": "500ms"}}}, "0.5")], ids=str)
def test_the_alerts_on_read_only_servers_are_there_when_such_servers_are(readers, lag):
    values = chart.with_values(chart.example("default"), {
        "readers": readers, "prometheusRule": {"enabled": True, "runbookUrl": "https://runbooks.example.com/opendata-log/operations.html"}})
    expressions = {rule["alert"]: rule["expr"] for rule in chart.find("PrometheusRule", values)["spec"]["groups"][0]["rules"]}
    assert ("OpendataLogReadersNotReady" in expressions) == ("OpendataLogReaderBehind" in expressions) == (lag is not None)
    assert lag is None or expressions["OpendataLogReaderBehind"].endswith(f" > {lag}")


@pytest.mark.parametrize(("cache", "readers", "claims"), [
    ("pvc", "emptyDir", "demo-opendata-log-cache"), ("emptyDir", "ephemeral", CLAIMS_OF_READERS),
    ("pvc", "ephemeral", f"demo-opendata-log-cache|{CLAIMS_OF_READERS}"), ("none", "emptyDir", None)])
def test_the_alert_on_the_disk_is_on_all_volumes_that_the_kubelet_measures(cache, readers, claims):
    values = chart.with_values(chart.example("default"), {
        "cache": {"type": cache}, "readers": {"replicas": 1, "cache": {"type": readers}},
        "prometheusRule": {"enabled": True, "runbookUrl": "https://runbooks.example.com/opendata-log/operations.html"}})
    expressions = {rule["alert"]: rule["expr"] for rule in chart.find("PrometheusRule", values)["spec"]["groups"][0]["rules"]}
    assert ("OpendataLogDiskAlmostFull" in expressions) == (claims is not None)
    assert claims is None or f'persistentvolumeclaim=~"{claims}"' in expressions["OpendataLogDiskAlmostFull"]


@pytest.mark.parametrize(("limits", "full"), [({}, 9000), ({"cursors": 15}, 13), ({"cursors": 2_000_000}, 1_800_000)])
def test_the_alert_on_cursors_leaves_room_for_a_tenth_of_them(limits, full):
    values = chart.with_values(chart.example("default"), {
        "config": {"limits": limits},
        "prometheusRule": {"enabled": True, "runbookUrl": "https://runbooks.example.com/opendata-log/operations.html"}})
    almost, = [rule["expr"] for rule in chart.find("PrometheusRule", values)["spec"]["groups"][0]["rules"]
               if rule["alert"] == "OpendataLogCursorsAlmostFull"]
    assert almost.endswith(f" > {full}")


@pytest.mark.parametrize(("within", "seconds"), [(None, 90000), ("7d", 608400), ("1s", 3601), ("1day 12h", 133200)])
def test_the_alert_on_purges_waits_an_hour_longer_than_a_purge_may_take(within, seconds):
    values = chart.with_values(chart.example("default"), {
        "config": {"retention": {"purge_within": within}},
        "prometheusRule": {"enabled": True, "runbookUrl": "https://runbooks.example.com/opendata-log/operations.html"}})
    late, = [rule["expr"] for rule in chart.find("PrometheusRule", values)["spec"]["groups"][0]["rules"] if rule["alert"] == "OpendataLogPurgeLate"]
    assert late.endswith(f"> {seconds}")


def test_the_alert_on_backups_is_there_when_the_chart_makes_them():
    rule = {"prometheusRule": {"enabled": True, "runbookUrl": "https://runbooks.example.com/opendata-log/operations.html"}}
    backup = {"enabled": True, "to": "s3://my-log-backups/my-log", "lateAfterSeconds": 90000}
    expressions = [{rule["alert"]: rule["expr"] for rule in chart.find("PrometheusRule", chart.with_values(chart.example("default"), values))[
        "spec"]["groups"][0]["rules"]} for values in (rule, rule | {"backup": backup})]
    assert expressions[1].keys() - expressions[0].keys() == {"OpendataLogBackupLate"}
    late = expressions[1]["OpendataLogBackupLate"]
    assert late.count("> 90000") == 2 and late.count('cronjob="demo-opendata-log-backup"') == 3


def test_the_queries_of_the_documents_are_promql(tmp_path):
    pages = [path.read_text() for path in (chart.ROOT / "docs").glob("*.md")]
    found = [query for page in pages for query in re.findall(r"```promql\n(.*?)```", page, re.DOTALL)]
    recorded = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(found)]
    assert recorded
    (tmp_path / "queries.yaml").write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": recorded}]}))
    promtool("check", "rules", tmp_path / "queries.yaml")


@pytest.mark.parametrize("page", sorted((chart.ROOT / "docs").glob("*.md")), ids=lambda page: page.stem)
def test_the_documents_name_metrics_that_there_are(page, scraped):
    # `log_…` is also a word in paths and file names: only what stands in code counts.
    # Scripts have names of their own.
    text = re.sub(r"```sh\n.*?```", "", page.read_text(), flags=re.DOTALL)
    code = re.findall(r"`([^`]+)`", text)
    named = {name for text in code for name in METRIC.findall(text)}
    # A histogram is named without what its series end in, and a family by how its names begin.
    unknown = {name for name in named - OF_THE_CLUSTER if not any(metric.startswith(name) for metric in scraped)}
    # A setting, and the crate that the documented command generates.
    unknown -= {"log_format", "log_api"}
    assert not unknown, "neither a metric nor another thing that is named like one"
