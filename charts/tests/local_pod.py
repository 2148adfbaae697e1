"""The server's container as Kubernetes would run it, on this machine: its files, environment, command and probes."""

import re
import subprocess
from pathlib import Path

import chart
import processes

# What the tests put into the Secrets and ConfigMaps that an operator brings along.
READ, APPEND = "r" * 32, "a" * 32
TOKENS = f"dashboard read {READ}\ningest append,read {APPEND}\n"


class LocalPod:
    """The pod of some values, its volumes as folders below `folder`."""

    def __init__(self, values: dict, folder: Path, tokens: str = TOKENS, readers: bool = False,
                 certificates: dict[str, str] | None = None, name: str = "demo-opendata-log-0"):
        self.folder, self.tokens = folder, tokens
        # What the downward API says of it.
        self.fields = {"metadata.name": name, "metadata.labels['topology.kubernetes.io/zone']": "eu-central-1a"}
        self.spec = chart.pod(values, readers)
        self.container = self.spec["containers"][0]
        self.config = chart.server_config(values, readers)
        self.mounts = {mount["mountPath"]: folder / mount["name"] for mount in self.container["volumeMounts"]}
        for host in self.mounts.values():
            host.mkdir(parents=True)
        self.certificates = certificates or issue(folder)
        self._fill_config()

    def _fill_config(self):
        """What is in the projected volume: the chart's ConfigMap, and what an operator brings along."""
        root = self.mounts["/etc/opendata-log"]
        volume = next(volume for volume in self.spec["volumes"] if volume["name"] == "config")
        contents = {"log.yaml": self.config, "tokens": self.tokens, "token": f"{READ}\n", **self.certificates}
        for source in volume["projected"]["sources"]:
            for item in (source.get("secret") or source.get("configMap"))["items"]:
                path = root / item["path"]
                path.parent.mkdir(exist_ok=True)
                path.write_text(contents[item["key"]])

    def env(self) -> dict[str, str]:
        secrets = {"access-key-id": processes.ACCESS_KEY, "secret-access-key": processes.SECRET_KEY, "access": "id",
                   "secret": "key"}
        given = {}
        for variable in self.container.get("env", []):
            source = variable.get("valueFrom", {})
            if "secretKeyRef" in source:
                value = secrets[source["secretKeyRef"]["key"]]
            elif "fieldRef" in source:
                value = self.fields[source["fieldRef"]["fieldPath"]]
            else:
                # Only variables that stand before it are known.
                value = re.sub(r"\$\((\w+)\)", lambda found: given[found[1]], variable["value"])
            given[variable["name"]] = value
        return given

    def localize(self) -> dict[str, str]:
        """Has the configuration name folders of this machine; the environment that does so too."""
        for path in self.mounts["/etc/opendata-log"].rglob("log.yaml"):
            path.write_text(self._local(self.config))
        return {name: self._local(value) for name, value in self.env().items()}

    def start(self, start, **more: str) -> dict[str, str]:
        """Runs it with folders and free ports in the place of its own; where its ports are, by their names."""
        env = self.localize()
        names = [port["name"] for port in self.container["ports"]]
        ports = dict(zip(names, processes.free_ports(len(names))))
        settings = {"http": "LOG_PORT", "admin": "LOG_ADMIN__PORT"}
        env |= {settings[name]: str(port) for name, port in ports.items()} | more
        if "LOG_CLUSTER__ADVERTISE" in env:
            # In the place of the name that the headless Service gives the pod.
            env["LOG_CLUSTER__ADVERTISE"] = f"{self._scheme('http')}://localhost:{ports['http']}"
        self.server = start([self._local(arg) for arg in self.container["args"]], env)
        urls = {name: f"{self._scheme(name)}://localhost:{port}" for name, port in ports.items()}
        self.server.wait_until("the startup probe is answered", lambda: self.probe("startupProbe", urls)[0] == 200)
        return urls

    def _local(self, text: str) -> str:
        for inside, host in self.mounts.items():
            text = text.replace(inside, str(host))
        return text

    def _scheme(self, port: str) -> str:
        return "https" if port == "http" and re.search("^tls:", self.config, re.MULTILINE) else "http"

    def probe(self, name: str, urls: dict[str, str]) -> tuple[int, str]:
        """Asks as the kubelet does."""
        get = self.container[name]["httpGet"]
        scheme = get.get("scheme", "HTTP").lower()
        return processes.request(urls[get["port"]].replace(self._scheme(get["port"]), scheme, 1) + get["path"])


def issue(folder: Path) -> dict[str, str]:
    """A certificate for localhost, its key, and the authority that certifies it, as in a Secret of cert-manager."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    for command in (["-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.crt"],
                    ["-subj", "/CN=localhost", "-CA", "ca.crt", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE",
                     "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "tls.key", "-out", "tls.crt"]):
        subprocess.run(["openssl", "req", "-x509", *key, *command], check=True, capture_output=True, cwd=folder)
    return {name: (folder / name).read_text() for name in ("tls.crt", "tls.key", "ca.crt")}
