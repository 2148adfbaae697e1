"""What the templates make of single values."""

import pytest

import chart


def default(**more) -> dict:
    return chart.with_values(chart.example("default"), more)


def checksum(values: dict) -> str:
    return chart.find("Deployment", values)["spec"]["template"]["metadata"]["annotations"]["checksum/config"]


def cache_volume(**cache) -> dict | None:
    volumes = chart.pod(default(cache=cache))["volumes"]
    return next((volume for volume in volumes if volume["name"] == "cache"), None)


def test_a_changed_configuration_rolls_the_pod():
    before = checksum(default())
    assert checksum(default(config={"durability": {"flush_spacing": "50ms"}})) != before
    assert checksum(default(cache={"size": "50Gi"})) != before


def test_what_is_not_configuration_does_not_roll_the_pod():
    pods = [chart.find("Deployment", values)["spec"]["template"]
            for values in (default(), default(service={"type": "NodePort"}, auth={"iKnowThatEverybodyCanWrite": True}, prometheusRule={"enabled": True, "runbookUrl": "https://a.example"}))]
    assert pods[0] == pods[1]


def test_the_old_server_ends_before_the_new_one_starts():
    spec = chart.find("Deployment", default())["spec"]
    assert spec["replicas"] == 1 and spec["strategy"] == {"type": "Recreate"}
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] == 60


def test_a_start_may_take_as_long_as_the_server_may_take_to_open_the_log():
    container = chart.container(default())
    allowed = container["startupProbe"]["periodSeconds"] * container["startupProbe"]["failureThreshold"]
    assert "open: 10m" in chart.server_config(default()) and allowed > 600
    assert chart.find("Deployment", default())["spec"]["progressDeadlineSeconds"] > allowed


def test_the_probes_ask_what_they_are_for():
    container = chart.container(default())
    paths = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/-/ready", "liveness": "/-/healthy", "readiness": "/-/ready"}


def test_the_pod_has_no_rights_that_it_does_not_need():
    pod, container = chart.pod(default()), chart.container(default())
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] == 65532
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert pod["automountServiceAccountToken"] is False


@pytest.mark.parametrize(("size", "cached"), [("100Gi", "87040MiB"), ("1Ti", "891289MiB"), ("200G", "162124MiB")])
def test_the_cache_takes_85_percent_of_its_volume(size, cached):
    assert f"max_bytes: {cached}" in chart.server_config(default(cache={"size": size}))


def test_the_cache_takes_what_the_operator_says():
    assert "max_bytes: 50GiB" in chart.server_config(default(config={"cache": {"max_bytes": "50GiB"}}))


def test_the_cache_is_on_a_claim_of_its_own():
    assert cache_volume() == {"name": "cache", "persistentVolumeClaim": {"claimName": "demo-opendata-log-cache"}}
    claim = chart.find("PersistentVolumeClaim", default(cache={"storageClass": "gp3"}))
    assert claim["spec"]["storageClassName"] == "gp3" and claim["spec"]["resources"]["requests"]["storage"] == "100Gi"
    assert "storageClassName" not in chart.find("PersistentVolumeClaim", default())["spec"]
    assert chart.find("PersistentVolumeClaim", default(cache={"storageClass": "-"}))["spec"]["storageClassName"] == ""


def test_the_cache_can_be_on_a_claim_that_is_there():
    values = default(cache={"existingClaim": "mine"})
    assert cache_volume(existingClaim="mine")["persistentVolumeClaim"] == {"claimName": "mine"}
    assert chart.find("PersistentVolumeClaim", values) is None


def test_the_cache_can_be_on_a_local_disk_that_ends_with_the_pod():
    volume = cache_volume(type="localNvme", storageClass="local-nvme")
    assert volume["ephemeral"]["volumeClaimTemplate"]["spec"]["storageClassName"] == "local-nvme"
    assert cache_volume(type="emptyDir", size="30Gi") == {"name": "cache", "emptyDir": {"sizeLimit": "30Gi"}}


