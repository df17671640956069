"""What the acceptance checks of the KDL lake work with: a lake, the programs, small pictures."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from built import built

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "build" / "python"), str(ROOT / "examples")]

if TYPE_CHECKING:
    from demo_server import Server

    import datalake


def png(color: int, width: int = 4, height: int = 3, *, alpha: bool = False) -> bytes:
    """A small PNG of one colour: another colour, other bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    pixel = color.to_bytes(3, "big") + (b"\x80" if alpha else b"")
    header = struct.pack(">IIBBBBB", width, height, 8, 6 if alpha else 2, 0, 0, 0)
    rows = b"".join(b"\0" + pixel * width for _ in range(height))
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


class KdlLake:
    """One lake of a test's own, with the programs that work on it."""

    def __init__(self, path: Path) -> None:
        import datalake

        self.path = path
        self.lake: datalake.Lake = datalake.init(path)

    # The command line ----------------------------------------------------------------------------

    def run(self, *words: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Runs `datalake --lake … words`."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("DATALAKE")}
        command = [str(built("bin/datalake")), "--lake", str(self.path), *map(str, words)]
        return subprocess.run(
            command, env=environment, input=stdin, text=True, capture_output=True, timeout=120
        )

    def ok(self, *words: str | Path) -> str:
        """Runs a command that must succeed; its standard output."""
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ok_json(self, *words: str | Path) -> list[dict[str, Any]]:
        """As `ok` with --json: one object a line."""
        return [json.loads(line) for line in self.ok("--json", *words).splitlines()]

    # The disk ------------------------------------------------------------------------------------

    def staged(self, state: str = "pending") -> list[Path]:
        """The upload folders in one state."""
        folder = self.path / "staging" / state
        return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))

    def assets(self) -> list[Path]:
        """Every asset file."""
        folder = self.path / "assets"
        return sorted(p for p in folder.glob("[0-9a-f][0-9a-f]/*/*") if p.is_file())

    def rows(self, dataset: str, task: str = "raw", **more: Any) -> list[dict[str, Any]]:
        """The rows of one dataset's task."""
        found = self.lake.search(datasets=[dataset], tasks=[task], **more)
        rows: list[dict[str, Any]] = found.to_pylist()
        return rows

    def dangling(self, dataset: str, task: str = "raw") -> list[str]:
        """Paths of rows that lead to no file."""
        paths = [row["path"] for row in self.rows(dataset, task)]
        return [p for p in paths if p is not None and not (self.path / "assets" / p).is_file()]


class Http:
    """Calls to one server."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and decoded JSON body."""
        data = None if body is None else json.dumps(body).encode()
        headers = {} if data is None else {"Content-Type": "application/json"}
        request = urllib.request.Request(
            self.server.address + path, method=method, data=data, headers=headers
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def finished(self, job_id: str, timeout: float = 120) -> dict[str, Any]:
        """Waits for a job's end; its record."""
        deadline = time.monotonic() + timeout
        while True:
            status, job = self.call("GET", f"/jobs/{job_id}")
            assert status == 200, job
            if job["status"] != "running":
                record: dict[str, Any] = job
                return record
            assert time.monotonic() < deadline, f"{job_id} still runs"
            time.sleep(0.02)

    def process(self) -> dict[str, Any]:
        """Processes what is pending; the job's record."""
        return self.finished(str(self.call("POST", "/process")[1]["job_id"]))


def write_parquet(path: Path, columns: dict[str, Any]) -> Path:
    """A Parquet file of these columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path
