"""An S3 server of a test's own: moto, which keeps objects in memory, on a free loopback port."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from types import TracebackType

from pyarrow import fs

READY_SECONDS = 60
KEY, SECRET, REGION = "a-test", "no-secret", "us-east-1"


class S3Server:
    """A running server; ends with the `with` block."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.address = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            assert self._process.poll() is None, "the S3 server did not start"
            assert time.monotonic() < deadline, "the S3 server is not ready"
            time.sleep(0.05)

    def __enter__(self) -> S3Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()

    def file_system(self) -> fs.S3FileSystem:
        """Arrow's S3 client of it."""
        return fs.S3FileSystem(
            access_key=KEY,
            secret_key=SECRET,
            region=REGION,
            scheme="http",
            endpoint_override=f"127.0.0.1:{self.port}",
            allow_bucket_creation=True,
        )

    def delta_options(self) -> dict[str, str]:
        """What delta-rs wants to know of it."""
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ALLOW_HTTP": "true",
        }

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(self.address, timeout=1):
                return True
        except (urllib.error.URLError, OSError):
            return False


def keys(s3: fs.S3FileSystem, bucket: str) -> dict[str, int]:
    """Every object of a bucket with its size."""
    found = s3.get_file_info(fs.FileSelector(bucket, recursive=True))
    return {
        info.path.removeprefix(f"{bucket}/"): info.size
        for info in found
        if info.type == fs.FileType.File
    }
