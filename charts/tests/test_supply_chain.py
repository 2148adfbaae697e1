"""What is published, of what it is made, and who can tell. The workflows were never run here: they are read."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import chart
import dockerfile
import pins
from workflows import DIGEST, OTHER, PUBLISH, VERIFIED, jobs, run_job, script_of, steps_of, used_by, workflows

# What each job of the workflows may do beyond reading.
RIGHTS = {("publish.yml", "image"): {"contents": "read", "packages": "write"},
          ("publish.yml", "publish"): {"contents": "read", "packages": "write"},
          ("publish.yml", "sign"): {"packages": "write", "id-token": "write"},
          ("publish.yml", "attest"): {"attestations": "write", "id-token": "write"},
          ("publish.yml", "pypi"): {"id-token": "write"},
          ("publish.yml", "npm"): {"id-token": "write"},
          ("publish.yml", "crates"): {"contents": "read", "id-token": "write"},
          ("publish.yml", "release"): {"contents": "write"},
          ("nightly.yml", "fuzz"): {"actions": "read", "contents": "read"},
          ("nightly.yml", "benchmark"): {"actions": "read", "contents": "read"}}
# The jobs that can prove who they are, and the actions that these use.
IDENTITIES = {"sign": ["sigstore/cosign-installer", "docker/login-action"],
              "attest": ["actions/download-artifact", "actions/attest-build-provenance"],
              "pypi": ["actions/download-artifact", "pypa/gh-action-pypi-publish"],
              "npm": ["actions/download-artifact", "actions/setup-node"],
              "crates": ["actions/checkout", "rust-lang/crates-io-auth-action"]}
ISSUER = "--certificate-oidc-issuer https://token.actions.githubusercontent.com"
IDENTITY = "/.github/workflows/publish.yml@refs/tags/"


@pytest.fixture
def on_a_runner(tmp_path):
    def run(job: str, **programs: str) -> subprocess.CompletedProcess:
        return run_job(job, tmp_path, programs)

    return run


def test_every_action_image_and_tool_of_a_workflow_is_one_version_and_one_content():
    loose = {path.name: pins.of_workflow(path.read_text()) for path in pins.WORKFLOWS}
    assert loose == dict.fromkeys(loose, []) and len(loose) >= 5


def test_every_image_that_an_image_is_made_from_has_a_digest():
    loose = {path.name: pins.of_dockerfile(path.read_text()) for path in pins.dockerfiles()}
    assert loose == dict.fromkeys(loose, []) and "Dockerfile" in loose


@pytest.mark.parametrize("step", [
    "uses: actions/checkout@v4",
    "uses: actions/checkout@main",
    "uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd",
    "uses: actions/checkout@de0fac2 # v6.0.2",
    "uses: docker://alpine:3.20",
    "{name: x, uses: ./a}\n    container: alpine:3.20",
    "uses: docker/setup-buildx-action@8d2750c68a42422c14e847fe6c8ac0403b4cbd6f # v3.12.0\n"
    "        with: {driver-opts: image=docker.io/moby/buildkit:v0.26.2}",
    "run: cargo install --locked cargo-deny",
    "run: cargo install cargo-deny@0.20.2",
    "run: curl -sSf https://example.com/install | sh",
    "run: pip install ruff==1.0.0",
    "run: npx prettier",
    "uses: actions/setup-node@48b55a011bda9f5d6aeb4c2d9c7362e8dae4041e # v6.4.0\n        with: {node-version: 24}",
])
def test_a_step_that_could_run_something_else_tomorrow_is_noticed(step):
    assert pins.of_workflow(f"jobs:\n  job:\n    runs-on: ubuntu-24.04\n    steps:\n      - {step}\n")


@pytest.mark.parametrize("text", [
    "FROM rust:1.95-bookworm AS tools",
    "FROM docker.io/library/rust:1.95-bookworm AS tools",
    "ARG BASE=gcr.io/distroless/cc-debian12:nonroot\nFROM ${BASE} AS runtime",
    "ARG BASE\nFROM $BASE",
    "# syntax=docker/dockerfile:1\nFROM scratch-of/mine:1@sha256:" + "0" * 64,
    f"FROM a.example/b:1@sha256:{'0' * 64} AS c\nCOPY --from=busybox:1 /bin/sh /bin/sh",
    f"FROM a.example/b:1@sha256:{'0' * 64} AS c\nRUN cargo install --locked cargo-chef",
])
def test_a_base_that_could_be_something_else_tomorrow_is_noticed(text):
    assert pins.of_dockerfile(text + "\n")


def test_every_script_installs_only_what_is_pinned_or_signed():
    tracked = subprocess.run(["git", "ls-files"], cwd=chart.ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    files = [path for path in map(chart.ROOT.joinpath, tracked) if path.is_file() and path.stat().st_size < 1 << 20]
    scripts = {path: text for path in files if re.match(rb"#!.*sh\b", text := path.read_bytes())}
    assert chart.ROOT / "tools" / "install" in scripts
    assert {path.name: loose for path, text in scripts.items() if (loose := pins.installed(text.decode()))} == {}


@pytest.mark.parametrize("called", ["./.github/workflows/none.yml", "./.github/actions/a", "./a.yml", "owner/repository/.github/workflows/a.yml@main"])
def test_a_workflow_that_is_not_of_this_commit_is_noticed(called):
    assert pins.of_workflow(f"jobs:\n  job:\n    uses: {called}\n")
    assert not pins.of_workflow("jobs:\n  job:\n    uses: ./.github/workflows/binaries.yml\n")


@pytest.mark.parametrize(("folder", "least"), [("tools", 100), ("tools/release", 10), ("tools/bench", 4)])
def test_every_python_tool_and_what_it_needs_has_a_version_and_digests(folder, least):
    wanted = (chart.ROOT / folder / "requirements.txt").read_text()
    lock = (chart.ROOT / folder / "requirements.lock").read_text()
    locked = re.findall(r"^([\w.-]+)(?:\[\w+\])?==(\S+)(?: ; [^\\\n]*)? \\\n    --hash=sha256:[0-9a-f]{64}", lock, re.MULTILINE)
    assert len(locked) == len(re.findall("^[^ #\n]", lock, re.MULTILINE)) > least, "one without version or digests"

    def same(name: str) -> str:
        return re.sub(r"[-_.]+", "-", name).lower()

    asked = re.findall(r"^([\w.-]+)(?:\[\w+\])?==(\S+)", wanted, re.MULTILINE)
    missing = {(same(name), version) for name, version in asked} - {(same(name), version) for name, version in locked}
    assert missing == set(), f"write {folder}/requirements.lock again; its head says how"


def test_packages_are_made_with_the_versions_that_the_tests_have():
    whole, part = ((chart.ROOT / lock).read_text() for lock in ("tools/requirements.lock", "tools/release/requirements.lock"))

    def pinned(lock: str) -> dict[str, str]:
        # Without the markers, which depend on what else needs a package.
        return {found[1]: found[2] for found in re.finditer(r"^([\w.-]+)==(\S+).*\n((?:    --hash=\S+.*\n?)+)", lock, re.MULTILINE)}

    assert pinned(part).items() <= pinned(whole).items()


def test_every_npm_package_and_crate_has_a_digest():
    packages = json.loads((chart.ROOT / "openapi" / "package-lock.json").read_text())["packages"]
    assert [name for name, package in packages.items() if name and not package.get("integrity", "").startswith("sha512-")] == []
    for lock in (chart.ROOT / folder / "Cargo.lock" for folder in (".", "openapi/clients/rust/generated-program", "fuzz")):
        crates = tomllib.loads(lock.read_text())["package"]
        assert [crate["name"] for crate in crates if crate.get("source") and not crate.get("checksum")] == [], lock


def test_the_image_of_helm_test_is_named_by_its_digest():
    values = yaml.safe_load((chart.CHART / "values.yaml").read_text())["tests"]["image"]
    pod = chart.find("Pod", chart.example("default"), ending="-test")
    image = pod["spec"]["containers"][0]["image"]
    assert pins.IMAGE.fullmatch(image) and image == f"{values['repository']}:{values['tag']}@{values['digest']}"
    mine = chart.with_values(chart.example("default"), {"tests": {"image": {"repository": "a.example/curl", "tag": "8", "digest": ""}}})
    assert chart.find("Pod", mine, ending="-test")["spec"]["containers"][0]["image"] == "a.example/curl:8"


def test_dependabot_looks_after_everything_that_is_pinned():
    config = yaml.safe_load((chart.ROOT / ".github" / "dependabot.yml").read_text())
    kinds = {(update["package-ecosystem"], update["directory"]) for update in config["updates"]}
    assert kinds == {("github-actions", "/"), ("docker", "/"), ("cargo", "/"), ("npm", "/openapi"), ("pip", "/tools")}


def test_no_job_has_a_right_that_it_does_not_need():
    for path, workflow in workflows():
        assert workflow["permissions"] == {"contents": "read"}, f"{path.name}: rights are given to the jobs that need them"
    given = {(file, name): job["permissions"] for file, name, job in jobs() if "permissions" in job}
    assert given == RIGHTS
    assert [name for _, name, job in jobs() if job.get("secrets")] == [], "a called workflow gets no secrets"


def test_no_step_keeps_the_token_in_the_working_copy_or_puts_text_from_outside_into_a_script():
    for file, _, job in jobs():
        for step in job.get("steps", []):
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"] == {"persist-credentials": False}, file
            assert "${{" not in step.get("run", ""), f"{file}: give it as a variable"


def test_publishing_builds_this_image_with_an_sbom_and_without_a_cache_and_this_chart():
    builds = [step["with"] for step in steps_of("image") if step.get("uses", "").startswith("docker/build-push-action@")]
    assert builds and all("buildkit-syft-scanner" in build["sbom"] and build["provenance"] == "mode=max" for build in builds)
    assert not any(key.startswith("cache") for build in builds for key in build), "a run before could have left anything there"
    given = {line.split("=")[0] for build in builds for line in build["build-args"].splitlines()}
    declared = {name.split("=")[0] for name in dockerfile.of_the_image("ARG")}
    assert given == declared == {"VERSION", "REVISION", "SOURCE"}
    assert "helm package charts/opendata-log" in script_of("publish")


def test_image_and_chart_are_handed_on_and_signed_by_digest_and_never_by_tag():
    assert '"$IMAGE@$AMD64" "$IMAGE@$ARM64"' in script_of("publish")
    outputs = PUBLISH["jobs"]["publish"]["outputs"]
    assert outputs == {"image": "${{ steps.image.outputs.digest }}", "chart": "${{ steps.chart.outputs.digest }}"}
    assert script_of("publish").count("[[ $digest =~ ^sha256:[0-9a-f]{64}$ ]]") == 2, "an empty digest would sign nothing"
    for name in "sign", "release":
        given = PUBLISH["jobs"][name]["env"]
        assert given["IMAGE_DIGEST"] == "${{ needs.publish.outputs.image }}" and given["CHART_DIGEST"] == "${{ needs.publish.outputs.chart }}"
    signed = re.findall(r'cosign sign --yes (?:--recursive )?"(\S+)"', script_of("sign"))
    assert signed == ["$IMAGE@$IMAGE_DIGEST", "$CHART@$CHART_DIGEST"] and script_of("sign").count("cosign sign") == len(signed)


def test_a_job_that_can_prove_who_it_is_runs_nothing_of_this_repository():
    able = [name for _, name, job in jobs() if "id-token" in job.get("permissions", {})]
    assert able == list(IDENTITIES)
    for name, actions in IDENTITIES.items():
        assert used_by(name) == actions
        assert not re.search(r"\btools/|(?<!\.)\./(?!dist/)|cargo (?!publish )|npm (?!publish |view )|\bpip\b", script_of(name)), name
    # Cargo would otherwise compile what it packs, with its build scripts and dependencies.
    assert "cargo publish --locked --no-verify " in script_of("crates") and script_of("crates").count("cargo publish") == 1
    assert "npm publish" in script_of("npm") and script_of("npm").count("--ignore-scripts") == script_of("npm").count("npm publish")


def test_what_is_published_was_signed_or_attested_and_what_is_announced_was_published():
    needs = {name: {job["needs"]} if isinstance(job.get("needs"), str) else set(job.get("needs", [])) for name, job in PUBLISH["jobs"].items()}

    def before(name: str) -> set[str]:
        return needs[name] | {earlier for need in needs[name] for earlier in before(need)}

    assert all("released" in before(name) for name in needs if name != "released"), "nothing is made of a tag that is not right"
    for registry in "pypi", "npm", "crates":
        assert {"attest", "binaries", "packages"} <= before(registry)
        assert PUBLISH["jobs"][registry]["environment"] == {"crates": "crates-io"}.get(registry, registry)
    assert before("release") == set(needs) - {"release"}


def test_the_workflow_the_release_notes_and_the_documentation_verify_in_the_same_way():
    page = (chart.ROOT / "docs" / "deployment.md").read_text()
    for text in script_of("sign"), script_of("release"), page:
        command = re.sub(r"\\\\?\n\s*", "", text.split("cosign verify ", 1)[1])
        assert ISSUER in command.splitlines()[0] and IDENTITY in command.splitlines()[0]
        assert "regexp" not in command.splitlines()[0], "a pattern would accept other repositories and branches"


def test_the_digests_of_image_and_chart_are_what_registry_and_helm_say(on_a_runner, tmp_path):
    inspect = f"""case "$*" in *inspect*) echo '{{"digest": "{DIGEST}"}}';; *) echo "$@" > created;; esac"""
    run = on_a_runner("publish", docker=inspect, helm=f"""echo "$@" >> helm-ran; [ "$1" != push ] || echo "Digest: {OTHER}" >&2""")
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "output").read_text() == f"digest={DIGEST}\ndigest={OTHER}\n"
    assert f"--tag ghcr.io/me/log:1.2.3 ghcr.io/me/log@{DIGEST} ghcr.io/me/log@{OTHER}" in (tmp_path / "created").read_text()
    assert "push opendata-log-1.2.3.tgz oci://ghcr.io/me/charts" in (tmp_path / "helm-ran").read_text()


@pytest.mark.parametrize("programs", [{"docker": "echo '{}'", "helm": f"echo Digest: {OTHER}"},
                                      {"docker": f"""echo '{{"digest": "{DIGEST}"}}'""", "helm": "echo 'Error: denied' >&2"}], ids=["image", "chart"])
def test_without_a_digest_nothing_more_is_published(on_a_runner, programs):
    assert on_a_runner("publish", **programs).returncode != 0


def test_the_job_that_signs_verifies_what_it_signed_and_fails_if_that_fails(on_a_runner, tmp_path):
    assert on_a_runner("sign", cosign='echo "$@" >> ran').returncode == 0
    ran = (tmp_path / "ran").read_text().splitlines()
    assert ran[:2] == [f"sign --yes --recursive ghcr.io/me/log@{DIGEST}", f"sign --yes ghcr.io/me/charts/opendata-log@{OTHER}"]
    assert len(ran) == 4 and all(line.startswith(f"verify {ISSUER} --certificate-identity {VERIFIED} ") for line in ran[2:])
    assert on_a_runner("sign", cosign='[ "$1" = sign ]').returncode != 0


def test_shellcheck_has_nothing_to_say_to_the_scripts_of_the_workflows():
    shellcheck = Path(sys.executable).parent / "shellcheck"
    for file, name, job in jobs():
        for step in (step for step in job.get("steps", []) if "run" in step):
            run = subprocess.run([shellcheck, "--shell=bash", "-"], input=step["run"], capture_output=True, text=True)
            assert run.returncode == 0, f"{file}, {name}: {run.stdout}"


def test_zizmor_has_nothing_to_say_to_the_workflows():
    zizmor = Path(sys.executable).parent / "zizmor"
    run = subprocess.run([zizmor, "--offline", "--no-progress", "--config", ".github/zizmor.yml", ".github"], cwd=chart.ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_zizmor_finds_text_from_outside_in_a_script(tmp_path):
    zizmor = Path(sys.executable).parent / "zizmor"
    (tmp_path / "bad.yml").write_text("on: {pull_request_target: {}}\njobs:\n  job:\n    runs-on: ubuntu-24.04\n    steps:\n"
                                      "      - run: echo ${{ github.event.pull_request.title }}\n")
    run = subprocess.run([zizmor, "--offline", "--no-progress", "--config", chart.ROOT / ".github/zizmor.yml", tmp_path / "bad.yml"], capture_output=True, text=True)
    assert run.returncode != 0 and "template-injection" in run.stdout
