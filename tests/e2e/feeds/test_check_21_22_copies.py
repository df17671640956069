"""Checks 21 and 22: copies in a bucket with the bytes of the local files; a bucket that is down
costs nothing but time. The bucket is moto's server, a real one to the client."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from built import ROOT, built
from feed_lake import FeedLake, Json, chat
from pyarrow import fs

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Bucket:
    """An S3 server with one bucket; can be down."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "moto.server", "-p", str(self._port)]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdout=quiet, stderr=quiet)
        deadline = time.monotonic() + 60
        while True:
            try:
                request = urllib.request.Request(f"{self.url}/lake", method="PUT")
                urllib.request.urlopen(request, timeout=5)
                return
            except OSError:
                assert time.monotonic() < deadline, "the S3 server does not start"
                time.sleep(0.1)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=30)
            self._process = None

    def get(self, key: str) -> bytes | None:
        store = fs.S3FileSystem(
            access_key="test",
            secret_key="test",
            region="us-east-1",
            scheme="http",
            endpoint_override=self.url.removeprefix("http://"),
        )
        try:
            with store.open_input_stream(f"lake/{key}") as stream:
                body: bytes = stream.read()
                return body
        except FileNotFoundError:
            return None
        except OSError as error:  # removed between opening and reading
            if "NOT_FOUND" in str(error):
                return None
            raise


@contextmanager
def server(lake: Path, environment: dict[str, str]) -> Iterator[FeedLake]:
    command = [str(built("bin/datalake-server")), "--base-path", str(lake), "--port", "0"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | environment, cwd=ROOT
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "ready at" in line
    try:
        yield FeedLake(lake, line.split()[-1])
    finally:
        process.terminate()
        process.wait(timeout=60)


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    made = Bucket(free_port())
    yield made
    made.stop()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "lake"
    subprocess.run([str(built("bin/datalake")), "init", str(made)], check=True, capture_output=True)
    plan = "copies:\n  - {feed: chat, to: 's3://lake'}\n"
    (made / "config" / "publish.yaml").write_text(
        f"{plan}  - {{feed: chat, to: '{tmp_path}/copy'}}\n"
    )
    return made


def wait_until_copied(lake: FeedLake, copied: int) -> list[Json]:
    deadline = time.monotonic() + 90
    while True:
        copies: list[Json] = lake.get("/v1/feeds/chat/copies")["copies"]
        if all(copy["copied"] >= copied and copy["caught_up"] for copy in copies):
            return copies
        assert time.monotonic() < deadline, copies
        time.sleep(0.2)


def metrics_of(lake: FeedLake, to: str) -> dict[str, float]:
    """What /metrics says of one copy of the chats, by metric."""
    labels = f'{{feed="chat",to="{to}"}} '
    lines = lake.call("GET", "/metrics")[2].decode().splitlines()
    found = [line.split(labels) for line in lines if labels in line]
    return {name: float(value) for name, value in found}


def test_objects_have_the_bytes_of_the_local_files(
    path: Path, bucket: Bucket, tmp_path: Path
) -> None:
    bucket.start()
    with server(path, KEYS | {"AWS_ENDPOINT_URL": bucket.url}) as lake:
        lake.post(chat("one", submitter_id="u"))
        wait_until_copied(lake, 1)
        day = lake.get("/v1/feeds/chat/records/one")["_lake"]["day"].replace("-", "_")
        lake.run("feed", "export", "chat", str(tmp_path / "dump"))
        local = (tmp_path / "dump" / "data" / day / "chats" / "one.parquet").read_bytes()
        assert bucket.get(f"{day}/chats/one.parquet") == local
        copy = tmp_path / "copy" / "data" / day / "chats" / "one.parquet"
        assert copy.read_bytes() == local
        lake.call("POST", "/v1/feeds/chat/withdrawals", {"ingest_id": "one"})
        deadline = time.monotonic() + 60
        while bucket.get(f"{day}/chats/one.parquet") is not None or copy.exists():
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_a_bucket_that_is_down_is_caught_up_with(path: Path, bucket: Bucket) -> None:
    with server(path, KEYS | {"AWS_ENDPOINT_URL": bucket.url}) as lake:
        for i in range(5):
            lake.post(chat(f"r{i}"))  # 200 each, though the bucket is down
        deadline = time.monotonic() + 60
        while True:
            state = {copy["to"]: copy for copy in lake.get("/v1/feeds/chat/copies")["copies"]}
            if state["s3://lake"]["failures"] > 0:
                break
            assert time.monotonic() < deadline, state
            time.sleep(0.2)
        assert "cannot reach the bucket" in state["s3://lake"]["last_error"]
        down = metrics_of(lake, "s3://lake")
        assert down["datalake_copy_caught_up"] == 0
        assert down["datalake_copy_failures"] > 0
        bucket.start()
        copies = wait_until_copied(lake, 5)
        up = metrics_of(lake, "s3://lake")
        assert (up["datalake_copy_caught_up"], up["datalake_copy_failures"]) == (1, 0)
        assert up["datalake_copy_written_total"] == 5
        assert all(copy["failures"] == 0 and copy["last_error"] is None for copy in copies)
        day = lake.get("/v1/feeds/chat/records/r0")["_lake"]["day"].replace("-", "_")
        assert all(bucket.get(f"{day}/chats/r{i}.parquet") for i in range(5))


def test_the_seeds_bucket_setting_copies_chats(bucket: Bucket, tmp_path: Path) -> None:
    path = tmp_path / "lake"
    subprocess.run([str(built("bin/datalake")), "init", str(path)], check=True, capture_output=True)
    bucket.start()
    setting = KEYS | {"AWS_ENDPOINT_URL": bucket.url, "GPT4ALL_DATALAKE_BUCKET": "lake"}
    with server(path, setting) as lake:
        lake.post(chat("one"))
        (copy,) = wait_until_copied(lake, 1)
        assert copy["to"] == "s3://lake"
        day = lake.get("/v1/feeds/chat/records/one")["_lake"]["day"].replace("-", "_")
        lake.run("feed", "export", "chat", str(tmp_path / "dump"))
        local = (tmp_path / "dump" / "data" / day / "chats" / "one.parquet").read_bytes()
        assert bucket.get(f"{day}/chats/one.parquet") == local
