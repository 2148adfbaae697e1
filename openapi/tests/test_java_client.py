"""The Java client, as it is generated: compiled without edits, and run against a live server."""

from pathlib import Path

import openapi_generator_cli
import pytest

import program
from conftest import OPENAPI
from outcomes import PAGE, authority

CLIENT = OPENAPI / "clients/java"
# The generator carries the libraries that its clients need.
LIBRARIES = [*Path(openapi_generator_cli.__file__).parent.glob("*.jar"), Path("/usr/share/java/jakarta-annotation-api.jar")]


@pytest.fixture(scope="module")
def classes(run, generated, tmp_path_factory):
    """What `java` loads the program from."""
    folder = tmp_path_factory.mktemp("java")
    sources = (generated / "java/generated/src/main").rglob("*.java")
    libraries = ":".join(map(str, LIBRARIES))
    run("javac", "-proc:none", "-d", folder / "classes", "-cp", libraries, *sources, *CLIENT.glob("*.java"))
    return f"{folder / 'classes'}:{libraries}"


def test_the_java_client_runs_the_program(serve, run, classes):
    program.check(run, ["java", "-cp", classes, "Program"], serve(), without=["tailed"])


def test_the_java_client_calls_nothing_unknown_that_was_certainly_not_applied(outcomes, classes):
    outcomes.check(["java", "-cp", classes, "Outcomes"])


def test_the_java_client_trusts_a_private_authority_as_the_page_says(outcomes, run, classes, tmp_path):
    command = next(line for line in PAGE.read_text().splitlines() if line.startswith("keytool "))
    authority(tmp_path)
    run(*command.split(), cwd=tmp_path)
    outcomes.check_private_authority(
        ["java", "-cp", classes, "Outcomes"],
        ["-Djavax.net.ssl.trustStore=trust.p12", "-Djavax.net.ssl.trustStorePassword=changeit"])
