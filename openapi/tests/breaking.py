"""What in one OpenAPI document breaks the clients of an older one, and whether its version says so.

Strict: what it cannot judge, such as a pattern that changes, counts as breaking. A request may only be taken from more, and an answer
may only promise more.
"""

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
# For people alone.
SAID = {"description", "summary", "title", "example", "examples", "externalDocs", "deprecated"}
LOWER_BOUNDS = {"minimum", "minLength", "minItems", "minProperties"}
UPPER_BOUNDS = {"maximum", "maxLength", "maxItems", "maxProperties"}


def version(document: dict) -> tuple[int, ...]:
    return tuple(int(part) for part in document["info"]["version"].split("."))


def says_so(old: dict, new: dict) -> bool:
    """Whether the newer version allows that clients break: the next minor one before 1.0, afterwards the next major one."""
    kept = 1 if version(old)[0] > 0 else 2
    return version(new)[:kept] > version(old)[:kept]


def objections(released: dict, next: dict) -> list[str]:
    """Why `next` may not follow what was released, if it may not."""
    if version(next) < version(released):
        return ["it is older than what was released"]
    return [] if says_so(released, next) else changes(released, next)


def changes(old: dict, new: dict) -> list[str]:
    """Every change that breaks a client, by where it is."""
    return Comparison(old, new).found


class Comparison:
    def __init__(self, old: dict, new: dict):
        self.found: list[str] = []
        self._old, self._new = old, new
        # Schemas that refer to themselves are compared once in each direction.
        self._compared: set[tuple] = set()
        for path, item in old["paths"].items():
            for method in METHODS:
                if method in item:
                    self._operation(f"{method.upper()} {path}", item[method], new["paths"].get(path, {}).get(method))

    def _says(self, where: str, what: str):
        self.found.append(f"{where}: {what}")

    def _operation(self, at: str, old: dict, new: dict | None):
        if new is None:
            return self._says(at, "is removed")
        # Generated clients take the names of methods and classes from these.
        for name in ["operationId", "tags"]:
            if old.get(name) != new.get(name):
                self._says(at, f"{name} changes from {old.get(name)} to {new.get(name)}")
        self._parameters(at, *({(each["in"], each["name"]): each for each in one.get("parameters", [])} for one in (old, new)))
        self._body(f"{at} body", old.get("requestBody"), new.get("requestBody"))
        for status, answer in old["responses"].items():
            self._answer(f"{at} {status}", answer, new["responses"].get(status))
        self._security(at, old, new)

    def _parameters(self, at: str, old: dict, new: dict):
        for place, name in new:
            if (place, name) not in old and new[place, name].get("required"):
                self._says(f"{at} {name}", "is new and required")
        for (place, name), before in old.items():
            after = new.get((place, name))
            if after is None:
                self._says(f"{at} {name}", "is removed")
                continue
            if after.get("required") and not before.get("required"):
                self._says(f"{at} {name}", "becomes required")
            told = SAID | {"required", "schema"}
            self._same(f"{at} {name}", *({key: each[key] for key in each.keys() - told} for each in (before, after)))
            self._schema(f"{at} {name}", before["schema"], after["schema"], asked=True)

    def _body(self, at: str, old: dict | None, new: dict | None):
        if new and new.get("required") and not (old and old.get("required")):
            self._says(at, "becomes required")
        if old:
            self._content(at, old["content"], new["content"] if new else {}, asked=True)

    def _answer(self, at: str, old: dict, new: dict | None):
        if new is None:
            return self._says(at, "is removed")
        self._content(at, old.get("content", {}), new.get("content", {}), asked=False)
        after = {name.lower(): header for name, header in new.get("headers", {}).items()}
        for name, before in old.get("headers", {}).items():
            header = after.get(name.lower())
            if header is None or (before.get("required") and not header.get("required")):
                self._says(f"{at} {name}", "is not always there any more")
            else:
                self._schema(f"{at} {name}", before["schema"], header["schema"], asked=False)

    def _content(self, at: str, old: dict, new: dict, asked: bool):
        for kind, before in old.items():
            if kind not in new:
                self._says(f"{at} {kind}", "is removed")
            else:
                self._schema(f"{at} {kind}", before["schema"], new[kind]["schema"], asked)

    def _security(self, at: str, old: dict, new: dict):
        """Whoever could ask can ask still: each way of before includes one of now."""
        ways = [one.get("security", document.get("security", [{}])) for one, document in ((old, self._old), (new, self._new))]
        before, after = ([set(way) for way in each] or [set()] for each in ways)
        for way in before:
            if not any(other <= way and bool(other) == bool(way) for other in after):
                self._says(at, f"is no longer allowed with {sorted(way) or 'no token'}")
        schemes = (document.get("components", {}).get("securitySchemes", {}) for document in (self._old, self._new))
        first, second = schemes
        for name in set().union(*before):
            told = [{key: value for key, value in each.get(name, {}).items() if key not in SAID} for each in (first, second)]
            self._same(f"{at} {name}", *told)

    def _same(self, at: str, old: dict, new: dict):
        if old != new:
            self._says(at, f"changes from {old} to {new}")

    def _schema(self, at: str, old: dict, new: dict, asked: bool):
        """`asked`: in a request, else in an answer."""
        if old.get("$ref") != new.get("$ref"):
            # Another name is another class in generated clients.
            self._says(at, f"is {new.get('$ref', 'a schema in place')} instead of {old.get('$ref', 'a schema in place')}")
        elif "$ref" in old:
            if (old["$ref"], asked) in self._compared:
                return
            self._compared.add((old["$ref"], asked))
            at = old["$ref"].rsplit("/", 1)[-1]
        old, new = resolved(self._old, old), resolved(self._new, new)
        for keyword in sorted((old.keys() | new.keys()) - SAID):
            before, after = old.get(keyword), new.get(keyword)
            if keyword == "properties":
                self._fields(at, before or {}, after or {}, asked)
            elif keyword == "items" and before and after:
                self._schema(f"{at}[]", before, after, asked)
            elif before != after and not is_harmless(keyword, before, after, asked):
                self._says(at, f"{keyword} changes from {before} to {after} in {'a request' if asked else 'an answer'}")

    def _fields(self, at: str, old: dict, new: dict, asked: bool):
        for name, before in old.items():
            if name in new:
                self._schema(f"{at}.{name}", before, new[name], asked)
            else:
                self._says(f"{at}.{name}", "is removed")


def resolved(document: dict, schema: dict) -> dict:
    while "$ref" in schema:
        _, *path = schema["$ref"].split("/")
        schema = document
        for part in path:
            schema = schema[part]
    return schema


def is_harmless(keyword: str, old, new, asked: bool) -> bool:
    """Whether a keyword of a schema lets more pass in a request, or less in an answer."""
    # `before` and `after` so that it is the latter that has to include the former.
    before, after = (old, new) if asked else (new, old)
    if keyword in LOWER_BOUNDS:
        return after is None or (before is not None and after <= before)
    if keyword in UPPER_BOUNDS:
        return after is None or (before is not None and after >= before)
    if keyword == "enum":
        return after is None or (before is not None and all(value in after for value in before))
    if keyword == "required":
        return set(after or []) <= set(before or [])
    if keyword == "nullable":
        return bool(after) >= bool(before)
    return False
