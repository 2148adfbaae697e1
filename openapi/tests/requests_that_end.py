"""Hooks of schemathesis: requests that would wait are made to end, most of those for a key name exactly one, and those where the
server is more lenient than its document are left out. Unknown fields are refused, which the document says in words."""

import schemathesis

# As many records as test_conformance.py appends, so that a stream up to there has an end.
APPENDED = 100
LONGEST_WAIT_MS = 20
LONGEST_KEYS = 4_000
LAST_INT64, LAST_UINT64 = 2**63 - 1, 2**64 - 1
ONE_KEY = ("/scan", "/stream", "/count")
KEY, SEVERAL_KEYS = ("key", "key_base64"), ("prefix", "prefix_base64", "keys", "keys_base64")


def number(value):
    """The whole number that a parameter is, if it is one."""
    try:
        return int(str(value))
    except ValueError:
        return None


@schemathesis.serializer("application/protobuf; delimited=true")
def as_it_is(context, value):
    """Any bytes: they are the frames of a session, or not."""
    data = getattr(value, "data", value)
    return data if isinstance(data, bytes) else str(data).encode(errors="surrogatepass")


@schemathesis.hook
def before_load_schema(context, raw_schema):
    # A document for clients of any version leaves open which fields there may be; this server refuses those it does not know.
    schemas = raw_schema["components"]["schemas"]
    for request in ("AppendRequest", "Record", "Header", "Precondition", "Producer", "ScanRequest", "CursorMove", "PutCursorRequest"):
        schemas[request]["additionalProperties"] = False
    # Text is for people and shells, in place of fields that the document requires.
    for message, field in (
            ("Record", "keyText"), ("Record", "valueText"), ("Header", "valueText"), ("Precondition", "keyText"),
            ("ScanRequest", "keyText"), ("ScanRequest", "keysText"), ("ScanRequest", "prefixText"), ("ScanRequest", "format")):
        del schemas[message]["properties"][field]
    for path in raw_schema["paths"].values():
        for operation in path.values():
            operation["parameters"] = [each for each in operation.get("parameters", []) if each["name"] != "format"]


@schemathesis.hook
def map_query(context, query):
    path = context.operation.path if context.operation else ""
    query = {} if query is None else query
    if is_post(context) and path.endswith(("/scan", "/stream")):
        # All is in the body.
        return query
    if path.endswith("/stream"):
        end = number(query.get("end_seq", APPENDED))
        if end is not None and end > APPENDED:
            query["end_seq"] = APPENDED
        query.setdefault("end_seq", APPENDED)
    elif path.endswith("/scan"):
        wait = number(query.get("timeout_ms", LAST_INT64))
        if wait is not None and LONGEST_WAIT_MS < wait <= LAST_UINT64:
            query["timeout_ms"] = LONGEST_WAIT_MS
    if is_waited_for(query.get("at_least")):
        query["at_least"] = 0
    for name in ("keys", "keys_base64"):
        # More of them are for POST: a server takes only so long a URL.
        if isinstance(query.get(name), list) and len(str(query[name])) > LONGEST_KEYS:
            query[name] = query[name][:1]
    if any(name in query for name in SEVERAL_KEYS):
        for name in KEY:
            query.pop(name, None)
    elif path.endswith(ONE_KEY):
        # A document cannot say that one of the two must be there, and not both. What links lead to has `key_base64`.
        if "key_base64" in query:
            query.pop("key", None)
        else:
            query.setdefault("key", "orders")
    return query


@schemathesis.hook
def map_body(context, body):
    path = context.operation.path if context.operation else ""
    if not isinstance(body, dict) or not path.endswith(("/scan", "/stream")):
        return body
    if is_waited_for(body.get("atLeast")):
        body["atLeast"] = 0
    wait, end = number(body.get("timeoutMs", LAST_INT64)), number(body.get("endSeq", LAST_INT64))
    if path.endswith("/scan") and wait is not None and LONGEST_WAIT_MS < wait <= LAST_UINT64:
        body["timeoutMs"] = LONGEST_WAIT_MS
    if path.endswith("/stream") and end is not None and APPENDED < end <= LAST_UINT64:
        body["endSeq"] = APPENDED
    return body


@schemathesis.hook
def before_call(context, case, kwargs):
    # Requests that are made of what is at the limits of the document have not been through the hooks above.
    case.body = map_body(context, case.body)
    if case.operation.path.endswith(("/scan", "/stream")) and case.operation.method.upper() == "GET":
        case.query = map_query(context, case.query)


def is_post(context):
    return context.operation is not None and context.operation.method.upper() == "POST"


def is_waited_for(sequence):
    """Whether a read would wait until somebody appends so much."""
    sequence = number(sequence)
    return sequence is not None and 0 < sequence <= LAST_UINT64


@schemathesis.hook
def filter_case(context, case):
    # Clients of version 1 may say 2^64 - 1 for "no end". The document says int64, which generators know.
    numbers = [number(value) for values in (case.query, case.headers) for value in dict(values or {}).values()]
    numbers += map(number, leaves(case.body))
    if any(value is not None and LAST_INT64 < value <= LAST_UINT64 for value in numbers):
        return False
    # Clients of server-sent events that have seen none yet may say so.
    if any(name.lower() == "last-event-id" and value == "" for name, value in dict(case.headers or {}).items()):
        return False
    # In ProtoJSON, null stands for what is not there.
    return not has_null(case.body)


def leaves(body):
    """What is in the fields of a message and of those in it."""
    if isinstance(body, (dict, list)):
        return [leaf for each in (body.values() if isinstance(body, dict) else body) for leaf in leaves(each)]
    return [body]


def has_null(body):
    """Whether a field of a message, or of one in it, is null."""
    if isinstance(body, dict):
        return None in body.values() or any(map(has_null, body.values()))
    return isinstance(body, list) and any(map(has_null, body))
