"""A real Prometheus that scrapes as the operator lets it: with the operator's labels of a target, and a monitor's relabelings."""

import contextlib
import json
import re
import subprocess
import urllib.parse
from pathlib import Path

import yaml

import processes

CAPITAL = re.compile("(?<=[a-z])([A-Z])")


def in_its_own_words(relabelings: list[dict]) -> list[dict]:
    """Relabelings of a monitor as Prometheus has them: `sourceLabels` is `source_labels` there."""
    return [{CAPITAL.sub(r"_\1", key).lower(): value for key, value in each.items()} for each in relabelings]


def series(url: str, selector: str) -> list[dict]:
    """The labels of what the selector, or another expression, finds now."""
    status, body = processes.request(f"{url}/api/v1/query?{urllib.parse.urlencode({'query': selector})}")
    if status == 503 and "Unavailable" in body:
        return []  # It is still starting.
    assert status == 200, body
    return [found["metric"] for found in json.loads(body)["data"]["result"]]


@contextlib.contextmanager
def scraping(target: str, labels: dict[str, str], relabelings: list[dict], folder: Path):
    """Where a Prometheus is that scrapes `/metrics` of this host and port every second."""
    config = {"scrape_configs": [{
        "job_name": "opendata-log", "scrape_interval": "1s", "scrape_timeout": "1s",
        "static_configs": [{"targets": [target], "labels": labels}], "relabel_configs": in_its_own_words(relabelings)}]}
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    port, = processes.free_ports(1)
    url, log = f"http://127.0.0.1:{port}", folder / "prometheus.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["prometheus", f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'series'}",
             f"--web.listen-address=127.0.0.1:{port}"], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    try:
        processes.wait_until("Prometheus has scraped", lambda: series(url, "up == 1"), log, process)
        yield url
    finally:
        process.kill()
        process.wait()
