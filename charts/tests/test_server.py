"""The chart and the server belong together: the real server takes the rendered configuration and runs as the rendered pod."""

import json
import os
import re
import subprocess

import pytest
import tomllib
import yaml

import chart
import processes
from local_pod import APPEND, READ, TOKENS, LocalPod

each_example = pytest.mark.parametrize("path", chart.EXAMPLES, ids=lambda path: path.stem)


def on(s3, name: str, prefix: str, **more) -> dict:
    """An example, with the test's own S3 server in the place of its store."""
    store = {"objectStore": {"endpoint": s3.endpoint, "allowHttp": True,
                             "credentialsSecret": {"name": "keys", "accessKeyIdKey": "access-key-id",
                                                   "secretAccessKeyKey": "secret-access-key"}},
             "serviceAccount": {"roleArn": ""}, "backup": {"serviceAccount": {"roleArn": ""}},
             "readers": {"serviceAccount": {"roleArn": ""}, "credentialsSecret": {"name": ""}},
             # SeaweedFS has no KMS, and the bucket is one for all tests.
             "config": {"storage": {"s3": {"bucket": "rendered-log", "prefix": prefix, "region": "us-east-1", "encryption": None,
                                           "kms_key_id": None}}}}
    return chart.with_values(chart.with_values(chart.example(name), store), more)


@pytest.fixture(scope="module")
def bucket(s3):
    s3.make_bucket("rendered-log")
    return s3


@each_example
def test_the_server_takes_the_rendered_configuration(path, binary, tmp_path):
    pod = LocalPod(chart.values_of(path), tmp_path)
    checked = subprocess.run([binary, "config", "check", "--config", str(tmp_path / "config" / "log.yaml")],
                             env=pod.localize(), capture_output=True, text=True)
    assert (checked.returncode, checked.stdout.strip(), checked.stderr) == (0, "ok", "")


@pytest.mark.parametrize("path", [path for path in chart.EXAMPLES if "cluster" not in path.name], ids=lambda path: path.stem)
@pytest.mark.parametrize("more", [{}, {"config": {"storage": {"take_over": True}, "retention": {"max_age": "7d"}}},
                                  {"readers": {"forwardToWriter": True, "writerToken": {"existingSecret": "my-log-reader-token"}}}], ids=str)
def test_a_read_only_server_takes_the_configuration_rendered_for_it(path, more, binary, tmp_path):
    values = chart.with_values(chart.values_of(path), chart.with_values(more, {"readers": {"replicas": 1, "autoscaling": {"enabled": False}}}))
    pod = LocalPod(values, tmp_path, readers=True)
    checked = subprocess.run([binary, "config", "check", "--config", str(tmp_path / "config" / "log.yaml")],
                             env=pod.localize(), capture_output=True, text=True)
    assert (checked.returncode, checked.stdout.strip(), checked.stderr) == (0, "ok", "")


def test_a_setting_that_the_server_refuses_would_be_noticed(binary, tmp_path):
    values = chart.with_values(chart.example("default"), {"config": {"limits": {"key_bytes": 0}}})
    LocalPod(values, tmp_path)
    checked = subprocess.run([binary, "config", "check", "--config", str(tmp_path / "config" / "log.yaml")],
                             capture_output=True, text=True)
    assert checked.returncode == 2 and "limits.key_bytes" in checked.stderr


@pytest.mark.parametrize("name", ["default", "eks-irsa", "s3-on-premises", "tls-tokens"])
def test_the_rendered_pod_runs_answers_its_probes_and_stops_in_its_time(name, bucket, start, tmp_path):
    pod = LocalPod(on(bucket, name, prefix=f"runs-{name}"), tmp_path)
    urls = pod.start(start)
    for probe in "startupProbe", "livenessProbe", "readinessProbe":
        assert pod.probe(probe, urls) == (200, "OK")
    headers = {"Authorization": f"Bearer {APPEND}"}
    record = b'{"records": [{"key": "b3JkZXJz", "value": "Zmlyc3Q="}], "awaitDurable": true}'
    assert processes.request(f"{urls['http']}/api/v1/log/append", headers, record)[0] == 200
    cache = pod.folder / "cache" / "parts"
    assert cache.is_dir(), "the disk cache is not where its volume is mounted"
    assert pod.server.stop() == 0, pod.server.said()