def test_without_a_cache_there_is_no_volume_and_no_setting():
    assert cache_volume(type="none") is None
    assert "cache" not in chart.server_config(default(cache={"type": "none"}))


def test_a_certificate_and_tokens_that_are_there_are_mounted_where_the_server_looks():
    values = default(tls={"enabled": True, "existingSecret": "mine"}, auth={"existingSecret": "tokens", "key": "list"})
    sources = chart.pod(values)["volumes"][0]["projected"]["sources"]
    assert {"secret": {"name": "tokens", "items": [{"key": "list", "path": "auth/tokens"}]}} in sources
    assert [source["secret"]["name"] for source in sources if "secret" in source] == ["mine", "tokens"]
    config = chart.server_config(values)
    assert "certificate: /etc/opendata-log/tls/tls.crt" in config and "tokens: /etc/opendata-log/auth/tokens" in config
    assert chart.find("Certificate", values) is None


def test_a_digest_wins_over_a_tag():
    digest = "sha256:" + "0" * 64
    assert chart.container(default())["image"] == "registry.example.com/opendata-log:0.1.0"
    assert chart.container(default(image={"tag": "1.2"}))["image"] == "registry.example.com/opendata-log:1.2"
    assert chart.container(default(image={"tag": "1.2", "digest": digest}))["image"] == f"registry.example.com/opendata-log@{digest}"


def test_the_role_is_on_the_service_account():
    account = chart.find("ServiceAccount", default(serviceAccount={"roleArn": "arn:aws:iam::123456789012:role/my-log"}))
    assert account["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/my-log"}
    own = default(serviceAccount={"create": False, "name": "mine"})
    assert chart.find("ServiceAccount", own) is None and chart.pod(own)["serviceAccountName"] == "mine"


def test_the_admin_port_is_never_on_a_load_balancer():
    values = default(service={"type": "LoadBalancer"}, admin={"enabled": True}, auth={"iKnowThatEverybodyCanWrite": True})
    public = chart.find("Service", values, ending="opendata-log")["spec"]
    assert public["type"] == "LoadBalancer" and [port["name"] for port in public["ports"]] == ["http"]
    assert chart.find("Service", values, ending="-admin")["spec"]["type"] == "ClusterIP"


@pytest.mark.parametrize("example", ["cluster", "default", "eks-irsa", "tls-tokens"])
def test_services_monitors_and_policies_find_the_pod_and_not_the_test(example):
    values = chart.example(example)
    labels = chart.workload(values)["spec"]["template"]["metadata"]["labels"]
    test = chart.find("Pod", values, ending="-test")["metadata"]["labels"]
    of_writer = [d for d in chart.documents(values) if not d["metadata"]["name"].endswith("-backup") and "-readers" not in d["metadata"]["name"]]
    selectors = [d["spec"]["selector"] for d in of_writer if d["kind"] == "Service"]
    selectors += [d["spec"]["podSelector"]["matchLabels"] for d in of_writer if d["kind"] == "NetworkPolicy"]
    for selector in selectors:
        assert selector.items() <= labels.items() and not selector.items() <= test.items()
    monitor = chart.find("ServiceMonitor", values)
    if monitor:
        found = [d["metadata"]["name"] for d in chart.documents(values) if d["kind"] == "Service"
                 and monitor["spec"]["selector"]["matchLabels"].items() <= d["metadata"]["labels"].items()]
        assert len(found) == 1, "everything would be scraped twice, or nothing"


