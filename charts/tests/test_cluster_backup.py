"""Backups of a cluster: that the job knows that it is one, and that its containers copy all partitions of rendered nodes while these run."""

import json
import os
import subprocess

import pytest

import chart
import processes
from local_pod import APPEND, LocalPod
from test_backup_job import containers, env, pod, run
from test_cluster import KEYS, PARTITIONS, all_serve, append, clustered, config
from test_server import on

TO = "s3://cluster-backups/my-log"
BACKUP = {"backup": {"enabled": True, "to": TO, "keep": 1}}


@pytest.fixture(scope="module")
def bucket(s3):
    for name in ("rendered-cluster-backup", "cluster-backups"):
        s3.make_bucket(name)
    return s3


def test_the_job_is_that_of_a_log_with_the_configuration_of_a_node():
    values = clustered(**BACKUP)
    of_cluster, of_log = pod(values), pod(chart.with_values(chart.example("default"), BACKUP))
    assert of_cluster == of_log, "what the two differ in is in the file"
    source, = of_cluster["volumes"][0]["projected"]["sources"]
    assert source["configMap"]["name"] == chart.find("ConfigMap", values, ending="opendata-log")["metadata"]["name"]
    assert config(values)["cluster"]["enabled"] is True
    assert all("--config" in each["args"] for each in containers(values))
    # A backup is no node: it needs neither a name nor an address.
    assert not [name for each in containers(values) for name in env(each) if name.startswith("LOG_CLUSTER__")]


def test_neither_the_token_nor_the_authority_of_the_nodes_is_for_backups():
    values = chart.example("cluster")
    assert {"token_file", "ca"} <= config(values)["cluster"].keys()
    assert [list(source) for source in pod(values)["volumes"][0]["projected"]["sources"]] == [["configMap"]]


def test_the_notes_say_where_a_cluster_is_backed_up_to_or_that_it_is_not():
    assert f"The log is backed up to {TO}" in chart.render(clustered(**BACKUP))["NOTES.txt"]
    assert "No backups are made. Set backup.enabled" in chart.render(clustered())["NOTES.txt"]


def test_a_backup_into_a_partition_is_refused():
    with pytest.raises(Exception, match="is in the log itself"):
        chart.render(clustered(**chart.with_values(BACKUP, {"backup": {"to": "s3://my-log/log/p/0001"}})))


@pytest.mark.parametrize("name", ["default", "cluster"])
def test_the_containers_back_up_and_prune_all_partitions_of_rendered_nodes(name, bucket, binary, start, tmp_path):
    values = on(bucket, name, prefix=name, config={"storage": {"s3": {"bucket": "rendered-cluster-backup"}}}, cache={"type": "none"}, cluster={
        "enabled": True, "nodes": 2, "partitions": PARTITIONS, "heartbeat": "1s", "deadAfter": "4s", "autoscaling": {"enabled": False}},
        backup={"enabled": True, "to": f"{TO}-{name}", "keep": 1})
    headers = {"Authorization": f"Bearer {APPEND}"}
    pods = nodes(values, start, tmp_path)
    urls = {each: urls for each, (_, urls) in pods.items()}
    all_serve({each: started for each, (started, _) in pods.items()}, urls, headers, list(pods))
    first = urls["demo-opendata-log-0"]
    # As in the pod of the job: the file as it was rendered, and nothing of what it names.
    files = tmp_path / "job"
    files.mkdir()
    (files / "log.yaml").write_text(chart.server_config(values))
    for number in range(2):
        for key in KEYS:
            append(first, headers, key)
        backup, prune = run(binary, values, files, tmp_path)
        assert (backup.returncode, prune.returncode) == (0, 0), backup.stderr + prune.stderr
        assert lines(backup, ", partition ") == lines(backup, "verified") == PARTITIONS, backup.stdout
        assert lines(prune, "deleted backup ") == PARTITIONS * number, prune.stdout

    # To a volume, too.
    on_volume = chart.with_values(values, {"backup": {"to": "", "existingClaim": "mine"}})
    assert [each.returncode for each in run(binary, on_volume, files, tmp_path)] == [0, 0]
    assert len(list((tmp_path / "demo-opendata-log").glob("p/*/backups/*.json"))) == PARTITIONS

    place = ["--from", f"{TO}-{name}", "--to", f"s3://rendered-cluster-backup/{name}-restored"]
    restored = subprocess.run([binary, "restore", *place], env={"PATH": os.environ["PATH"], **bucket.env()}, capture_output=True, text=True, timeout=60)
    assert restored.returncode == 0, restored.stderr
    assert [started.server.stop() for started, _ in pods.values()] == [0, 0]
    other = chart.with_values(values, {"config": {"storage": {"create": "never", "s3": {"prefix": f"{name}-restored"}}}, "cluster": {"nodes": 1}})
    (started, at), = nodes(other, start, tmp_path / "restored").values()
    all_serve({"demo-opendata-log-0": started}, {"demo-opendata-log-0": at}, headers, ["demo-opendata-log-0"])
    for key in KEYS:
        found, page = processes.request(f"{at['http']}/api/v1/log/scan?key={key}", headers)
        assert found == 200 and len(json.loads(page)["values"]) == 2, page


def nodes(values: dict, start, folder) -> dict:
    """Starts the rendered pods; each, and where its ports are."""
    workload = chart.workload(values)
    started, certificates = {}, None
    for number in range(workload["spec"]["replicas"]):
        name = f"{workload['metadata']['name']}-{number}"
        each = LocalPod(values, folder / name, certificates=certificates, name=name)
        certificates = each.certificates
        started[name] = (each, each.start(start))
    return started


def lines(ran: subprocess.CompletedProcess, words: str) -> int:
    return sum(words in line for line in ran.stdout.splitlines())
