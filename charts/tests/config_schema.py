"""The schema of the value `config`, from what the server itself says that it can be configured with."""

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

# What the chart sets from other values.
OF_THE_CHART = {"port", "tls.certificate", "tls.key", "auth.tokens", "auth.i_know_that_everybody_can_write", "admin.host", "admin.port", "cache.dir", "storage.data_dir", "storage.sync",
                "slatedb.object_store_cache_options.root_folder"}
# From the values below `cluster`.
OF_THE_CHART |= {f"cluster.{name}" for name in ("enabled", "partitions", "node", "advertise", "zone", "heartbeat", "dead_after", "moves", "token_file", "ca")}
# A setting that the chart works with, and whose form must be known for that.
DURATION = {"type": "string", "pattern": "^([0-9]+ *(ms|s|sec|m|min|h) *)+$"}
SIZE = {"type": ["string", "integer"], "minimum": 0, "pattern": "^[0-9]+(\\.[0-9]+)? *([kKmMgGtT]i?)?[bB]?$"}
# Left out when they are empty, as they are by default.
NAME = {"type": ["string", "integer", "null"], "minimum": 0}
OF_BOTH = {"timeouts.open": DURATION, "timeouts.check": DURATION, "shutdown.timeout": DURATION, "reader.max_lag": DURATION,
           "cache.max_bytes": SIZE, "storage.in_memory": {"type": "boolean"}, "storage.s3.bucket": NAME, "storage.s3.region": NAME}
REQUIRED = {"": ["host", "storage", "timeouts", "shutdown"], "storage": ["s3"], "timeouts": ["open"], "shutdown": ["timeout"]}
ROW = re.compile(r"^\| `([a-z0-9_.]+)`(?: \(`--[a-z0-9-]+`\))? \| (?:`([^`]*)`)? *\| `LOG_", re.MULTILINE)


def is_of_the_chart(name: str) -> bool:
    """Whether the setting is not accepted in `config`: the chart sets it, or it is one of a cluster that the chart does not know yet."""
    return name in OF_THE_CHART or name.startswith("cluster.")


def settings(page: str) -> list[str]:
    """The names of all settings in the page that `config docs` prints."""
    names = [name for name, _ in ROW.findall(page)]
    assert len(names) > 100, "the page has another form than expected"
    return names


def accepted(binary: str, name: str) -> tuple[str, bool]:
    """What the server says that a setting accepts in a file, and whether `null` is part of it."""
    refusal = check(binary, name, [[1]])
    phrase = re.search(r" is not (.*) \(in file", refusal)
    assert phrase, f"{name}: {refusal}"
    return phrase[1], refuses(check(binary, name, None), phrase[1]) is False


def check(binary: str, name: str, value) -> str:
    """What `config check` says of a file with this setting alone."""
    for part in reversed(name.split(".")):
        value = {part: value}
    command = [binary, "config", "check", "--config", "/dev/stdin"]
    run = subprocess.run(command, input=json.dumps(value), capture_output=True, text=True, env={})
    return (run.stdout + run.stderr).strip()


def refuses(said: str, phrase: str) -> bool:
    """Whether it refused the kind of the value, and not what the value means with others."""
    words = (f" is not {phrase} (in", f" must be {phrase}", " must be a text", " is empty: ")
    return any(each in said for each in words)


def kind(phrase: str, of_the_engine: bool) -> dict:
    """The schema of what such a setting accepts, in the words of the server."""
    if words := re.fullmatch("one of (.*)", phrase):
        return {"enum": words[1].split(", ")}
    if most := re.fullmatch("a whole number(?: from 0 to ([0-9]+))?, .*", phrase):
        return {"type": ["integer"], "minimum": 0} | ({"maximum": int(most[1])} if most[1] else {})
    # SlateDB reads durations by rules of its own, and some of its texts are numbers in truth.
    text = {"type": ["string", "number"], "pattern": "\\S"} if of_the_engine else {"type": ["string", "integer"], "minimum": 0, "pattern": "\\S"}
    kinds = {
        "a text": text, "the path of a file": text,
        "a list of texts": {"type": ["string", "array"], "pattern": "\\S", "items": {"type": "string"}},
        "a list of rules": {"type": ["array"], "items": {
            "type": "object", "additionalProperties": False, "required": ["prefix", "max_age"], "properties": {
                "prefix": {"type": "string", "minLength": 1},
                "max_age": {"type": "string", "pattern": "^ *(0|([0-9.]+ *[a-zµM]+ *)+)$"}}}},
        "a size": {"type": ["string", "integer"], "minimum": 0, "pattern": "^ *[0-9]+(\\.[0-9]+)? *([kKmMgGtTpP]i?)?[bB]? *$"},
        "a duration": {"type": ["string"], "pattern": "^[0-9]+[a-zµ]*([ +*]*[0-9]+[a-zµ]*)*$" if of_the_engine
                       else "^ *(0|([0-9.]+ *[a-zµM]+ *)+)$"},
        "true or false": {"type": ["boolean"]},
        "an IP address": {"type": ["string"], "pattern": "^(localhost|[0-9]+(\\.[0-9]+){3}|\\[?[0-9a-fA-F.]*:[0-9a-fA-F.:]*\\]?)$"},
    }
    return next(schema for begin, schema in kinds.items() if phrase.startswith(begin))


def config_schema(binary: str, page: str) -> dict:
    """Every setting, at its depth, with the kind that it must be, and nothing else."""
    root = section()
    names = [name for name in settings(page) if not is_of_the_chart(name)]
    with ThreadPoolExecutor(4) as threads:
        kinds = dict(zip(names, threads.map(lambda name: accepted(binary, name), names)))
    for name in names:
        *path, leaf = name.split(".")
        node = root
        for part in path:
            node = node["properties"].setdefault(part, section(nullable=path[0] == "slatedb" and part != "slatedb"))
        node["properties"][leaf] = OF_BOTH.get(name) or of(*kinds[name], of_the_engine=path[:1] == ["slatedb"])
    return root


def needed_schema() -> dict:
    """The settings of `config` that the templates need, so that a user who sets one of them to `null` gets an error. `readers.config` needs none."""
    root = {}
    for path, names in REQUIRED.items():
        node = root
        for part in filter(None, path.split(".")):
            node = node.setdefault("properties", {}).setdefault(part, {})
        node["required"] = names
    return root


def of(phrase: str, nullable: bool, of_the_engine: bool) -> dict:
    schema = kind(phrase, of_the_engine)
    of_values = "enum" if "enum" in schema else "type"
    return schema | {of_values: schema[of_values] + ([None if of_values == "enum" else "null"] if nullable else [])}


def section(nullable: bool = False) -> dict:
    # A part of the storage engine is switched off with `null`.
    return {"type": ["object", "null"] if nullable else "object", "additionalProperties": False, "properties": {}}
