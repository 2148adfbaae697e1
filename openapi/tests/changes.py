"""Changes of the document, made on a copy of the real one: those that break a client, and those that no client notices."""

SCAN = "/api/v1/log/scan"
APPEND = "/api/v1/log/append"
SEGMENTS = "/api/v1/log/segments"


def operation(document, path, method="get"):
    return document["paths"][path][method]


def parameter(document, path, name):
    return next(each for each in operation(document, path)["parameters"] if each["name"] == name)


def answer(document, path, method="get", status="200"):
    return operation(document, path, method)["responses"][status]


def schema(document, name):
    return document["components"]["schemas"][name]


def field(document, name, of):
    return schema(document, of)["properties"][name]


def without_parameter(document, path, name):
    operation(document, path)["parameters"].remove(parameter(document, path, name))


def with_parameter(document, path, required):
    new = {"name": "tenant", "in": "query", "required": required, "schema": {"type": "string"}}
    operation(document, path)["parameters"].append(new)


def with_field(document, of, required):
    schema(document, of)["properties"]["tenant"] = {"type": "string"}
    if required:
        schema(document, of)["required"].append("tenant")


def renamed_schema(document, old, new):
    """As a rename in the code does it: everywhere."""
    def walk(node):
        if isinstance(node, dict):
            if node.get("$ref") == f"#/components/schemas/{old}":
                node["$ref"] = f"#/components/schemas/{new}"
            node = node.values()
        if not isinstance(node, str):
            for each in node if hasattr(node, "__iter__") else []:
                walk(each)

    document["components"]["schemas"][new] = document["components"]["schemas"].pop(old)
    walk(document)


def moved(document, old, new):
    document["paths"][new] = document["paths"].pop(old)


