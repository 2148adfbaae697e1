"""The image, as far as it can be tried where no registry can be reached: what the Dockerfile says, and the server in a root
file system that has what the image has and nothing else."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import chart
import dockerfile
import empty_root
import processes
from local_pod import APPEND, LocalPod

RECORD = b'{"records": [{"key": "b3JkZXJz", "value": "Zmlyc3Q="}], "awaitDurable": true}'
CONSENT = "LOG_AUTH__I_KNOW_THAT_EVERYBODY_CAN_WRITE"
TOKEN = "a-token-0123456789abcdef"


@pytest.fixture
def root(binary, tmp_path):
    """A root file system as the image has it."""
    empty_root.build(binary, tmp_path / "root")
    return tmp_path / "root"


def mounts_of(pod: LocalPod) -> dict:
    """The volumes where the container has them, with the rights that Kubernetes gives them."""
    mounts = {}
    for mount in pod.container["volumeMounts"]:
        folder = pod.mounts[mount["mountPath"]]
        writable = not mount.get("readOnly", False)
        empty_root.own(folder, 0o2775 if writable else 0o440)
        mounts[mount["mountPath"]] = (folder, writable)
    return mounts


def test_hadolint_has_nothing_to_say():
    hadolint = Path(sys.executable).parent / "hadolint"
    run = subprocess.run([hadolint, "--failure-threshold", "style", dockerfile.PATH], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "")


def test_the_image_is_from_a_runtime_without_a_shell_and_for_the_rust_that_the_workspace_asks_for():
    runtime = dockerfile.stages()[-1][0][1]
    assert re.fullmatch(r"gcr\.io/distroless/cc-debian12:nonroot@sha256:[0-9a-f]{64} AS runtime", runtime)
    wanted = re.search(r'^rust-version = "(.*)"', (chart.ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    builder = dockerfile.stages()[1][0][1]
    assert builder.startswith(f"docker.io/library/rust:{wanted}-bookworm@"), "Debian 12, as the runtime"


def test_the_image_and_the_chart_agree():
    user, = dockerfile.of_the_image("USER")
    security = chart.pod(chart.example("default"))["securityContext"]
    assert user == f"{security['runAsUser']}:{security['runAsGroup']}" == f"{empty_root.NONROOT}:{empty_root.NONROOT}"
    port, = dockerfile.of_the_image("EXPOSE")
    assert int(port) == chart.container(chart.example("default"))["ports"][0]["containerPort"]
    assert "command" not in chart.container(chart.example("default")), "the image's ENTRYPOINT is to be run"


def test_the_image_says_what_it_is():
    labels = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", " ".join(dockerfile.of_the_image("LABEL"))))
    assert labels >= {"title", "description", "licenses", "version", "revision", "source"}


def test_the_build_gets_all_that_it_reads_and_nothing_that_changes_without_it():
    tracked = subprocess.run(["git", "ls-files"], cwd=chart.ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    let_through = {path for path in tracked if dockerfile.in_context(path)}
    # The fuzzers are no part of the workspace.
    built = [path for path in tracked if not path.startswith("fuzz/")]
    manifests = {path for path in built if path.endswith(("Cargo.toml", "Cargo.lock"))}
    sources = {path for path in built if path.endswith(".rs")}
    assert manifests | sources <= let_through
    for source in sources:
        for included in re.findall(r'include_(?:str|bytes)!\("([^"]+)"\)', (chart.ROOT / source).read_text()):
            path = (chart.ROOT / source).parent.joinpath(included).resolve().relative_to(chart.ROOT)
            assert dockerfile.in_context(str(path)), f"{source} includes {path}"
    assert not {path for path in let_through if path.startswith(("docs/", "charts/", ".github/"))}
    assert not dockerfile.in_context("target/debug/opendata-log") and not dockerfile.in_context(".git/HEAD")


def test_the_binary_needs_only_the_libraries_that_the_runtime_has(binary):
    needed = {path.name for path in empty_root.libraries(binary)}
    assert needed and needed <= empty_root.IN_THE_RUNTIME


def test_the_rendered_container_runs_in_the_image_without_rights(root, s3, start, tmp_path):
    s3.make_bucket("in-the-image")
    values = chart.with_values(chart.example("default"), {
        "config": {"storage": {"s3": {"bucket": "in-the-image", "region": "us-east-1"}}},
        "objectStore": {"endpoint": s3.endpoint, "allowHttp": True, "credentialsSecret": {"name": "keys"}}})
    pod = LocalPod(values, tmp_path / "volumes")
    port, = processes.free_ports(1)
    inside = [*dockerfile.command("ENTRYPOINT"), *pod.container["args"]]
    command = empty_root.command(root, mounts_of(pod), inside, {**pod.env(), "LOG_PORT": str(port)})
    server = start(command[1:], {}, program=command[0])
    url = f"http://127.0.0.1:{port}"
    server.wait_until_ready(url)

    assert processes.request(f"{url}/api/v1/log/append", data=RECORD)[0] == 200
    assert (pod.mounts["/var/cache/opendata-log"] / "parts").stat().st_uid == empty_root.NONROOT, "made by the server"
    status = status_of_the_last_child(server.process.pid)
    assert status["Uid"].split() == status["Gid"].split() == [str(empty_root.NONROOT)] * 4
    assert int(status["CapEff"], 16) == 0 and status["NoNewPrivs"] == "1"


@pytest.mark.parametrize("more", [{}, {"auth": {"existingSecret": "tokens"}, "tls": {"enabled": True, "existingSecret": "tls"}}],
                         ids=["plain", "tokens and TLS"])
def test_the_containers_of_a_backup_run_in_the_image_without_rights(more, root, s3, start, tmp_path):
    bucket = f"backed-up-in-the-image-{len(more)}"
    s3.make_bucket(bucket)
    values = chart.with_values(chart.example("default") | more, {
        "config": {"storage": {"s3": {"bucket": bucket, "region": "us-east-1"}}},
        "objectStore": {"endpoint": s3.endpoint, "allowHttp": True, "credentialsSecret": {"name": "keys"}},
        "backup": {"enabled": True, "existingClaim": "backups"}})
    pod = LocalPod(values, tmp_path / "volumes")
    url = pod.start(start)["http"]
    assert processes.request(f"{url}/api/v1/log/append", {"Authorization": f"Bearer {APPEND}"}, RECORD)[0] == 200
    volume = tmp_path / "volume"
    volume.mkdir()
    folders = {"config": tmp_path / "config", "backups": volume}
    # What the CronJob mounts of it.
    folders["config"].mkdir()
    (folders["config"] / "log.yaml").write_text(pod.config)
    empty_root.own(folders["config"], 0o440)
    empty_root.own(volume, 0o2775)
    job = chart.find("CronJob", values)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    for container in [*job["initContainers"], *job["containers"]]:
        mounts = {mount["mountPath"]: (folders[mount["name"]], not mount.get("readOnly", False)) for mount in container["volumeMounts"]}
        inside = [*dockerfile.command("ENTRYPOINT"), *container["args"]]
        # Credentials are those of the server.
        env = {variable["name"]: variable.get("value") or pod.env()[variable["name"]] for variable in container["env"]}
        command = empty_root.command(root, mounts, inside, env)
        run = start(command[1:], {}, program=command[0])
        assert run.process.wait(timeout=60) == 0, run.said()
    made, = (volume / "demo-opendata-log" / "backups").iterdir()
    assert made.stat().st_uid == empty_root.NONROOT


def test_the_root_of_the_container_cannot_be_written_to(root, start):
    inside = [*dockerfile.command("ENTRYPOINT"), "--data-dir", "/data", "--port", "0"]
    command = empty_root.command(root, {}, inside, {})
    server = start(command[1:], {}, program=command[0])
    assert server.process.wait(timeout=60) == 2
    assert "Read-only file system" in server.said()


@pytest.fixture
def run_image(root, start, tmp_path):
    """Runs the image as `docker run` does: its own command, with these variables and a volume for its data."""
    data = tmp_path / "data"
    data.mkdir()
    empty_root.own(data, 0o2775)

    def run(env: dict, mounts: dict | None = None, args: list | None = None) -> processes.Server:
        inside = [*dockerfile.command("ENTRYPOINT"), *(args or dockerfile.command("CMD"))]
        mounts = {"/var/lib/opendata-log": (data, True)} | (mounts or {})
        command = empty_root.command(root, mounts, inside, env)
        return start(command[1:], {}, program=command[0])

    return run


def test_the_image_without_tokens_says_in_one_line_what_to_do_and_listens_nowhere(run_image):
    server = run_image({})
    assert server.process.wait(timeout=60) == 2
    line, = server.said().splitlines()
    assert "auth.tokens" in line and "LOG_AUTH__TOKENS" in line and f"{CONSENT}=true" in line, line
    server = run_image({}, args=["--in-memory", "--host", "::"])
    assert server.process.wait(timeout=60) == 2 and CONSENT in server.said()


def test_the_image_runs_with_a_volume_for_its_data_where_everybody_may_write(run_image):
    copied = " ".join(dockerfile.of_the_image("COPY"))
    assert "--chown=65532:65532 /out/var/lib/opendata-log /var/lib/opendata-log" in copied
    port, = processes.free_ports(1)
    run_image({"LOG_PORT": str(port), CONSENT: "true"}).wait_until_ready(f"http://127.0.0.1:{port}")
    assert processes.request(f"http://127.0.0.1:{port}/api/v1/log/append", data=RECORD)[0] == 200


def test_the_image_runs_with_a_file_of_tokens_and_needs_no_consent(run_image, tmp_path):
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "tokens").write_text(f"client append {TOKEN}\n")
    empty_root.own(secrets, 0o440)
    port, = processes.free_ports(1)
    env = {"LOG_PORT": str(port), "LOG_AUTH__TOKENS": "/run/secrets/tokens"}
    run_image(env, {"/run/secrets": (secrets, False)}).wait_until_ready(f"http://127.0.0.1:{port}")
    url = f"http://127.0.0.1:{port}/api/v1/log/append"
    assert processes.request(url, data=RECORD)[0] == 401
    assert processes.request(url, {"Authorization": f"Bearer {TOKEN}"}, RECORD)[0] == 200


def status_of_the_last_child(pid: int) -> dict[str, str]:
    """What the kernel says of the process that all others only lead to."""
    while children := Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        pid = int(children[-1])
    return dict(line.split(":\t") for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
