"""The chart, loaded and rendered by Helm's own engine (Helm v4 as a library), without a cluster."""

from pathlib import Path

import helm_python
import yaml

CHARTS = Path(__file__).resolve().parent.parent
CHART = CHARTS / "opendata-log"
ROOT = CHARTS.parent
RELEASE, NAMESPACE = "demo", "logs"

EXAMPLES = sorted((CHART / "ci").glob("*-values.yaml"))
REFUSED = sorted((CHARTS / "tests" / "refused").glob("*.yaml"))


def values_of(path: Path) -> dict:
    return yaml.safe_load(path.read_text())


def example(name: str) -> dict:
    """The values of one of the examples in `ci/`."""
    return values_of(CHART / "ci" / f"{name}-values.yaml")


def with_values(base: dict, more: dict) -> dict:
    """`base`, with what `more` has in its place, at any depth."""
    merged = dict(base)
    for key, value in more.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = with_values(merged[key], value) if both else value
    return merged


def render(values: dict, release: str = RELEASE) -> dict[str, str]:
    """What `helm template` would print, by the template's name."""
    with helm_python.Chart.load(CHART) as chart:
        texts = chart.render(values, name=release, namespace=NAMESPACE)
    return {name.removeprefix("opendata-log/templates/"): text for name, text in texts.items()}


def lint(values: dict) -> list[str]:
    """What `helm lint --strict` has to say, but for recommendations."""
    report = helm_python.lint(CHART, values, namespace=NAMESPACE, strict=True)
    return [message["error"] for message in report["messages"] if message["severity"] > 1] + report["errors"]


def documents(values: dict, release: str = RELEASE) -> list[dict]:
    """Everything that would be sent to Kubernetes."""
    texts = [text for name, text in render(values, release).items() if not name.endswith(".txt")]
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


def find(kind: str, values: dict, ending: str = "", release: str = RELEASE, readers: bool = False) -> dict | None:
    """The one object of this kind, if there is one, whose name ends so. Those of read-only servers are apart."""
    found = [d for d in documents(values, release) if d["kind"] == kind and d["metadata"]["name"].endswith(ending)
             and ("-readers" in d["metadata"]["name"]) == readers]
    assert len(found) <= 1, f"{len(found)} of kind {kind}"
    return found[0] if found else None


def workload(values: dict, readers: bool = False) -> dict:
    """What keeps the server's pod running, or those of read-only servers: a Deployment, or the StatefulSet of a cluster."""
    return find("Deployment", values, readers=readers) or find("StatefulSet", values)


def pod(values: dict, readers: bool = False) -> dict:
    """The specification of the server's pod, or of those of read-only servers."""
    return workload(values, readers)["spec"]["template"]["spec"]


def container(values: dict, readers: bool = False) -> dict:
    """The server's container."""
    return pod(values, readers)["containers"][0]


def server_config(values: dict, readers: bool = False) -> str:
    """The server's configuration file."""
    return find("ConfigMap", values, ending="-readers" if readers else "opendata-log", readers=readers)["data"]["log.yaml"]