@pytest.mark.parametrize("name", ["default", "eks-irsa", "s3-on-premises", "tls-tokens"])
def test_the_rendered_pod_of_a_read_only_server_serves_what_the_writer_wrote(name, bucket, start, tmp_path):
    values = on(bucket, name, prefix=f"reads-{name}", readers={"replicas": 1, "autoscaling": {"enabled": False}, "config": {
        "reader": {"poll_interval": "200ms"}}, "forwardToWriter": False, "writerToken": {"existingSecret": ""}})
    writer, reader = LocalPod(values, tmp_path / "writer"), LocalPod(values, tmp_path / "reader", readers=True)
    written = writer.start(start)["http"]
    headers = {"Authorization": f"Bearer {APPEND}"}
    record = b'{"records": [{"key": "b3JkZXJz", "value": "Zmlyc3Q="}], "awaitDurable": true}'
    assert processes.request(f"{written}/api/v1/log/append", headers, record)[0] == 200
    # As from `extraEnvFrom`: a variable does not make it write.
    urls = reader.start(start, LOG_READ_ONLY="false")
    for probe in "startupProbe", "livenessProbe", "readinessProbe":
        assert reader.probe(probe, urls) == (200, "OK")
    assert processes.request(f"{written}/api/v1/log/append", headers, record)[0] == 200
    status, page = processes.request(f"{urls['http']}/api/v1/log/scan?key=orders&at_least=2", headers)
    assert status == 200 and [value["value"] for value in json.loads(page)["values"]] == ["Zmlyc3Q=", "Zmlyc3Q="]
    assert processes.request(f"{urls['http']}/api/v1/log/append", headers, record)[0] == 421
    assert (reader.folder / "cache" / "parts").is_dir(), "the disk cache is not where its volume is mounted"
    assert reader.server.stop() == 0, reader.server.said()
    assert processes.request(f"{written}/api/v1/log/append", headers, record)[0] == 200, "the writer was disturbed"
    assert writer.server.stop() == 0, writer.server.said()


@pytest.mark.parametrize(("name", "token"), [("default", ""), ("eks-irsa", "my-log-reader-token"), ("eks-irsa", "")])
def test_the_rendered_pod_of_a_read_only_server_forwards_to_the_writer_and_shows_at_once_what_it_wrote(name, token, bucket, start, tmp_path):
    values = on(bucket, name, prefix=f"forwards-{name}-{bool(token)}", readers={
        "replicas": 1, "autoscaling": {"enabled": False}, "forwardToWriter": True, "writerToken": {"existingSecret": token},
        # With a token it is not a poll of the reader's own that finds what was written.
        "config": {"reader": {"poll_interval": "10m" if token or name == "default" else "1s", "max_lag": "1h"}}})
    writer = LocalPod(values, tmp_path / "writer")
    reader = LocalPod(values, tmp_path / "reader", readers=True, certificates=writer.certificates)
    written = writer.start(start)["http"]
    # In the place of the cluster's name service.
    url = f"{written.split(':')[0]}://demo-opendata-log.logs.svc:8080"
    assert url in reader.config
    reader.config = reader.config.replace(url, written)
    urls = reader.start(start)
    headers = {"Authorization": f"Bearer {APPEND}"}
    record = b'{"records": [{"key": "b3JkZXJz", "value": "Zmlyc3Q="}], "awaitDurable": true}'
    for count in 1, 2:
        assert processes.request(f"{urls['http']}/api/v1/log/append", headers, record)[0] == 200
        status, page = processes.request(f"{urls['http']}/api/v1/log/scan?key=orders&at_least={count}", headers)
        assert status == 200 and [value["value"] for value in json.loads(page)["values"]] == ["Zmlyc3Q="] * count
    monitor = chart.find("ServiceMonitor", chart.example("eks-irsa"), readers=True)["spec"]["endpoints"][0]
    told = token or name == "default"
    assert (processes.request(urls.get("admin", urls["http"]) + monitor["path"])[1].find("\nlog_reader_lag_sequences 0\n") > 0) == bool(told)
    assert ("reader.writer_token_file must hold a token" in reader.server.said()) == (not told)
    assert [each.server.stop() for each in (reader, writer)] == [0, 0], reader.server.said()


