"""The CronJob of backups: what it renders, and that its containers run as rendered against a real server and a real bucket."""

import json
import os
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest

import chart
import custom_resources
import dockerfile
import processes
from local_pod import LocalPod
from test_examples import NEWEST, OLDEST

TO = "s3://job-backups/my-log"


def backed_up(name: str = "default", **backup) -> dict:
    return chart.with_values(chart.example(name), {"backup": {"enabled": True, "to": TO, **backup}})


def job(values: dict) -> dict:
    return chart.find("CronJob", values)["spec"]


def pod(values: dict) -> dict:
    return job(values)["jobTemplate"]["spec"]["template"]["spec"]


def containers(values: dict) -> list[dict]:
    """In the order in which Kubernetes runs them."""
    return [*pod(values).get("initContainers", []), *pod(values)["containers"]]


def env(container: dict) -> dict:
    return {variable["name"]: variable.get("value", variable.get("valueFrom")) for variable in container.get("env", [])}


def test_there_are_no_backups_unless_they_are_asked_for():
    values = chart.example("default")
    assert chart.find("CronJob", values) is None and chart.find("ServiceAccount", values, ending="-backup") is None
    assert "No backups are made" in chart.render(values)["NOTES.txt"]
    assert TO in chart.render(backed_up())["NOTES.txt"]
    assert "WARNING: backup.suspend" in chart.render(backed_up(suspend=True))["NOTES.txt"]


def test_backups_come_one_after_the_other_and_end_in_their_time():
    spec = job(backed_up(schedule="@hourly", suspend=True, activeDeadlineSeconds=100, backoffLimit=5, timeZone="Europe/Berlin",
                         successfulJobsHistoryLimit=1, failedJobsHistoryLimit=2, startingDeadlineSeconds=60))
    assert spec["concurrencyPolicy"] == "Forbid" and spec["suspend"] is True and spec["timeZone"] == "Europe/Berlin"
    assert (spec["schedule"], spec["startingDeadlineSeconds"]) == ("@hourly", 60)
    assert (spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]) == (1, 2)
    assert (spec["jobTemplate"]["spec"]["activeDeadlineSeconds"], spec["jobTemplate"]["spec"]["backoffLimit"]) == (100, 5)
    assert pod(backed_up())["restartPolicy"] == "Never"