BREAKING = {
    "a path is removed": lambda d: d["paths"].pop(SEGMENTS),
    "a path is renamed": lambda d: moved(d, SEGMENTS, "/api/v1/log/parts"),
    "an operation is removed": lambda d: d["paths"][APPEND].pop("post"),
    "an operation changes its method": lambda d: d["paths"][APPEND].update(put=d["paths"][APPEND].pop("post")),
    "an operationId is renamed": lambda d: operation(d, SEGMENTS).update(operationId="segments"),
    "a tag is renamed": lambda d: operation(d, SCAN).update(tags=["reading"]),
    "a parameter is removed": lambda d: without_parameter(d, SCAN, "follow"),
    "a parameter is renamed": lambda d: parameter(d, SCAN, "follow").update(name="wait"),
    "a parameter moves into a header": lambda d: parameter(d, SCAN, "follow").update({"in": "header"}),
    "a parameter becomes required": lambda d: parameter(d, SCAN, "key").update(required=True),
    "a required parameter is added": lambda d: with_parameter(d, SCAN, required=True),
    "a parameter's type changes": lambda d: parameter(d, SCAN, "limit")["schema"].update(type="string"),
    "a parameter's format changes": lambda d: parameter(d, SCAN, "limit")["schema"].update(format="int32"),
    "a parameter's default changes": lambda d: parameter(d, SCAN, "limit")["schema"].update(default=100),
    "a parameter's minimum is raised": lambda d: parameter(d, SCAN, "limit")["schema"].update(minimum=10),
    "a parameter gets a minimum": lambda d: parameter(d, SCAN, "start_time_ms")["schema"].update(minimum=0),
    "a parameter gets a maximum": lambda d: parameter(d, SCAN, "limit")["schema"].update(maximum=10_000),
    "a parameter gets a maximum length": lambda d: parameter(d, SCAN, "key")["schema"].update(maxLength=100),
    "a parameter gets a pattern": lambda d: parameter(d, SCAN, "key")["schema"].update(pattern="^[a-z]+$"),
    "a parameter's choices become fewer": lambda d: parameter(d, SCAN, "visibility")["schema"]["enum"].remove("durable"),
    "a parameter gets choices": lambda d: parameter(d, SCAN, "key_base64")["schema"].update(enum=["AA=="]),
    "a body is removed": lambda d: operation(d, APPEND, "post").pop("requestBody"),
    "a body becomes required": lambda d: operation(d, SEGMENTS).update(
        requestBody={"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}),
    "a body's media type is removed": lambda d: operation(d, APPEND, "post")["requestBody"]["content"].pop("application/protobuf"),
    "a field of a body is removed": lambda d: schema(d, "AppendRequest")["properties"].pop("awaitDurable"),
    "a field of a body becomes required": lambda d: schema(d, "AppendRequest")["required"].append("awaitDurable"),
    "a required field is added to a body": lambda d: with_field(d, "Record", required=True),
    "a field of a body gets a maximum length": lambda d: field(d, "key", of="Record").update(maxLength=1000),
    "a field of a body has a higher minimum length": lambda d: field(d, "key", of="Record").update(minLength=4),
    "a list in a body gets a maximum": lambda d: field(d, "records", of="AppendRequest").update(maxItems=10),
    "a list in a body has a higher minimum": lambda d: field(d, "records", of="AppendRequest").update(minItems=2),
    "an answer's status is removed": lambda d: operation(d, SCAN)["responses"].pop("200"),
    "an error's status is removed": lambda d: operation(d, SCAN)["responses"].pop("429"),
    "an answer's media type is removed": lambda d: answer(d, SCAN)["content"].pop("application/protobuf"),
    "an answer's header is removed": lambda d: answer(d, SCAN, status="429")["headers"].pop("retry-after"),
    "an answer's header is no longer certain": lambda d: answer(d, SCAN)["headers"]["X-REQUEST-ID"].update(required=False),
    "an answer is another schema": lambda d: answer(d, SCAN)["content"]["application/json"]["schema"].update(
        {"$ref": "#/components/schemas/KeysResponse"}),
    "a schema is renamed": lambda d: renamed_schema(d, "Value", "ReadRecord"),
    "a field of an answer is removed": lambda d: schema(d, "ScanResponse")["properties"].pop("nextSequence"),
    "a field of an answer is renamed": lambda d: schema(d, "Segment")["properties"].update(
        start=schema(d, "Segment")["properties"].pop("startSeq")),
    "a field of an answer is no longer certain": lambda d: schema(d, "ScanResponse")["required"].remove("nextSequence"),
    "a field of an answer changes its type": lambda d: field(d, "count", of="CountResponse").update(type="string"),
    "a field of an answer changes its format": lambda d: field(d, "recordsAppended", of="AppendResponse").update(format="int64"),
    "a field of an answer may be null": lambda d: field(d, "count", of="CountResponse").update(nullable=True),
    "a field of an answer gets another value": lambda d: field(d, "status", of="CountResponse")["enum"].append("partial"),
    "a field of an answer may have any value": lambda d: field(d, "status", of="CountResponse").pop("enum"),
    "a field of an answer loses its minimum": lambda d: field(d, "count", of="CountResponse").pop("minimum"),
    "a field of an answer has a higher maximum": lambda d: field(d, "id", of="Segment").update(maximum=2**53),
    "the elements of a list change": lambda d: field(d, "values", of="ScanResponse").update(items={"type": "string"}),
    "a token is always wanted": lambda d: operation(d, SCAN)["security"].remove({}),
    "a token is wanted where none was": lambda d: operation(d, "/-/healthy").update(security=[{"bearerAuth": []}]),
    "a token is no longer taken": lambda d: operation(d, SCAN)["security"].remove({"bearerAuth": []}),
    "a token is sent in another way": lambda d: d["components"]["securitySchemes"]["bearerAuth"].update(scheme="basic"),
}

HARMLESS = {
    "nothing changes": lambda d: None,
    "a description changes": lambda d: operation(d, SCAN).update(description="Reads.", summary="Read"),
    "a field's description and example change": lambda d: field(d, "key", of="Record").update(description="It.", example="AA=="),
    "an operation is added": lambda d: d["paths"][SEGMENTS].update(
        delete={"operationId": "deleteSegments", "responses": {"204": {"description": "Done."}}}),
    "a path is added": lambda d: d["paths"].update({"/api/v2/log/scan": {"get": operation(d, SEGMENTS)}}),
    "an optional parameter is added": lambda d: with_parameter(d, SCAN, required=False),
    "the order of the parameters changes": lambda d: operation(d, SCAN)["parameters"].reverse(),
    "a parameter's minimum is lowered": lambda d: parameter(d, SCAN, "limit")["schema"].update(minimum=0),
    "a parameter loses its minimum": lambda d: parameter(d, SCAN, "limit")["schema"].pop("minimum"),
    "a parameter has another choice": lambda d: parameter(d, SCAN, "visibility")["schema"]["enum"].append("replicated"),
    "a list in a body may be empty": lambda d: field(d, "records", of="AppendRequest").pop("minItems"),
    "an optional field is added to a body": lambda d: with_field(d, "AppendRequest", required=False),
    "a field of a body is no longer required": lambda d: schema(d, "Record")["required"].remove("value"),
    "a body's media type is added": lambda d: operation(d, APPEND, "post")["requestBody"]["content"].update(
        {"application/cbor": {"schema": {"type": "string"}}}),
    "an optional field is added to an answer": lambda d: with_field(d, "ScanResponse", required=False),
    "a field is added to every answer": lambda d: with_field(d, "ScanResponse", required=True),
    "a field of an answer becomes certain": lambda d: schema(d, "KeysResponse")["required"].append("nextStartAfter"),
    "an answer's header is added": lambda d: answer(d, SCAN)["headers"].update(age={"schema": {"type": "string"}}),
    "an error's status is added": lambda d: operation(d, SCAN)["responses"].update({"409": answer(d, SCAN, status="400")}),
    "an answer's example and links are added": lambda d: answer(d, SCAN).update(links={"more": {"operationId": "scan"}}),
    "a server is added": lambda d: d["servers"].append({"url": "https://log.example.com"}),
}
