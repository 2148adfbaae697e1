"""The files of a release: how they are made, and what the jobs that publish them do with stand-ins for registries."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
import tomllib

import pytest

import chart
import pins
from workflows import DIGEST, OTHER, PUBLISH, VERIFIED, run_job, script_of, workflows

RELEASE = chart.ROOT / "tools" / "release"
STATED = ["Cargo.toml", "Cargo.lock", "charts/opendata-log/Chart.yaml", "openapi/clients/python/pyproject.toml",
          "openapi/clients/typescript/package.json", "openapi/openapi.json", "openapi/openapi.yaml", "openapi/released/openapi.json"]
PYTHON = ["opendata_log_client-1.2.3-py3-none-any.whl", "opendata_log_client-1.2.3.tar.gz"]
NPM = "opendata-log-client-1.2.3.tgz"
# What a stand-in of the server does when it is asked for manual pages.
PAGES = '[ "$1" != man ] || { echo page > "$3/opendata-log.1"; echo page > "$3/opendata-log-append.1"; }'
BINARIES = {"LINUX_X86_64": "x86_64-unknown-linux-musl", "LINUX_AARCH64": "aarch64-unknown-linux-musl",
            "MACOS_X86_64": "x86_64-apple-darwin", "MACOS_AARCH64": "aarch64-apple-darwin"}


def run(*command, **options) -> subprocess.CompletedProcess:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, **options)


@pytest.fixture
def project(tmp_path):
    """The files that state a version or the repository, to change."""
    for file in STATED:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(chart.ROOT / file, tmp_path / file)
    return tmp_path


@pytest.fixture
def downloaded(tmp_path):
    """What the jobs that publish download, and the variables that they get."""
    (tmp_path / "dist").mkdir()
    names = [*(f"opendata-log-1.2.3-{target}.tar.gz" for target in BINARIES.values()), *PYTHON, NPM]
    lines = {}
    for name in names:
        (tmp_path / "dist" / name).write_text(f"the bytes of {name}")
        lines[name] = f"{hashlib.sha256(f'the bytes of {name}'.encode()).hexdigest()}  {name}"
    built = {variable: lines[f"opendata-log-1.2.3-{target}.tar.gz"] for variable, target in BINARIES.items()}
    built["PACKAGES"] = "\n".join(lines[name] for name in [NPM, *PYTHON])
    return {"SUMS": "\n".join(lines[name] for name in sorted(names)), **built}


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """Made twice, at once, in two folders; the first, and what was said."""
    folders = [tmp_path_factory.mktemp("packages") / "dist" for _ in range(2)]
    runs = [subprocess.Popen([RELEASE / "packages", folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for folder in folders]
    said = [each.communicate(timeout=300) for each in runs]
    assert [each.returncode for each in runs] == [0, 0], said
    assert said[0][0] == said[1][0], "the same commit gives the same bytes"
    return folders[0], said[0][0]


def test_everything_states_one_version_and_one_repository():
    said = run(RELEASE / "metadata", "check")
    assert said.returncode == 0, said.stderr


def test_a_release_is_refused_if_anything_is_of_another_version_or_repository(project):
    root = ("--root", project)
    assert run(RELEASE / "metadata", "check", *root).returncode == 0
    for given in (["--version", "9.9.9"], ["--repository", "https://github.com/me/log"]):
        refused = run(RELEASE / "metadata", "check", *root, *given)
        assert refused.returncode == 1 and f"not {given[1]}" in refused.stderr
    for file in STATED:
        text = (project / file).read_text()
        version = re.compile(r"(version\W+)0\.\d+\.\d+") if file != "Cargo.lock" else re.compile(r'(name = "log-sim"\nversion = ")\d+\.\d+\.\d+')
        (project / file).write_text(version.sub(r"\g<1>7.7.7", text, count=1))
        refused = run(RELEASE / "metadata", "check", *root)
        assert refused.returncode == 1 and file in refused.stderr, file
        (project / file).write_text(text)
    assert 'metadata check --version "${GITHUB_REF_NAME#v}" --repository "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY"' in script_of("released")


def test_one_command_states_a_version_and_a_repository_everywhere_but_in_what_is_generated(project):
    given = ["--version", "9.9.9-rc.1", "--repository", "https://github.com/me/log"]
    assert run(RELEASE / "metadata", "set", "--root", project, *given).returncode == 0
    left = run(RELEASE / "metadata", "check", "--root", project, *given).stderr
    assert {re.search(r" in ([^, ]+)", line)[1] for line in left.splitlines()} == {"openapi/openapi.json", "openapi/openapi.yaml", "openapi/released/openapi.json", "Cargo.lock"}
    assert tomllib.loads((project / "Cargo.toml").read_text())["workspace"]["package"]["version"] == "9.9.9-rc.1"
    package = json.loads((project / "openapi/clients/typescript/package.json").read_text())
    assert package["repository"]["url"] == "git+https://github.com/me/log.git" and package["version"] == "9.9.9-rc.1"
    for wrong in (["--version", "v1.2.3"], ["--version", "1.2"], ["--repository", "github.com/me/log"], ["--repository", "https://github.com/me/log/"]):
        assert run(RELEASE / "metadata", "set", "--root", project, *wrong).returncode == 2, wrong


def test_the_packages_of_the_clients_are_complete_and_say_what_they_are(packages):
    folder, said = packages
    assert [line.split("  ")[1] for line in said.splitlines()] == sorted(path.name for path in folder.iterdir())
    for line in said.splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    with tarfile.open(next(folder.glob("*.tgz"))) as package:
        stated = json.load(package.extractfile("package/package.json"))
        assert {"homepage", "repository", "keywords", "license", "exports"} <= stated.keys()
        assert all(package.getmember(f"package/{stated[main]}") for main in ("main", "types"))
    with tarfile.open(next(folder.glob("*.tar.gz"))) as sdist:
        stated = next(sdist.extractfile(member).read().decode() for member in sdist if member.name.count("/") == 1 and member.name.endswith("PKG-INFO"))
    assert "License-Expression: Apache-2.0\n" in stated and all(f"Project-URL: {name}, https://" in stated for name in ("Repository", "Changelog"))


def test_packages_are_only_made_into_an_empty_folder(tmp_path):
    (tmp_path / "left.whl").touch()
    refused = run(RELEASE / "packages", tmp_path)
    assert refused.returncode == 1 and "is not empty" in refused.stderr


@pytest.mark.parametrize("crate", ["opendata-log-messages", "opendata-log-client"])
def test_the_crates_have_what_a_registry_wants_and_can_be_published(crate):
    listed = run("cargo", "package", "--list", "--allow-dirty", "--package", crate, cwd=chart.ROOT)
    assert listed.returncode == 0, listed.stderr
    assert {"README.md", "LICENSE", "src/lib.rs"} <= set(listed.stdout.split())
    assert ("generated/messages.rs" in listed.stdout) == (crate == "opendata-log-messages")
    metadata = json.loads(run("cargo", "metadata", "--locked", "--no-deps", "--format-version", "1", cwd=chart.ROOT).stdout)
    published = {package["name"]: package for package in metadata["packages"] if package["publish"] != []}
    assert set(published) == {"opendata-log-messages", "opendata-log-client"}
    assert all(published[crate][field] for field in ("description", "license", "repository", "readme", "keywords", "categories", "rust_version"))
    assert f"--package {crate}" in script_of("packages") and crate in script_of("crates")
    assert script_of("crates").index("opendata-log-messages") < script_of("crates").index("opendata-log-client")


@pytest.fixture
def stand_in(tmp_path):
    """A program in the place of the server."""

    def make(script: str):
        path = tmp_path / "stand-in"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return make


def test_an_archive_has_the_server_with_licence_completions_and_manual_and_depends_on_nothing_else(stand_in, tmp_path):
    binary = stand_in('[ "$1" = --version ] && echo opendata-log 1.2.3 || echo "made by $*"\n' + PAGES)
    env = os.environ | {"SOURCE_DATE_EPOCH": "1700000000"}
    made = [run(RELEASE / "archive", "binary", binary, "x86_64-unknown-linux-musl", tmp_path / folder, env=env) for folder in ("a", "b")]
    paths = [tmp_path / each.stdout.strip() for each in made]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    name = "opendata-log-1.2.3-x86_64-unknown-linux-musl"
    assert paths[0].name == f"{name}.tar.gz"
    with tarfile.open(paths[0]) as archive:
        assert {member.name.removeprefix(f"{name}/") for member in archive} == {
            "opendata-log", "LICENSE", "README.md", "CHANGELOG.md", "completions/opendata-log.bash", "completions/_opendata-log",
            "completions/opendata-log.fish", "man/opendata-log.1", "man/opendata-log-append.1"}
        assert archive.getmember(f"{name}/opendata-log").mode == 0o755 and archive.getmember(f"{name}/LICENSE").mode == 0o644
        assert {(member.mtime, member.uid, member.uname) for member in archive} == {(1700000000, 0, "")}
        assert archive.extractfile(f"{name}/completions/_opendata-log").read() == b"made by completions zsh\n"
    said = '[ "$1" != --version ] || echo opendata-log 1.2.3\n'
    for script, why in ((said + PAGES, "is empty"), (said, "no manual page"), (said + "exit 1", "")):
        refused = run(RELEASE / "archive", "binary", stand_in(script), "t", tmp_path / "c")
        assert refused.returncode != 0 and why in refused.stderr and not (tmp_path / "c").exists()


def test_a_server_that_does_not_work_by_itself_is_not_packed(stand_in):
    server, checked = os.environ["LOG_TEST_BINARY"], RELEASE / "check-binary"
    version = tomllib.loads((chart.ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    passed = run(checked, server, version, env=os.environ | {"LINKED": "any"})
    assert passed.returncode == 0 and "appended, read, stopped" in passed.stdout, passed.stderr
    other = run(checked, server, "9.9.9", env=os.environ | {"LINKED": "any"})
    assert other.returncode == 1 and "instead of 'opendata-log 9.9.9'" in other.stderr
    # That of the tests is linked with the C library.
    linked = run(checked, server)
    assert linked.returncode == 1 and "is not static" in linked.stderr
    broken = run(checked, stand_in("echo opendata-log 1.2.3; exit 1"), "", env=os.environ | {"LINKED": "any"})
    assert broken.returncode == 1


def test_a_build_is_checked_and_packed_and_says_the_sum_of_its_archive(tmp_path):
    # The server of the tests, as the compiler's answer, with what is made of its command line.
    server = os.environ["LOG_TEST_BINARY"]
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "cargo").write_text(f"""#!/bin/sh
echo "$* with $CC_aarch64_unknown_linux_musl $CFLAGS_aarch64_unknown_linux_musl $JEMALLOC_SYS_WITH_LG_PAGE" > {tmp_path}/ran
to=$CARGO_TARGET_DIR/aarch64-unknown-linux-musl/dist
mkdir -p "$to"
cat > "$to/opendata-log" <<'END'
#!/bin/sh
case $1 in completions) echo "$@";; man) echo page > "$3/opendata-log.1";; *) exec {server} "$@";; esac
END
chmod +x "$to/opendata-log"
""")
    (tmp_path / "bin" / "cargo").chmod(0o755)
    env = os.environ | {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "CARGO_TARGET_DIR": str(tmp_path / "target"), "LINKED": "any"}
    built = run(RELEASE / "build", "aarch64-unknown-linux-musl", tmp_path / "dist", env=env)
    assert built.returncode == 0, built.stderr
    (archive,) = (tmp_path / "dist").iterdir()
    assert built.stdout == f"{hashlib.sha256(archive.read_bytes()).hexdigest()}  {archive.name}\n"
    assert (tmp_path / "ran").read_text() == ("auditable build --profile dist --locked --package log-app --target aarch64-unknown-linux-musl "
                                              "with musl-gcc -mno-outline-atomics 16\n")
    # What does not pass the check is not packed.
    (tmp_path / "dist" / archive.name).unlink()
    refused = run(RELEASE / "build", "aarch64-unknown-linux-musl", tmp_path / "dist", env=env | {"LINKED": "static"})
    assert refused.returncode != 0 and not refused.stdout and list((tmp_path / "dist").iterdir()) == []


def test_binaries_are_built_with_the_compiler_of_the_image_and_each_target_checks_itself():
    dockerfile = (chart.ROOT / "Dockerfile").read_text()
    binaries = dict((path.name, workflow) for path, workflow in workflows())["binaries.yml"]["jobs"]
    assert f"FROM {binaries['linux']['container']} AS tools" in dockerfile
    version = tomllib.loads((chart.ROOT / "Cargo.toml").read_text())["workspace"]["package"]["rust-version"]
    toolchains = re.findall(r'RUSTUP_TOOLCHAIN: "(\S+)"', "".join(path.read_text() for path in pins.WORKFLOWS))
    assert set(toolchains) == {f"{version}.0"} and f"rust:{version}-" in dockerfile
    auditable = re.findall(r"cargo-auditable@\S+", dockerfile + "".join(path.read_text() for path in pins.WORKFLOWS))
    assert len(set(auditable)) == 1 and len(auditable) == 3
    build = (RELEASE / "build").read_text()
    assert build.index("cargo auditable build --profile dist --locked") < build.index("tools/release/check-binary") < build.index("archive binary")
    assert "LG_PAGE=16" in build and "LG_PAGE=16" in dockerfile


def test_what_is_attested_is_exactly_what_was_built(downloaded, tmp_path):
    attested = run_job("attest", tmp_path, {"gh": 'echo "$@" >> verified'}, **downloaded)
    assert attested.returncode == 0, attested.stderr
    assert (tmp_path / "output").read_text() == "sums<<END\n" + downloaded["SUMS"] + "\nEND\n"
    verified = (tmp_path / "verified").read_text().splitlines()
    assert len(verified) == 7
    for line in verified:
        assert "--repo me/log --signer-workflow me/log/.github/workflows/publish.yml --source-ref refs/tags/v1.2.3" in line
    step = next(step for step in PUBLISH["jobs"]["attest"]["steps"] if "attest-build" in step.get("uses", ""))
    assert step["with"] == {"subject-checksums": "SHA256SUMS"}
    assert run_job("attest", tmp_path, {"gh": "exit 1"}, **downloaded).returncode != 0, "what cannot be verified is not published"


@pytest.mark.parametrize("job", ["attest", "pypi", "npm", "release"])
@pytest.mark.parametrize("what", ["changed", "missing"])
def test_nothing_is_published_of_which_the_bytes_differ_from_what_was_built(job, what, downloaded, tmp_path):
    for name in [PYTHON[0], NPM]:
        if what == "changed":
            (tmp_path / "dist" / name).write_text("other bytes")
        else:
            (tmp_path / "dist" / name).unlink()
    ran = 'echo "$0 $*" | grep -v "npm view" >> ran'
    assert run_job(job, tmp_path, {"gh": ran, "npm": ran}, **downloaded).returncode != 0
    assert not (tmp_path / "ran").exists()


def test_a_file_that_no_job_made_is_not_published(downloaded, tmp_path):
    (tmp_path / "dist" / "more").touch()
    for job in "attest", "release":
        assert run_job(job, tmp_path, {"gh": "touch ran"}, **downloaded).returncode != 0
    assert run_job("attest", tmp_path, {"gh": "touch ran"}, **downloaded | {"LINUX_X86_64": ""}).returncode != 0
    assert not (tmp_path / "ran").exists()


def test_only_the_python_packages_go_to_pypi(downloaded, tmp_path):
    assert run_job("pypi", tmp_path, {}, **downloaded).returncode == 0
    assert sorted(path.name for path in (tmp_path / "upload").iterdir()) == PYTHON


def test_npm_gets_the_package_with_its_provenance_unless_it_has_the_same_one(downloaded, tmp_path):
    npm = """[ "$1" = view ] && { echo "$SAID"; exit; }; echo "$@" >> published"""
    assert run_job("npm", tmp_path, {"npm": npm}, SAID="", **downloaded).returncode == 0
    assert (tmp_path / "published").read_text() == f"publish ./dist/{NPM} --provenance --access public --ignore-scripts\n"
    (tmp_path / "published").unlink()
    digest = subprocess.run(f"openssl dgst -sha512 -binary dist/{NPM} | base64 -w 0", shell=True, cwd=tmp_path, capture_output=True, text=True).stdout
    assert run_job("npm", tmp_path, {"npm": npm}, SAID=f"sha512-{digest}", **downloaded).returncode == 0
    assert not (tmp_path / "published").exists()


@pytest.mark.parametrize(("there", "published"), [("", ["opendata-log-messages", "opendata-log-client"]),
                                                  ("opendata-log-messages", ["opendata-log-client"])])
def test_crates_are_published_in_order_and_a_second_attempt_continues(there, published, tmp_path):
    # A version that begins like this one is another one.
    curl = f"""case "$*" in *"/op/en/{there or 'none'}") echo '{{"name":"x","vers":"1.2.3"}}';; *) echo '{{"name":"x","vers":"1.2.30"}}';; esac"""
    done = run_job("crates", tmp_path, {"curl": curl, "rustup": "", "cargo": 'echo "$@" >> ran'}, RUSTUP_TOOLCHAIN="x")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "ran").read_text().splitlines() == [f"publish --locked --no-verify --package {crate}" for crate in published]
    failing = run_job("crates", tmp_path, {"curl": "exit 6", "cargo": "touch called"}, RUSTUP_TOOLCHAIN="x")
    assert failing.returncode != 0 and not (tmp_path / "called").exists()


def test_the_release_has_every_file_and_notes_with_commands_that_verify_them(downloaded, tmp_path):
    release = run_job("release", tmp_path, {"gh": 'echo "$@" > ran'}, **downloaded)
    assert release.returncode == 0, release.stderr
    ran = (tmp_path / "ran").read_text()
    assert ran.startswith("release create v1.2.3 --repo me/log --verify-tag ")
    assert set(re.findall(r"dist/(\S+)", ran)) == {line.split("  ")[1] for line in downloaded["SUMS"].splitlines()} | {"SHA256SUMS"}
    notes = (tmp_path / "notes.md").read_text()
    assert f"`ghcr.io/me/log@{DIGEST}`" in notes and f"`ghcr.io/me/charts/opendata-log@{OTHER}`" in notes
    assert f"```text\n{downloaded['SUMS']}\n```" in notes
    for program in "cosign", "gh":
        (tmp_path / "bin" / program).write_text(f'#!/bin/sh\necho "$@" >> ../{program}-verified\n')
        (tmp_path / "bin" / program).chmod(0o755)
    for command in re.findall(r"```sh\n(.*?)```", notes, re.DOTALL):
        subprocess.run(["bash", "-euc", command], cwd=tmp_path / "dist", env={"PATH": f"{tmp_path}/bin:/usr/bin:/bin"}, check=True, capture_output=True)
    issuer = "--certificate-oidc-issuer https://token.actions.githubusercontent.com"
    assert (tmp_path / "cosign-verified").read_text().splitlines() == [
        f"verify {issuer} --certificate-identity {VERIFIED} {signed}" for signed in (f"ghcr.io/me/log@{DIGEST}", f"ghcr.io/me/charts/opendata-log@{OTHER}")]
    verified = (tmp_path / "gh-verified").read_text().splitlines()
    assert len(verified) == 7 and all(line.endswith("--signer-workflow me/log/.github/workflows/publish.yml --source-ref refs/tags/v1.2.3") for line in verified)
