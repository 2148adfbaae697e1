"""What the alerts look at really moves when that happens to a real server which they are for."""

import hashlib
import os
import re
import signal
import threading
import time
from pathlib import Path

import pytest

import chart
import processes
import prometheus

RECORD = b'{"records": [{"key": "YQ==", "value": "YQ=="}], "awaitDurable": %s}'
BODY_BYTES = 1_000_000


@pytest.fixture(scope="module")
def own_s3(tmp_path_factory):
    """An S3 server that these tests may stop for a while."""
    with processes.seaweedfs(tmp_path_factory.mktemp("own")) as server:
        yield server


@pytest.fixture
def serve(own_s3, start, request):
    """Starts servers on a log that is the test's own; each and where it is."""
    bucket = hashlib.sha256(request.node.name.encode()).hexdigest()[:20]
    own_s3.make_bucket(bucket)
    # The first object of a bucket takes its time: volumes are made for it.
    assert processes.request(f"{own_s3.endpoint}/{bucket}/first", data=b"object", method="PUT")[0] == 200

    def serve_one(**settings: str):
        port, = processes.free_ports(1)
        url = f"http://127.0.0.1:{port}"
        server = start(["--port", str(port), "--s3-bucket", bucket], {**own_s3.env(), **settings})
        server.wait_until_ready(url)
        return server, url

    return serve_one


def append(url: str, durable: bool = False) -> int:
    return processes.request(f"{url}/api/v1/log/append", data=RECORD % (b"true" if durable else b"false"))[0]


def metric(url: str, series: str) -> float:
    """The sum of the series whose line matches."""
    _, text = processes.request(f"{url}/metrics")
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if re.match(series, line))


def test_an_object_store_that_hangs_is_seen_as_not_ready_as_lag_and_as_errors(own_s3, serve):
    server, url = serve(LOG_TIMEOUTS__APPEND="1s", AWS_TIMEOUT="5s")
    assert append(url, durable=True) == 200
    failed = r'slatedb_object_store_error_count_total\{api="put"'
    before = metric(url, failed)
    os.kill(own_s3.pid, signal.SIGSTOP)
    assert append(url) == 200
    assert append(url, durable=True) == 504
    server.wait_until("the readiness probe fails", lambda: processes.request(f"{url}/-/ready")[0] == 503)
    assert metric(url, "log_ready ") == 0
    assert metric(url, "log_durable_lag_seconds ") > 1
    assert metric(url, r'http_requests_total\{.*status="50[34]"') >= 1
    server.wait_until("a PUT fails", lambda: metric(url, failed) > before)
    os.kill(own_s3.pid, signal.SIGCONT)
    server.wait_until("it is ready again", lambda: processes.request(f"{url}/-/ready")[0] == 200)
    server.wait_until("all is durable again", lambda: metric(url, "log_durable_lag_seconds ") == 0)
    assert metric(url, "log_ready ") == 1


