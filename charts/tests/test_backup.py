"""What docs/deployment.md says of backup and restore: a copy of a stopped log is a log."""

import boto3
import pytest

import chart
import processes

KEYS = 20


@pytest.fixture
def client(s3):
    return boto3.client("s3", endpoint_url=s3.endpoint, region_name="us-east-1", aws_access_key_id=processes.ACCESS_KEY,
                        aws_secret_access_key=processes.SECRET_KEY)


@pytest.fixture
def serve(s3, start):
    """Starts a server on a bucket; the server and where it is."""

    def serve_one(bucket: str):
        port, = processes.free_ports(1)
        server = start(["--port", str(port), "--s3-bucket", bucket], s3.env())
        server.wait_until_ready(f"http://127.0.0.1:{port}")
        return server, f"http://127.0.0.1:{port}/api/v1/log"

    return serve_one


def append(url: str, number: int):
    record = f'{{"records": [{{"key": "a2V5", "value": "{number:04}"}}], "awaitDurable": true}}'
    assert processes.request(f"{url}/append", data=record.encode())[0] == 200


def read(url: str) -> str:
    status, body = processes.request(f"{url}/scan?key=key&limit=1000")
    assert status == 200
    return body


def objects(client, bucket: str) -> list[str]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def copy(client, source: str, target: str):
    for key in objects(client, source):
        client.copy_object(Bucket=target, Key=key, CopySource={"Bucket": source, "Key": key})


def test_a_copy_of_a_stopped_log_is_the_log_as_it_was(client, serve, s3):
    s3.make_bucket("backed-up")
    s3.make_bucket("backup")
    server, url = serve("backed-up")
    for number in range(KEYS):
        append(url, number)
    before = read(url)
    assert server.stop() == 0
    copy(client, "backed-up", "backup")
    server, url = serve("backed-up")
    append(url, KEYS)
    assert server.stop() == 0

    _, restored = serve("backup")
    assert read(restored) == before
    append(restored, KEYS + 1)
    assert read(restored).count('"sequence"') == KEYS + 1


def test_objects_that_were_deleted_by_mistake_come_back_with_their_versions(client, serve, s3):
    s3.make_bucket("versioned")
    client.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    server, url = serve("versioned")
    for number in range(KEYS):
        append(url, number)
    before = read(url)
    assert server.stop() == 0
    lost = objects(client, "versioned")
    for key in lost:
        client.delete_object(Bucket="versioned", Key=key)
    assert lost and not objects(client, "versioned")

    # As the page has it: take the delete markers away that are the latest version.
    markers = client.list_object_versions(Bucket="versioned")["DeleteMarkers"]
    for marker in markers:
        if marker["IsLatest"]:
            client.delete_object(Bucket="versioned", Key=marker["Key"], VersionId=marker["VersionId"])
    _, restored = serve("versioned")
    assert read(restored) == before


def test_the_page_on_deployment_names_both_ways():
    page = (chart.ROOT / "docs" / "deployment.md").read_text()
    assert "aws s3 sync" in page and "DeleteMarkers" in page
