"""Read-only servers: what the values below `readers` render, and that nothing mixes them up with the server that writes."""

import re

import pytest
import yaml

import chart

FIND = {"Service": lambda spec: spec["selector"], "Deployment": lambda spec: spec["selector"]["matchLabels"],
        "NetworkPolicy": lambda spec: spec["podSelector"]["matchLabels"], "PodDisruptionBudget": lambda spec: spec["selector"]["matchLabels"],
        "PodMonitor": lambda spec: spec["selector"]["matchLabels"]}


def with_readers(example: str = "default", /, readers: dict | None = None, **more) -> dict:
    """An example with one read-only server."""
    values = chart.with_values(chart.example(example), {"readers": {"replicas": 1, "autoscaling": {"enabled": False}}} | more)
    return chart.with_values(values, {"readers": readers or {}})


def of_readers(kind: str, values: dict, ending: str = "-readers") -> dict | None:
    return chart.find(kind, values, ending=ending, readers=True)


def config(values: dict, readers: bool = True) -> dict:
    return yaml.safe_load(chart.server_config(values, readers))


def template(values: dict, readers: bool = True) -> dict:
    return chart.find("Deployment", values, readers=readers)["spec"]["template"]


def checksum(values: dict, readers: bool = True) -> str:
    return template(values, readers)["metadata"]["annotations"]["checksum/config"]


@pytest.mark.parametrize("example", ["default", "gke", "tls-tokens"])
def test_there_are_none_by_default(example):
    assert not [name for name, text in chart.render(chart.example(example)).items() if "-reader" in text or "OpendataLogReader" in text]


def test_they_only_read_whatever_a_variable_says():
    values = with_readers(config={"storage": {"take_over": True}})
    assert config(values)["read_only"] is True and "take_over" not in config(values)["storage"]
    assert chart.container(values, readers=True)["args"] == ["--config", "/etc/opendata-log/log.yaml", "--read-only"]
    assert config(values, readers=False)["storage"]["take_over"] is True and "read_only" not in config(values, readers=False)
    assert chart.container(values)["args"] == ["--config", "/etc/opendata-log/log.yaml"]


def test_the_writer_is_the_same_with_them_and_without():
    for example in "default", "tls-tokens":
        with_and_without = [[d for d in chart.documents(values) if "-readers" not in d["metadata"]["name"] and d["kind"] not in (
            "Pod", "Certificate", "PrometheusRule")] for values in (with_readers(example), chart.example(example))]
        assert with_and_without[0] == with_and_without[1]


def test_their_settings_are_in_the_place_of_the_writers_also_when_they_are_false_or_0():
    values = with_readers(config={"cache": {"on_flush": True}, "limits": {"followers": 7, "cursors": 5}, "log": "info"}, readers={"config": {
        "cache": {"on_flush": False}, "limits": {"followers": 0}, "reader": {"poll_interval": "5s"}}})
    read, written = config(values), config(values, readers=False)
    assert read["cache"]["on_flush"] is False and read["limits"] == {"followers": 0, "cursors": 5} and read["log"] == "info"
    assert read["reader"] == {"poll_interval": "5s"} and read["storage"] == written["storage"]
    assert written["cache"]["on_flush"] is True and written["limits"] == {"followers": 7, "cursors": 5} and "reader" not in written


def test_a_changed_configuration_rolls_those_that_it_is_for():
    before = with_readers()
    theirs = with_readers(readers={"config": {"reader": {"poll_interval": "5s"}}})
    of_both = with_readers(config={"limits": {"followers": 7}})
    assert checksum(theirs) != checksum(before) and checksum(theirs, readers=False) == checksum(before, readers=False)
    assert checksum(of_both) != checksum(before) and checksum(of_both, readers=False) != checksum(before, readers=False)


@pytest.mark.parametrize(("cache", "volume"), [
    ({}, {"emptyDir": {"sizeLimit": "10Gi"}}),
    ({"size": "20Gi"}, {"emptyDir": {"sizeLimit": "20Gi"}}),
    ({"type": "ephemeral"}, {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}),
    ({"type": "ephemeral", "storageClass": "gp3"},
     {"accessModes": ["ReadWriteOnce"], "storageClassName": "gp3", "resources": {"requests": {"storage": "10Gi"}}}),
    ({"type": "none"}, None)], ids=str)
