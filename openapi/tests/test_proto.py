"""openapi/log.proto, compiled by protoc, against a live server: the bytes that it makes are taken, those that come back are its messages."""

import importlib
import sys
import urllib.error
import urllib.parse
import urllib.request

import pytest

from conftest import OPENAPI

PROTOBUF = {"Content-Type": "application/protobuf", "Accept": "application/protobuf"}
KEY = bytes([0, 255, 10, 128])


@pytest.fixture(scope="module")
def log(run, tmp_path_factory):
    """The messages of log.proto."""
    folder = tmp_path_factory.mktemp("proto")
    run(sys.executable, "-m", "grpc_tools.protoc", f"-I{OPENAPI}", f"--python_out={folder}", "log.proto")
    sys.path.insert(0, str(folder))
    yield importlib.import_module("log_pb2")
    sys.path.remove(str(folder))


def ask(url: str, data: bytes | None = None) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, PROTOBUF), timeout=10) as answer:
            assert answer.headers["content-type"] == "application/protobuf"
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        assert error.headers["content-type"] == "application/protobuf"
        return error.code, error.read()


def message(kind, data: bytes):
    """`data` as a `kind`, which must know every field in it."""
    found = kind.FromString(data)
    strict = kind.FromString(data)
    strict.DiscardUnknownFields()
    assert strict.SerializeToString() == found.SerializeToString(), found
    return found


def test_every_message_of_log_proto_is_what_the_server_speaks(serve, log):
    api = f"{serve()}/api/v1/log"
    key = urllib.parse.urlencode({"key_base64": "AP8KgA=="})
    headers = [log.Header(name="trace", value=b"\x00\xff"), log.Header(name="größe", value=b""), log.Header(name="trace", value=b"again")]
    records = [log.Record(key=KEY, value=b"first", headers=headers), log.Record(key=KEY, value=b""), log.Record(key=b"other", value=b"x")]
    status, body = ask(f"{api}/append", log.AppendRequest(records=records, await_durable=True).SerializeToString())
    appended = message(log.AppendResponse, body)
    assert (status, appended.status, appended.records_appended, appended.start_sequence) == (200, "success", 3, 0)

    page = message(log.ScanResponse, ask(f"{api}/scan?{key}")[1])
    assert (page.status, page.key, page.next_sequence) == ("success", KEY, 3)
    assert [(value.sequence, value.value) for value in page.values] == [(0, b"first"), (1, b"")]
    assert all(value.timestamp_ms > 1_700_000_000_000 for value in page.values)
    assert [list(value.headers) for value in page.values] == [headers, []]

    keys = message(log.KeysResponse, ask(f"{api}/keys?limit=1")[1])
    assert ([found.key for found in keys.keys], keys.next_start_after) == ([KEY], KEY)
    assert not message(log.KeysResponse, ask(f"{api}/keys")[1]).HasField("next_start_after")

    segments = message(log.SegmentsResponse, ask(f"{api}/segments")[1])
    assert [segment.start_seq for segment in segments.segments] == [0]
    assert segments.segments[0].start_time_ms > 1_700_000_000_000
    assert message(log.CountResponse, ask(f"{api}/count?{key}")[1]).count == 2

    status, body = ask(f"{api}/scan?{key}&limit=0")
    refused = message(log.ErrorResponse, body)
    assert (status, refused.status, refused.code) == (400, "error", "invalid_argument") and "limit" in refused.message


def test_a_value_that_was_forgotten_is_an_error_and_an_empty_one_is_not(serve, log):
    append = f"{serve()}/api/v1/log/append"
    assert ask(append, log.AppendRequest(records=[log.Record(key=KEY)]).SerializeToString())[0] == 400
    assert ask(append, log.AppendRequest(records=[log.Record(key=KEY, value=b"")]).SerializeToString())[0] == 200