def test_damage_ends_a_job_and_other_failures_are_tried_again(binary):
    rule, = job(backed_up())["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
    assert rule == {"action": "FailJob", "onExitCodes": {"containerName": "backup", "operator": "In", "values": [1]}}
    assert "podFailurePolicy" not in job(backed_up(verify=False))["jobTemplate"]["spec"]
    help_text = subprocess.run([binary, "backup", "--help"], capture_output=True, text=True, check=True).stdout
    assert "1 --verify found damage; 2 failed" in help_text


def test_old_backups_are_pruned_after_a_backup_that_succeeded_and_none_if_all_are_kept():
    config = ["--config", "/etc/opendata-log/log.yaml", "--to", TO]
    assert [each["args"] for each in containers(backed_up(keep=30))] == [
        ["backup", *config, "--verify"], ["backup", "prune", *config, "--keep", "30"]]
    assert [each["args"] for each in containers(backed_up(keep=0, verify=False))] == [["backup", *config]]


def test_its_pod_has_no_more_rights_than_the_server_and_an_account_of_its_own():
    values = backed_up("eks-irsa")
    spec = pod(values)
    assert spec["securityContext"] == chart.pod(values)["securityContext"] and spec["automountServiceAccountToken"] is False
    for container in containers(values):
        assert container["securityContext"] == chart.container(values)["securityContext"]
        assert container["image"] == chart.container(values)["image"]
        assert [mount["name"] for mount in container["volumeMounts"]] == ["config"]
    assert spec["serviceAccountName"] == "demo-opendata-log-backup" != chart.pod(values)["serviceAccountName"]
    account = chart.find("ServiceAccount", values, ending="-backup")
    assert account["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/my-log-backup"}
    sources = spec["volumes"][0]["projected"]["sources"]
    assert [list(source) for source in sources] == [["configMap"]], "tokens and the key of the certificate are not for backups"
    own = backed_up(serviceAccount={"create": False, "name": "mine"})
    assert pod(own)["serviceAccountName"] == "mine" and chart.find("ServiceAccount", own, ending="-backup") is None


def test_its_own_static_credentials_win_over_those_of_the_server():
    values = chart.with_values(backed_up(), {"objectStore": {"credentialsSecret": {"name": "of-the-server"}}})
    apart = chart.with_values(values, {"backup": {"credentialsSecret": {"name": "of-backups", "accessKeyIdKey": "id"}}})
    secrets = [env(containers(each)[0])["AWS_ACCESS_KEY_ID"]["secretKeyRef"] for each in (values, apart)]
    assert secrets == [{"name": "of-the-server", "key": "access-key-id"}, {"name": "of-backups", "key": "id"}]


def test_the_variables_of_the_server_reach_backups_and_theirs_do_not_reach_the_server():
    values = chart.with_values(backed_up(extraEnv=[{"name": "B", "value": "2"}]), {"extraEnv": [{"name": "A", "value": "1"}]})
    assert all({"A": "1", "B": "2"}.items() <= env(each).items() for each in containers(values))
    assert "B" not in env(chart.container(values))


def test_a_policy_lets_nobody_in_and_backups_out_as_the_server():
    values = chart.with_values(backed_up("s3-on-premises"), {"networkPolicy": {"restrictEgress": True}})
    server = chart.find("NetworkPolicy", values, ending="opendata-log")["spec"]
    backup = chart.find("NetworkPolicy", values, ending="-backup")["spec"]
    assert backup["egress"] == server["egress"] and backup["egress"] and backup["ingress"] == []
    assert backup["policyTypes"] == ["Ingress", "Egress"]
    labels = job(values)["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
    assert backup["podSelector"]["matchLabels"].items() <= labels.items()
    # Neither the Service nor the server's policy takes the pod for a server.
    services = [document["spec"]["selector"] for document in chart.documents(values) if document["kind"] == "Service"]
    for selector in [*services, server["podSelector"]["matchLabels"]]:
        assert not selector.items() <= labels.items()
    closed = chart.with_values(values, {"networkPolicy": {"restrictEgress": False}})
    assert chart.find("NetworkPolicy", closed, ending="-backup")["spec"]["policyTypes"] == ["Ingress"]


def test_a_backup_is_not_refused_next_to_the_log_and_in_a_bucket_with_a_longer_name():
    for to in ("s3://my-log/backups", "s3://my-log/logs", "s3://my-log-backups/log", "az://account/container/log"):
        chart.render(backed_up(to=to))


@pytest.mark.parametrize(("storage", "to"), [
    ({"s3": {"bucket": "my-log", "prefix": "a/b"}}, "s3://my-log/a/b/"),
    ({"s3": {"bucket": "my-log"}, "wal": {"s3": {"bucket": "fast"}}}, "s3://fast/log/backups"),
    ({"s3": {"bucket": ""}, "gcs": {"bucket": "my-log"}}, "gs://my-log/log"),
    ({"s3": {"bucket": ""}, "azure": {"account": "a", "container": "c", "prefix": "p"}}, "az://a/c/p/backups"),
], ids=str)
def test_a_backup_into_the_log_itself_is_refused_in_every_store(storage, to):
    with pytest.raises(Exception, match="is in the log itself"):
        chart.render(chart.with_values(backed_up(to=to), {"config": {"storage": storage}}))


@pytest.mark.parametrize(("backup", "said"), [
    ({"schedule": "every day"}, "/backup/schedule"), ({"to": "my-bucket"}, "/backup/to"), ({"keep": -1}, "/backup/keep"),
    ({"keep": "7"}, "/backup/keep"), ({"retries": 3}, "retries"), ({"timeZone": ""}, "/backup/timeZone"),
], ids=str)
def test_what_the_schema_refuses(backup, said):
    with pytest.raises(Exception, match=said):
        chart.render(backed_up(**backup))


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("values", [backed_up(), backed_up(keep=0), backed_up(to="", existingClaim="mine"), backed_up("aks"), backed_up("gke"),
                                    backed_up("s3-on-premises"), backed_up("cluster")], ids=range(7))
def test_what_it_renders_is_valid(values, version):
    for document in chart.documents(values):
        if not custom_resources.is_custom(document):
            kubernetes_validate.validate(document, version, strict=True)


def run(binary: str, values: dict, config: Path, folder: Path) -> list[subprocess.CompletedProcess]:
    """Runs the containers of a job as Kubernetes would, each after the one before it has succeeded, with these files of configuration."""
    secrets = {"access-key-id": processes.ACCESS_KEY, "secret-access-key": processes.SECRET_KEY}
    ran = []
    for container in containers(values):
        given = {name: value if isinstance(value, str) else secrets[value["secretKeyRef"]["key"]] for name, value in env(container).items()}
        local = [argument.replace("/etc/opendata-log", str(config)).replace("/backups/demo", f"{folder}/demo") for argument in container["args"]]
        inside = {"PATH": os.environ["PATH"], **dockerfile.environment(), **given}
        ran.append(subprocess.run([binary, *local], env=inside, capture_output=True, text=True, timeout=60))
        if ran[-1].returncode:
            break
    return ran


def append(url: str):
    record = b'{"records": [{"key": "b3JkZXJz", "value": "Zmlyc3Q="}], "awaitDurable": true}'
    assert processes.request(f"{url}/api/v1/log/append", {}, record)[0] == 200


def test_the_containers_back_up_verify_prune_and_fail_as_rendered(binary, s3, start, tmp_path):
    for bucket in ("job-log", "job-backups"):
        s3.make_bucket(bucket)
    store = {"objectStore": {"endpoint": s3.endpoint, "allowHttp": True, "credentialsSecret": {"name": "keys"}},
             "config": {"storage": {"s3": {"bucket": "job-log", "region": "us-east-1"}}}}
    values = chart.with_values(backed_up(keep=2), store)
    server = LocalPod(values, tmp_path / "pod")
    url, config = server.start(start)["http"], server.mounts["/etc/opendata-log"]
    for _ in range(3):
        append(url)
        backup, prune = run(binary, values, config, tmp_path)
        assert (backup.returncode, prune.returncode) == (0, 0), backup.stderr + prune.stderr
        assert "verified" in backup.stdout
    assert "deleted 1 backups" in prune.stdout
    # Lines, not a bar: `kubectl logs` shows them.
    assert "copying data" in backup.stderr and "\x1b" not in backup.stderr

    # In a bucket that is not there, nothing is pruned.
    failed, = run(binary, chart.with_values(values, {"backup": {"to": "s3://job-not-there/my-log"}}), config, tmp_path)
    assert failed.returncode == 2 and "job-not-there" in failed.stderr.splitlines()[-1]

    # To a volume, where the first attempt makes the folder of the release.
    on_volume = chart.with_values(values, {"backup": {"to": "", "existingClaim": "mine"}})
    mount = containers(on_volume)[0]["volumeMounts"][1]
    assert mount == {"name": "backups", "mountPath": "/backups"}
    assert {"name": "backups", "persistentVolumeClaim": {"claimName": "mine"}} in pod(on_volume)["volumes"]
    ran = run(binary, on_volume, config, tmp_path)
    assert [each.returncode for each in ran] == [0, 0], ran
    name, = (tmp_path / "demo-opendata-log" / "backups").iterdir()
    assert json.loads(name.read_text())["objects"]