def overfilled(own_s3, serve) -> str:
    """Where a server is that had more appends than it queues, while its object store hung."""
    _, url = serve(LOG_LIMITS__APPEND_QUEUE_REQUESTS="1", LOG_TIMEOUTS__APPEND="3s")
    os.kill(own_s3.pid, signal.SIGSTOP)
    clients = [threading.Thread(target=append, args=(url, True)) for _ in range(4)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    os.kill(own_s3.pid, signal.SIGCONT)
    return url


def test_a_full_queue_is_seen_as_429_of_the_route_of_appends(own_s3, serve):
    url = overfilled(own_s3, serve)
    assert metric(url, r'http_requests_total\{endpoint="/api/v1/log/append",.*status="429"') >= 1


@pytest.mark.parametrize(("kind", "endpoints"), [("ServiceMonitor", "endpoints"), ("PodMonitor", "podMetricsEndpoints")])
def test_what_alerts_on_requests_select_is_there_when_the_operator_has_put_its_labels_on(kind, endpoints, own_s3, serve, tmp_path):
    switched_on = {kind[0].lower() + kind[1:]: {"enabled": True}}
    values = chart.with_values(chart.example("default"), switched_on | {
        "prometheusRule": {"enabled": True, "runbookUrl": "https://a.example"},
        "serviceMonitor": switched_on.get("serviceMonitor", {}) | {
            "relabelings": [{"action": "replace", "sourceLabels": ["pod"], "targetLabel": "of_mine"}]}})
    monitor = chart.find(kind, values)["spec"][endpoints][0]
    rules = chart.find("PrometheusRule", values)["spec"]["groups"][0]["rules"]
    expressions = {rule["alert"]: rule["expr"] for rule in rules}
    selectors = [selector for alert in ("OpendataLogQueueFull", "OpendataLogErrorRatioHigh")
                 for selector in re.findall(r"http_requests_total\{[^}]*\}(?:[^\[]*\})?", expressions[alert])]
    assert len(selectors) == 3

    url = overfilled(own_s3, serve)
    pod = "demo-opendata-log-5d4f8c7b9d-x2x4z"
    labels = {"namespace": chart.NAMESPACE, "pod": pod, "container": "opendata-log", "service": "demo-opendata-log",
              "endpoint": monitor["port"]}
    with prometheus.scraping(url.removeprefix("http://"), labels, monitor["relabelings"], tmp_path) as there:
        found = prometheus.series(there, "http_requests_total")
        assert "/api/v1/log/append" in {each["endpoint"] for each in found}
        assert all(each["of_mine"] == each["pod"] == pod and "exported_endpoint" not in each for each in found)
        for selector in selectors:
            assert prometheus.series(there, selector), f"nothing is selected by {selector}"


def test_a_server_that_is_taken_over_says_that_it_is_fenced_and_ends_with_exit_code_3(serve):
    server, url = serve()
    assert append(url, durable=True) == 200
    seen = []

    def watch():
        while server.process.poll() is None and not seen:
            try:
                seen.extend([1] if metric(url, "log_fenced ") == 1 else [])
            except OSError:
                time.sleep(0.05)

    watching = threading.Thread(target=watch)
    watching.start()
    serve()
    assert server.process.wait(timeout=60) == 3
    watching.join()
    assert seen, "the gauge was never 1"


def test_a_store_that_hangs_is_seen_as_the_lag_of_a_read_only_server_that_is_not_ready(own_s3, serve):
    writer, _ = serve()
    reader, url = serve(LOG_READ_ONLY="true", LOG_READER__POLL_INTERVAL="200ms", LOG_READER__MAX_LAG="4s")
    assert 0 < metric(url, "log_reader_lag_seconds ") < 4 and metric(url, "log_ready ") == 1
    os.kill(own_s3.pid, signal.SIGSTOP)
    reader.wait_until("it is behind", lambda: metric(url, "log_reader_lag_seconds ") > 5)
    assert processes.request(f"{url}/-/ready")[0] == 503 and metric(url, "log_ready ") == 0
    os.kill(own_s3.pid, signal.SIGCONT)
    reader.wait_until("it is ready again", lambda: processes.request(f"{url}/-/ready")[0] == 200)
    assert metric(url, "log_reader_lag_seconds ") < 4 and metric(url, "log_ready ") == 1
    assert writer.process.poll() is None


def test_a_cache_that_is_too_small_is_seen_as_evicted_bytes(serve, tmp_path):
    cache = tmp_path / "cache"
    server, url = serve(LOG_CACHE__DIR=str(cache), LOG_CACHE__MAX_BYTES="2MiB", LOG_CACHE__PART_BYTES="1MiB",
                        LOG_CACHE__ON_FLUSH="true", LOG_SLATEDB__L0_SST_SIZE_BYTES="2000000", LOG_SLATEDB__FLUSH_INTERVAL="50ms")
    value = os.urandom(BODY_BYTES).hex().encode()
    for _ in range(12):
        body = b'{"records": [{"key": "YQ==", "value": "%s"}], "awaitDurable": true}' % value
        assert processes.request(f"{url}/api/v1/log/append", data=body)[0] == 200
    server.wait_until("something was evicted", lambda: metric(url, "slatedb_object_store_cache_evicted_bytes_total ") > 0)
    assert metric(url, "slatedb_object_store_cache_cache_bytes ") > 0
    assert any(path.is_file() for path in Path(cache).rglob("*"))


def test_segments_below_the_floor_are_seen_until_they_are_removed(serve):
    server, url = serve(LOG_SEGMENTS__SEAL_BYTES="1KiB")
    record = b'{"records": [{"key": "YQ==", "value": "%s"}], "awaitDurable": true}' % (b"YWFh" * 400)
    seen = appended = 0
    # The server looks every second, perhaps right after the trim: then the next one is seen.
    for _ in range(20):
        for _ in range(3):
            assert processes.request(f"{url}/api/v1/log/append", data=record)[0] == 200
        appended += 3
        assert processes.request(f"{url}/api/v1/log/trim", data=b'{"beforeSequence": %d}' % appended)[0] == 200
        if seen := metric(url, "log_dead_segments "):
            break
    assert seen > 0
    server.wait_until("what is below the floor was removed", lambda: metric(url, "log_dead_segments ") == 0)
    assert metric(url, "log_floor_sequence ") == appended
