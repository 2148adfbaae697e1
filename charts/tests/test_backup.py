"""What docs/deployment.md says of backup and restore, with a bucket: backups by the program, and versions by S3."""

import json
import os
import subprocess

import boto3
import pytest

import chart
import processes

KEYS = 20
PAGE = (chart.ROOT / "docs" / "deployment.md").read_text()


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


def command(binary, s3, *arguments: str) -> str:
    """Runs a command of the binary, which must succeed."""
    ran = subprocess.run([binary, *arguments], env=os.environ | s3.env(), capture_output=True, text=True, timeout=60,
                         check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_backup_of_a_running_log_is_restored_as_the_page_says(binary, serve, s3):
    for bucket in ("my-log", "my-log-backups", "my-log-restored"):
        s3.make_bucket(bucket)
    _, url = serve("my-log")
    for number in range(KEYS):
        append(url, number)
    before = read(url)
    commands = [line.split()[1:] for line in PAGE.splitlines() if line.startswith(("opendata-log backup", "opendata-log restore"))]
    assert len(commands) == 3, commands
    for arguments in commands:
        command(binary, s3, *arguments)
    append(url, KEYS)

    _, restored = serve("my-log-restored")
    # It continues further up, as after a crash.
    assert json.loads(read(restored))["values"] == json.loads(before)["values"]
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
    assert "opendata-log backup" in PAGE and "DeleteMarkers" in PAGE
