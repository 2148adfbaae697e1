"""What must not be installed is refused when it is rendered, with a message that says why.

Each file in `refused/` begins with `# Refused: ` and the message. Its values come on top of the default example."""

import helm_python
import pytest

import chart


def message_of(path):
    first = path.read_text().splitlines()[0]
    assert first.startswith("# Refused: "), f"{path.name} does not say why it is refused"
    return first.removeprefix("# Refused: ")


def refusal(values: dict) -> str:
    with pytest.raises(helm_python.HelmError) as refused:
        chart.render(values)
    return str(refused.value)


@pytest.mark.parametrize("path", chart.REFUSED, ids=lambda path: path.stem)
def test_a_refused_example_is_refused_with_its_message(path):
    values = chart.with_values(chart.example("default"), chart.values_of(path))
    assert message_of(path) in refusal(values)


def test_every_refusal_of_the_template_has_an_example():
    template = (chart.CHART / "templates" / "_refusals.tpl").read_text()
    met = "\n".join(refusal(chart.with_values(chart.example("default"), chart.values_of(path))) for path in chart.REFUSED)
    # What stands before the first value in a message tells it apart from the others.
    for fail in template.split("fail ")[1:]:
        begin = fail.lstrip("( printf").lstrip('"').split('"')[0].split("%")[0]
        assert begin in met, f"no example for: {begin}"


def test_without_values_it_says_what_is_needed_first():
    assert "image.repository is required" in refusal({})
