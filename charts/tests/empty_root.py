"""A root file system as the image has it: the binary, its libraries, certificates, and nothing else.

The container is run in it as Kubernetes would: a read-only root, uid 65532, no capabilities, only the mounts to write to.
That needs root, or `sudo` without a password."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import dockerfile

# Of gcr.io/distroless/cc-debian12: libc6 and libgcc-s1. (libstdc++ and libgomp are there, too, and not needed.)
IN_THE_RUNTIME = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
NONROOT = 65532


def libraries(binary: str) -> list[Path]:
    """The shared libraries that the binary is linked with, where this machine has them."""
    said = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
    assert "not found" not in said, said
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", said)]


def build(binary: str, root: Path):
    """Puts into `root` what the image has."""
    inside = root / dockerfile.command("ENTRYPOINT")[0].lstrip("/")
    inside.parent.mkdir(parents=True)
    shutil.copy(binary, inside)
    for source in [*libraries(binary), CERTIFICATES]:
        target = root / str(source).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def command(root: Path, mounts: dict[str, tuple[Path, bool]], inside: list[str], env: dict[str, str]) -> list[str]:
    """The command that runs `inside` in `root`; `mounts` says what is mounted where, and whether it can be written to;
    `env` comes on top of the image's own."""
    for place in [*mounts, "/proc", "/dev"]:
        (root / place.lstrip("/")).mkdir(parents=True, exist_ok=True)
    for device in "null", "urandom":
        (root / "dev" / device).touch()
    steps = [f"mount --bind {quoted(root)} {quoted(root)}", f"mount -t proc proc {quoted(root)}/proc"]
    steps += [f"mount --bind /dev/{device} {quoted(root)}/dev/{device}" for device in ("null", "urandom")]
    for place, (folder, writable) in mounts.items():
        target = quoted(root / place.lstrip("/"))
        steps.append(f"mount --bind {quoted(folder)} {target}")
        if not writable:
            steps.append(f"mount -o remount,bind,ro {target}")
    steps.append(f"mount -o remount,bind,ro {quoted(root)}")
    given = " ".join(f"{name}={shlex.quote(value)}" for name, value in (dockerfile.environment() | env).items())
    # No new privileges, and the capabilities go with the user.
    steps.append(f'exec setpriv --no-new-privs env -i {given} "$(command -v chroot)" '
                 f"--userspec={NONROOT}:{NONROOT} --groups={NONROOT} {quoted(root)} {shlex.join(inside)}")
    return [*as_root(), "unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", "\n".join(steps)]


def own(folder: Path, mode: int):
    """What `fsGroup` does to a volume: the group owns it."""
    subprocess.run([*as_root(), "chown", "-R", f"0:{NONROOT}", folder], check=True)
    # From the leaves up: who is not root may not look into the folder afterwards.
    for path in [*folder.rglob("*"), folder]:
        subprocess.run([*as_root(), "chmod", oct(mode | (0o111 if path.is_dir() else 0))[2:], path], check=True)


def as_root() -> list[str]:
    return [] if os.geteuid() == 0 else ["sudo", "-n"]


def quoted(path: Path) -> str:
    return shlex.quote(str(path))
