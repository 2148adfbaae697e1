"""Every example in `ci/` is what an operator would install: it lints, renders, is valid, and does not change by accident."""

import tarfile

import helm_python
import kubernetes_validate
import pytest
import yaml

import chart
import custom_resources

# What `kubernetes-validate` knows of and the chart's `kubeVersion` allows: the oldest and the newest.
OLDEST, NEWEST = "1.30", "1.37"

each_example = pytest.mark.parametrize("example", chart.EXAMPLES, ids=lambda path: path.stem)


@each_example
def test_an_example_lints_without_a_warning(example):
    assert chart.lint(chart.values_of(example)) == []


def test_the_chart_lints_without_values():
    assert chart.lint({}) == []


@each_example
def test_an_example_renders_as_committed(example, generated):
    texts = chart.render(chart.values_of(example))
    whole = "".join(f"--- # {name}\n{text.strip()}\n" for name, text in sorted(texts.items()) if text.strip())
    generated(chart.CHARTS / "tests" / "golden" / f"{example.stem.removesuffix('-values')}.yaml", whole)


@each_example
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_an_example_is_valid_kubernetes(example, version):
    checked = 0
    for document in chart.documents(chart.values_of(example)):
        if custom_resources.is_custom(document):
            custom_resources.validate(document)
        else:
            kubernetes_validate.validate(document, version, strict=True)
        checked += 1
    assert checked >= 5


def test_the_versions_are_the_oldest_that_the_chart_allows_and_the_newest_there_is():
    metadata = yaml.safe_load((chart.CHART / "Chart.yaml").read_text())
    assert metadata["kubeVersion"] == f">={OLDEST}.0-0"
    assert kubernetes_validate.latest_version().startswith(f"{NEWEST}.")


@each_example
def test_nothing_is_rendered_twice_and_all_of_it_has_the_labels(example):
    documents = chart.documents(chart.values_of(example))
    names = [(d["kind"], d["metadata"]["name"]) for d in documents]
    assert len(names) == len(set(names))
    for document in documents:
        assert document["metadata"]["labels"]["app.kubernetes.io/instance"] == chart.RELEASE
        assert document["metadata"]["namespace"] == chart.NAMESPACE


def test_together_the_examples_render_every_template():
    rendered = {name for path in chart.EXAMPLES for name, text in chart.render(chart.values_of(path)).items() if text.strip()}
    templates = {str(path.relative_to(chart.CHART / "templates"))
                 for path in (chart.CHART / "templates").rglob("*") if path.is_file() and path.suffix != ".tpl"}
    assert rendered == templates


def test_the_package_has_what_the_chart_needs_and_not_what_only_the_tests_need(tmp_path):
    with helm_python.Chart.load(chart.CHART) as loaded:
        packed = loaded.save(tmp_path)
    with tarfile.open(packed) as archive:
        names = {name.removeprefix("opendata-log/") for name in archive.getnames()}
    assert {"values.schema.json", "README.md", "alerts/opendata-log.yaml", "dashboards/opendata-log.json"} <= names
    assert not [name for name in names if name.startswith(("ci/", "tests/"))]


def test_unknown_fields_would_be_noticed():
    document = chart.find("Deployment", chart.example("default"))
    document["spec"]["replica"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(document, NEWEST, strict=True)