def test_a_read_only_server_ends_where_there_is_no_log_yet_and_kubernetes_starts_it_again(bucket, binary, tmp_path):
    pod = LocalPod(on(bucket, "default", prefix="reads-nothing", readers={"replicas": 1}), tmp_path, readers=True)
    env = pod.localize()
    ended = subprocess.run([binary, "--config", str(tmp_path / "config" / "log.yaml"), "--read-only"], env=env, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2, ended.stderr
    assert "restartPolicy" not in pod.spec, "by default, it is started again"


def test_metrics_and_health_are_on_the_admin_port_and_nowhere_else(bucket, start, tmp_path):
    pod = LocalPod(on(bucket, "eks-irsa", prefix="admin"), tmp_path)
    urls = pod.start(start)
    monitor = chart.find("ServiceMonitor", chart.example("eks-irsa"))["spec"]["endpoints"][0]
    status, text = processes.request(urls[monitor["port"]] + monitor["path"])
    assert status == 200 and "log_ready 1" in text
    assert processes.request(urls["http"] + monitor["path"])[0] == 404


def test_with_tokens_the_scrape_needs_the_one_that_its_secret_is_for(bucket, start, tmp_path):
    pod = LocalPod(on(bucket, "tls-tokens", prefix="scrape"), tmp_path)
    urls = pod.start(start)
    monitor = chart.find("ServiceMonitor", chart.example("tls-tokens"))["spec"]["endpoints"][0]
    url = urls[monitor["port"]] + monitor["path"]
    assert url.startswith(monitor["scheme"] + "://")
    assert processes.request(url)[0] == 401
    kind = monitor["authorization"]["type"]
    assert processes.request(url, {"Authorization": f"{kind} {READ}"})[0] == 200


@pytest.mark.parametrize("name", ["cluster", "default", "tls-tokens"])
def test_the_next_steps_of_the_notes_work_as_printed(name, bucket, start, tmp_path):
    values = on(bucket, name, prefix=f"notes-{name}")
    urls = LocalPod(values, tmp_path).start(start)
    commands = re.findall(r"^  (curl .*)$", chart.render(values)["NOTES.txt"], re.MULTILINE)
    assert len(commands) == (3 if name == "cluster" else 2)
    answers = []
    for command in commands:
        # In the place of what the port-forward would bring there.
        command = command.replace("localhost:8080", urls["http"].split("//")[1])
        run = subprocess.run(["bash", "-ec", command], env={"PATH": os.environ["PATH"], "TOKEN": APPEND}, capture_output=True,
                             text=True, check=True)
        answers.append(json.loads(run.stdout))
    assert answers[0]["recordsAppended"] == 1
    assert [value["value"] for value in answers[1]["values"]] == ["Zmlyc3Q="]
    assert name != "cluster" or len(answers[2]["partitions"]) == 64


# With read-only servers in that for EKS.
@pytest.mark.parametrize("name", ["cluster", "default", "eks-irsa", "tls-tokens"])
def test_helm_test_passes_on_a_running_server_and_fails_on_none(name, bucket, start, tmp_path):
    values = on(bucket, name, prefix=f"helm-test-{name}")
    pods = {False: LocalPod(values, tmp_path / "writer")}
    urls = {False: pods[False].start(start)}
    if chart.find("Deployment", values, readers=True):
        pods[True] = LocalPod(values, tmp_path / "reader", readers=True)
        urls[True] = pods[True].start(start)
    probe = chart.find("Pod", values, ending="-test")["spec"]["containers"][0]
    services = [document for document in chart.documents(values) if document["kind"] == "Service"]
    ports = [(service["metadata"]["name"], port) for service in services for port in service["spec"]["ports"]]
    # In the place of the cluster's name service.
    rerouted = " ".join(["curl", *(f"--connect-to {service}:{port['port']}:{urls['-readers' in service][port['targetPort']].split('//')[1]}"
                                   for service, port in ports)])
    command = [part.replace("curl", rerouted) for part in [*probe["command"], *probe["args"]]]
    assert "/-/ready" in command[-1]
    assert subprocess.run(command, capture_output=True).returncode == 0
    for pod in reversed(pods.values()):
        pod.server.kill()
        assert subprocess.run(command, capture_output=True).returncode != 0


def test_a_service_called_log_does_not_stop_the_server_from_starting(binary):
    links = {"LOG_PORT": "tcp://10.0.0.1:8080"}
    refused = subprocess.run([binary, "config", "check"], env=links, capture_output=True, text=True)
    assert refused.returncode == 2 and "LOG_PORT" in refused.stderr, "if it were taken, enableServiceLinks could be left alone"
    assert chart.pod(chart.example("default"))["enableServiceLinks"] is False


def test_the_chart_is_for_the_version_of_the_server_that_is_built_here(binary):
    version = tomllib.loads((chart.ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    metadata = yaml.safe_load((chart.CHART / "Chart.yaml").read_text())
    assert metadata["appVersion"] == version
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    assert version in said


def test_the_tokens_of_these_tests_are_in_the_documented_form():
    assert all(len(line.split()) == 3 for line in TOKENS.splitlines())