@pytest.mark.parametrize("example", ["cluster", "default", "eks-irsa", "s3-on-premises", "tls-tokens"])
def test_every_port_that_is_named_is_there(example):
    values = chart.example(example)
    of_pod = {port["name"] for port in chart.container(values)["ports"]}
    services = [d["spec"] for d in chart.documents(values) if d["kind"] == "Service"]
    of_services = {port["name"] for service in services for port in service["ports"]}
    assert {port["targetPort"] for service in services for port in service["ports"]} <= of_pod
    for policy in [d["spec"] for d in chart.documents(values) if d["kind"] == "NetworkPolicy"]:
        assert {port["port"] for rule in policy["ingress"] for port in rule["ports"]} <= of_pod
    for monitor in [d["spec"] for d in chart.documents(values) if d["kind"] in ("ServiceMonitor", "PodMonitor")]:
        known = of_services if "endpoints" in monitor else of_pod
        assert {endpoint["port"] for endpoint in monitor.get("endpoints") or monitor["podMetricsEndpoints"]} <= known
    for ingress in [d["spec"] for d in chart.documents(values) if d["kind"] == "Ingress"]:
        assert {path["backend"]["service"]["port"]["name"] for rule in ingress["rules"] for path in rule["http"]["paths"]} <= of_services


def test_long_names_leave_room_for_what_kubernetes_appends():
    release = "a-name-that-is-as-long-as-helm-will-let-it-be-12345"
    for document in chart.documents(default(), release):
        assert len(document["metadata"]["name"]) <= 57


def test_a_release_that_is_called_as_the_chart_does_not_say_it_twice():
    assert chart.find("Deployment", default(), release="opendata-log")["metadata"]["name"] == "opendata-log"
    assert chart.find("Deployment", default(fullnameOverride="log"))["metadata"]["name"] == "log"


def test_in_memory_needs_no_bucket_and_says_what_that_means():
    values = {"image": {"repository": "log"}, "config": {"storage": {"in_memory": True}}}
    assert "bucket" not in chart.server_config(values)
    assert "all data is lost when the pod stops" in chart.render(values)["NOTES.txt"]


def test_the_notes_say_when_everybody_may_do_everything():
    assert "WARNING: anyone" in chart.render(default())["NOTES.txt"]
    assert "WARNING" not in chart.render(chart.example("tls-tokens"))["NOTES.txt"]


def test_a_policy_lets_in_who_is_named_and_out_only_where_the_server_must_go():
    policy = chart.find("NetworkPolicy", chart.example("s3-on-premises"))["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert [port["port"] for port in policy["egress"][1]["ports"]] == [9000] and policy["egress"][1]["to"]
    clients = chart.find("NetworkPolicy", chart.example("tls-tokens"))["spec"]["ingress"]
    assert len(clients[0]["from"]) == 3, "the clients, the monitoring, which has no port of its own, and the test"
    test = chart.find("Pod", chart.example("tls-tokens"), ending="-test")["metadata"]["labels"]
    assert clients[0]["from"][2]["podSelector"]["matchLabels"].items() <= test.items()
    apart = chart.find("NetworkPolicy", chart.example("eks-irsa"), ending="opendata-log")["spec"]["ingress"]
    assert [rule["ports"][0]["port"] for rule in apart] == ["http", "admin", "http"] and apart[1]["from"]
    assert [list(peer) for peer in apart[2]["from"]] == [["podSelector"]], "the read-only servers, which forward"


@pytest.mark.parametrize("admin", [True, False])
@pytest.mark.parametrize("more", [{}, {"restrictEgress": True}, {"clients": [], "monitoring": []}], ids=str)
def test_a_policy_with_empty_lists_lets_nobody_in_but_the_pod_of_the_test(admin, more):
    values = default(networkPolicy={"enabled": True, **more}, admin={"enabled": admin})
    policy = chart.find("NetworkPolicy", values)["spec"]
    assert "Ingress" in policy["policyTypes"]
    test = chart.find("Pod", values, ending="-test")["metadata"]["labels"]
    # A rule without `from`, or with an empty one, would let in everybody.
    peers = [peer for rule in policy["ingress"] for peer in rule["from"]]
    assert len(policy["ingress"]) == 1 and [list(peer) for peer in peers] == [["podSelector"]]
    assert peers[0]["podSelector"]["matchLabels"].items() <= test.items() and peers[0]["podSelector"]["matchLabels"]
