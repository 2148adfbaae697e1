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
CASES = sorted((chart.CHARTS / "tests").glob("*.test.yaml"))
# Of the kubelet and of kube-state-metrics: not ours, so no scrape of the server has them.
OF_THE_CLUSTER = {"kubelet_volume_stats_available_bytes", "kubelet_volume_stats_capacity_bytes",
                  "kube_pod_container_status_last_terminated_exitcode", "kube_pod_container_status_restarts_total",
                  "kube_cronjob_status_last_successful_time", "kube_cronjob_created"}
CLAIMS_OF_READERS = "demo-opendata-log-readers-[a-z0-9]+-[a-z0-9]{5}-cache"
METRIC = re.compile(r"\b((?:log|http|slatedb|process|kubelet|kube)_[a-z0-9_]+)\b")

each_dashboard = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)


def rules() -> dict:
    return chart.find("PrometheusRule", chart.example("eks-irsa"))["spec"]


def alerts() -> list[dict]:
    return [rule for group in rules()["groups"] for rule in group["rules"] if "alert" in rule]


def promtool(*args, cwd=None):
    run = subprocess.run(["promtool", *map(str, args)], cwd=cwd, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def queries(path) -> list[str]:
    """Every expression of a dashboard, with Grafana's variables filled in."""
    dashboard = json.loads(path.read_text())
    found = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    found += [note["expr"] for note in dashboard["annotations"]["list"] if "expr" in note]
    filled = {"$__rate_interval": "5m", "$__interval": "1m", "$namespace": "logs", "$pod": ".*", "$claim": ".*-cache"}
    for variable, value in filled.items():
        found = [query.replace(variable, value) for query in found]
    return found


@pytest.fixture(scope="module")
def scraped(binary, s3, tmp_path_factory) -> set[str]:
    """The names of all metrics of a server on S3 with a disk cache that was used, and of a read-only server that it tells what is new."""
    folder = tmp_path_factory.mktemp("scraped")
    s3.make_bucket("scraped")
    url, reader_url = (f"http://127.0.0.1:{port}" for port in processes.free_ports(2))

    def server(at: str, name: str, *more: str) -> processes.Server:
        env = {**s3.env(), "LOG_CACHE__DIR": str(folder / name)}
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
        texts = [processes.request(f"{each}/metrics")[1] for each in (url, reader_url)]
    finally:
        for each in servers:
            each.kill()
    for text in texts:
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        assert "error" not in checked.stdout, checked.stdout
    return set(re.findall(r"^([a-z0-9_]+)(?:\{| )", "\n".join(texts), re.MULTILINE))


def test_the_alerts_are_rules_that_prometheus_takes(tmp_path):
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules()))
    promtool("check", "rules", tmp_path / "rules.yaml")


def test_every_alert_fires_when_it_should_and_only_then(tmp_path):
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules()))
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


def test_an_alert_can_be_left_out_and_gets_the_labels_that_route_it():
    spec = chart.find("PrometheusRule", chart.example("s3-on-premises"))["spec"]
    names = [rule.get("alert", rule.get("record")) for rule in spec["groups"][0]["rules"]]
    assert "OpendataLogCacheEvicting" not in names
    assert "OpendataLogDiskAlmostFull" in names and "opendata_log:append_records:rate5m" in names
    assert all(alert["labels"]["team"] == "storage" for alert in alerts())


@each_dashboard
def test_the_queries_of_a_dashboard_are_promql(path, tmp_path):
    recorded = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries(path))]
    assert len(recorded) > 40
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
    assert {variable["name"] for variable in dashboard["templating"]["list"]} == {"datasource", "namespace", "pod", "claim"}


def test_the_dashboards_arrive_in_grafana_as_they_are_here_but_for_the_claim_of_the_cache():
    data = chart.find("ConfigMap", chart.example("eks-irsa"), ending="-dashboards")["data"]
    assert {name: json.loads(text) for name, text in data.items()} == {
        path.name: json.loads(path.read_text().replace(".*-cache", f"demo-opendata-log-cache|{CLAIMS_OF_READERS}")) for path in DASHBOARDS}


def test_the_volume_that_a_dashboard_shows_is_that_of_the_releases_claim():
    values = chart.with_values(chart.example("eks-irsa"), {"cache": {"existingClaim": "mine"}})
    dashboard = json.loads(chart.find("ConfigMap", values, ending="-dashboards")["data"]["opendata-log.json"])
    claim = next(variable for variable in dashboard["templating"]["list"] if variable["name"] == "claim")
    assert claim["query"] == claim["current"]["value"] == f"mine|{CLAIMS_OF_READERS}"
    volume = next(panel for panel in dashboard["panels"] if panel["title"] == "The cache's volume")
    assert 'persistentvolumeclaim=~"$claim"' in volume["targets"][0]["expr"]


@each_dashboard
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
@each_dashboard
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


@each_dashboard
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