def test_each_has_a_cache_of_its_own(cache, volume):
    # Not the size of the writer's.
    values = with_readers(readers={"cache": cache}, config={"cache": {"max_bytes": "50GiB", "preload": "l0"}})
    found = next((each for each in chart.pod(values, readers=True)["volumes"] if each["name"] == "cache"), None)
    if volume is None:
        assert found is None and "cache" not in config(values)
        return
    del found["name"]
    assert (found["ephemeral"]["volumeClaimTemplate"]["spec"] if "ephemeral" in found else found) == volume
    size = int(cache.get("size", "10Gi").removesuffix("Gi"))
    assert config(values)["cache"] == {"dir": "/var/cache/opendata-log/parts", "max_bytes": f"{size * 1024 * 85 // 100}MiB", "preload": "l0"}


def test_the_cache_takes_what_the_operator_says():
    assert config(with_readers(readers={"config": {"cache": {"max_bytes": "5GiB"}}}))["cache"]["max_bytes"] == "5GiB"


def test_they_have_an_account_and_credentials_of_their_own():
    values = with_readers(readers={"serviceAccount": {"roleArn": "arn:aws:iam::123456789012:role/read"}},
                          serviceAccount={"roleArn": "arn:aws:iam::123456789012:role/write"})
    accounts = {readers: chart.find("ServiceAccount", values, readers=readers)["metadata"] for readers in (True, False)}
    assert accounts[True]["annotations"] == {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/read"}
    assert accounts[False]["annotations"] == {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/write"}
    assert chart.pod(values, readers=True)["serviceAccountName"] == accounts[True]["name"] == "demo-opendata-log-readers"
    own = with_readers(readers={"serviceAccount": {"create": False, "name": "mine"}})
    assert of_readers("ServiceAccount", own) is None and chart.pod(own, readers=True)["serviceAccountName"] == "mine"
    # Of a role the writer has no static credentials either.
    keys = with_readers(readers={"credentialsSecret": {"name": "read-keys", "accessKeyIdKey": "id"}}, serviceAccount={
        "roleArn": "arn:aws:iam::123456789012:role/write"})
    secrets = [variable["valueFrom"]["secretKeyRef"] for variable in chart.container(keys, readers=True)["env"] if "valueFrom" in variable]
    assert secrets == [{"name": "read-keys", "key": "id"}, {"name": "read-keys", "key": "secret-access-key"}]
    assert not [variable for variable in chart.container(keys)["env"] if "valueFrom" in variable]
    shared = with_readers(objectStore={"credentialsSecret": {"name": "keys"}})
    assert "keys" in str(chart.container(shared, readers=True)["env"])


def test_they_have_the_certificate_the_tokens_and_the_surroundings_of_the_writer():
    values = with_readers("tls-tokens")
    read, written = chart.pod(values, readers=True), chart.pod(values)
    secrets = [[source["secret"] for source in pod["volumes"][0]["projected"]["sources"] if "secret" in source] for pod in (read, written)]
    assert secrets[0] == secrets[1] and len(secrets[0]) == 2
    containers = read["containers"][0], written["containers"][0]
    for same in "image", "env", "envFrom", "ports", "startupProbe", "livenessProbe", "readinessProbe", "securityContext", "volumeMounts":
        assert containers[0][same] == containers[1][same]
    for same in "securityContext", "terminationGracePeriodSeconds", "enableServiceLinks", "automountServiceAccountToken", "initContainers":
        assert read[same] == written[same]
    names = chart.find("Certificate", values)["spec"]["dnsNames"]
    assert "demo-opendata-log-readers.logs.svc" in names and "demo-opendata-log.logs.svc" in names


def test_where_they_run_is_theirs_to_say():
    of_writer = {"nodeSelector": {"zone": "a"}, "tolerations": [{"key": "a", "operator": "Exists"}], "priorityClassName": "a",
                 "affinity": {"nodeAffinity": {}}, "podLabels": {"a": "a"}, "podAnnotations": {"a": "a"}, "resources": {"requests": {"cpu": "4"}}}
    of_them = {"nodeSelector": {"pool": "b"}, "tolerations": [{"key": "b", "operator": "Exists"}], "priorityClassName": "b",
               "affinity": {"podAffinity": {}}, "podLabels": {"b": "b"}, "podAnnotations": {"b": "b"}, "resources": {"requests": {"cpu": "2"}},
               "topologySpreadConstraints": [{"maxSkew": 2, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule"}]}
    values = with_readers(readers=of_them, **of_writer)
    pod, metadata = template(values)["spec"], template(values)["metadata"]
    for name in "nodeSelector", "tolerations", "priorityClassName", "affinity", "topologySpreadConstraints":
        assert pod[name] == of_them[name]
    assert metadata["labels"]["b"] == metadata["annotations"]["b"] == "b" and "a" not in metadata["labels"]
    assert pod["containers"][0]["resources"]["requests"]["cpu"] == "2"


def test_they_are_spread_over_zones_and_nodes():
    values = with_readers()
    spread = chart.pod(values, readers=True)["topologySpreadConstraints"]
    assert [each["topologyKey"] for each in spread] == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    assert all(each["labelSelector"]["matchLabels"].items() <= template(values)["metadata"]["labels"].items() for each in spread)
    assert "topologySpreadConstraints" not in chart.pod(values)


def test_an_update_takes_none_away_before_the_next_one_is_ready():
    spec = chart.find("Deployment", with_readers(readers={"replicas": 3}), readers=True)["spec"]
    assert spec["replicas"] == 3 and spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}}


@pytest.mark.parametrize(("budget", "most"), [({}, 1), ({"maxUnavailable": "25%"}, "25%"), ({"enabled": False}, None)], ids=str)
def test_a_drain_takes_away_a_few(budget, most):
    found = of_readers("PodDisruptionBudget", with_readers(readers={"podDisruptionBudget": budget}))
    assert (found and found["spec"]["maxUnavailable"]) == most


@pytest.mark.parametrize(("targets", "metrics"), [
    ({}, [("cpu", 70)]), ({"targetLagSeconds": 5}, [("cpu", 70), ("log_reader_lag_seconds", "5")]),
    ({"targetCPUUtilizationPercentage": 0, "targetLagSeconds": 5}, [("log_reader_lag_seconds", "5")])], ids=str)
def test_their_number_can_follow_their_load(targets, metrics):
    values = with_readers(readers={"replicas": 0, "autoscaling": {"enabled": True, "minReplicas": 3, "maxReplicas": 9, **targets}})
    deployment, scaler = of_readers("Deployment", values), of_readers("HorizontalPodAutoscaler", values)["spec"]
    assert "replicas" not in deployment["spec"], "each upgrade would set back what the autoscaler decided"
    assert scaler["scaleTargetRef"]["name"] == deployment["metadata"]["name"] and (scaler["minReplicas"], scaler["maxReplicas"]) == (3, 9)
    found = []
    for metric in scaler["metrics"]:
        of = metric["resource"] if metric["type"] == "Resource" else metric["pods"]
        found.append((of["name"], of["target"]["averageUtilization"]) if "name" in of else (of["metric"]["name"], of["target"]["averageValue"]))
    assert found == metrics
    assert of_readers("HorizontalPodAutoscaler", with_readers()) is None


@pytest.mark.parametrize("admin", [True, False])
@pytest.mark.parametrize("monitor", ["serviceMonitor", "podMonitor"])
def test_nothing_selects_both_them_and_the_writer(admin, monitor):
    values = with_readers(admin={"enabled": admin}, networkPolicy={"enabled": True, "monitoring": [{"podSelector": {}}]}, **{monitor: {"enabled": True}},
                          backup={"enabled": True, "to": "s3://backups/log"})
    documents = chart.documents(values)
    pods = {True: template(values)["metadata"]["labels"], False: template(values, readers=False)["metadata"]["labels"]}
    others = [chart.find("Pod", values, ending="-test")["metadata"]["labels"],
              chart.find("CronJob", values)["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"]]
    seen = []
    for document in documents:
        name, kind = document["metadata"]["name"], document["kind"]
        if kind not in FIND or name.endswith("-backup"):
            continue
        of_them, selector = "-readers" in name, FIND[kind](document["spec"])
        assert selector.items() <= pods[of_them].items() and not selector.items() <= pods[not of_them].items(), f"{kind} {name}"
        assert not [labels for labels in others if selector.items() <= labels.items()], f"{kind} {name}"
        seen.append((kind, of_them))
    assert {("Service", True), ("Deployment", True), ("NetworkPolicy", True), ("PodDisruptionBudget", True)} <= set(seen)
    services = [document["metadata"] for document in documents if document["kind"] == "Service"]
    for of_them in (True, False) if monitor == "serviceMonitor" else ():
        labels = chart.find("ServiceMonitor", values, readers=of_them)["spec"]["selector"]["matchLabels"]
        found, = [service["name"] for service in services if labels.items() <= service["labels"].items()]
        assert ("-readers" in found) == of_them and found.endswith("-admin") == admin


def test_the_selector_of_the_writer_is_that_of_releases_without_readers():
    assert chart.find("Deployment", with_readers())["spec"]["selector"]["matchLabels"] == {
        "app.kubernetes.io/name": "opendata-log", "app.kubernetes.io/instance": "demo"}


@pytest.mark.parametrize("kind", ["ServiceMonitor", "PodMonitor"])
def test_their_metrics_are_told_apart(kind):
    values = with_readers(**{kind[0].lower() + kind[1:]: {"enabled": True}})
    for readers, role in (True, "reader"), (False, "writer"):
        spec = chart.find(kind, values, readers=readers)["spec"]
        endpoint, = spec.get("endpoints") or spec["podMetricsEndpoints"]
        assert {"targetLabel": "role", "replacement": role} in endpoint["relabelings"]


@pytest.mark.parametrize("release", ["demo", "a-name-that-is-as-long-as-helm-will-let-it-be-12345"])
def test_the_alerts_of_the_writer_do_not_match_their_pods_nor_the_other_way_round(release):
    values = with_readers(prometheusRule={"enabled": True, "runbookUrl": "https://runbooks.example.com/opendata-log/operations.html"})
    rules = chart.find("PrometheusRule", values, release=release)["spec"]["groups"][0]["rules"]
    patterns = {rule["alert"]: re.search(r'pod=~"([^"]+)"', rule["expr"])[1] for rule in rules if "pod=~" in rule["expr"]}
    pods = {}
    for readers in True, False:
        deployment = chart.find("Deployment", values, release=release, readers=readers)["metadata"]["name"]
        # What Kubernetes appends: a hash of the template, and five characters to a base that it cuts at 58.
        base = f"{deployment}-7d4b9c6f5x-"
        assert len(base) <= 58, "the name would be cut, and no pattern would match it"
        pods[readers] = f"{base}abcde"
    for alert, pattern in patterns.items():
        matched = {readers for readers, pod in pods.items() if re.fullmatch(pattern, pod)}
        of_both = alert in ("OpendataLogErrorRatioHigh", "OpendataLogCacheEvicting")
        assert matched == ({True, False} if of_both else {"Reader" in alert}), alert


def test_what_is_the_writers_leads_to_the_writer():
    values = with_readers("tls-tokens", backup={"enabled": True, "to": "s3://backups/log"}, httpRoute={"enabled": False})
    ingress = chart.find("Ingress", values)["spec"]["rules"][0]["http"]["paths"]
    assert [path["backend"]["service"]["name"] for path in ingress] == ["demo-opendata-log"]
    backup = chart.find("CronJob", values)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert backup["volumes"][0]["projected"]["sources"][0]["configMap"]["name"] == "demo-opendata-log"


def test_a_policy_lets_in_the_same_clients_to_both():
    for example in "eks-irsa", "s3-on-premises", "tls-tokens":
        values = with_readers(example, readers={"forwardToWriter": False, "writerToken": {"existingSecret": ""}})
        policies = [chart.find("NetworkPolicy", values, ending="-readers" if readers else "opendata-log", readers=readers)["spec"] for readers in (True, False)]
        for policy in policies:
            del policy["podSelector"]
        assert policies[0] == policies[1]


def test_their_service_is_where_the_operator_wants_it():
    values = with_readers(readers={"service": {"type": "LoadBalancer", "port": 80, "annotations": {"internal": "true"}, "externalTrafficPolicy": "Local"}},
                          auth={"iKnowThatEverybodyCanWrite": True})
    service = of_readers("Service", values)
    assert service["metadata"]["annotations"] == {"internal": "true"} and service["spec"]["ports"][0]["port"] == 80
    assert service["spec"]["type"] == "LoadBalancer" and chart.find("Service", values)["spec"]["type"] == "ClusterIP"
    assert "http://demo-opendata-log-readers.logs.svc:80\n" in chart.render(values)["NOTES.txt"]
