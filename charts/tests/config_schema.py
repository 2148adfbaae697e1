"""The schema of the value `config`, from what the server itself says that it can be configured with."""

import re

# What the chart sets from other values.
OF_THE_CHART = {"port", "tls.certificate", "tls.key", "auth.tokens", "auth.i_know_that_everybody_can_write", "admin.host", "admin.port", "cache.dir", "storage.data_dir",
                "slatedb.object_store_cache_options.root_folder"}
# A setting that the chart works with, and whose form must be known for that.
DURATION = {"type": "string", "pattern": "^([0-9]+ *(ms|s|sec|m|min|h) *)+$"}
SIZE = {"type": ["string", "number"], "pattern": "^[0-9]+(\\.[0-9]+)? *([kKmMgGtT]i?)?[bB]?$"}
LIST = {"type": ["string", "array"], "items": {"type": "string"}}
OF_BOTH = {"http.allowed_hosts": LIST, "http.cors.allow_origins": LIST,
           "timeouts.open": DURATION, "timeouts.check": DURATION, "shutdown.timeout": DURATION, "cache.max_bytes": SIZE,
           "storage.in_memory": {"type": "boolean"}, "storage.s3.bucket": {"type": "string"}, "storage.gcs.bucket": {"type": "string"},
           "storage.azure.account": {"type": "string"}, "storage.azure.container": {"type": "string"}, "host": {"type": "string"}}
REQUIRED = {"": ["host", "storage", "timeouts", "shutdown"], "storage": ["s3"], "timeouts": ["open"], "shutdown": ["timeout"]}
ROW = re.compile(r"^\| `([a-z0-9_.]+)`(?: \(`--[a-z0-9-]+`\))? \| (?:`([^`]*)`)? *\| `LOG_", re.MULTILINE)


def settings(page: str) -> list[str]:
    """The names of all settings in the page that `config docs` prints."""
    names = [name for name, _ in ROW.findall(page)]
    assert len(names) > 100, "the page has another form than expected"
    return names


def config_schema(page: str) -> dict:
    """Every setting, at its depth, and nothing else."""
    root = section()
    for name in settings(page):
        if name in OF_THE_CHART:
            continue
        *path, leaf = name.split(".")
        node = root
        for part in path:
            node = node["properties"].setdefault(part, section(nullable=path[0] == "slatedb" and part != "slatedb"))
        node["properties"][leaf] = OF_BOTH.get(name, {"$ref": "#/$defs/setting"})
    # What the templates read: a user who sets it to `null` is told so.
    for path, names in REQUIRED.items():
        node = root
        for part in filter(None, path.split(".")):
            node = node["properties"][part]
        node["required"] = names
    return root


def section(nullable: bool = False) -> dict:
    # A part of the storage engine is switched off with `null`.
    return {"type": ["object", "null"] if nullable else "object", "additionalProperties": False, "properties": {}}
