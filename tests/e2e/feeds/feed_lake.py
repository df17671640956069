"""A lake, its server and its commands, for the acceptance checks of feeds."""

from __future__ import annotations

import gzip
import http.client
import json
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from built import ROOT, built

if TYPE_CHECKING:
    from demo_server import Server

Json = dict[str, Any]


def chat(ingest_id: str, *turns: Json, **more: object) -> Json:
    """A body as the desktop client sends it; without turns a question and its answer."""
    conversation = list(turns) or [
        {"content": f"question {ingest_id}?", "role": "user"},
        {"content": f"answer {ingest_id}.", "role": "assistant"},
    ]
    body: Json = {"agent_id": "m.gguf", "prompt_template": "%1", "conversation": conversation}
    return body | {"ingest_id": ingest_id} | more


class FeedLake:
    """One lake; the server is started by the fixture that makes this."""

    def __init__(self, path: Path, address: str = "", server: Server | None = None) -> None:
        self.path = path
        self._address = address
        self._server = server

    @property
    def address(self) -> str:
        return self._server.address if self._server else self._address

    def kill_and_restart(self) -> None:
        """SIGKILL, then a new server on the same lake, at another address."""
        assert self._server is not None
        self._server.kill_and_restart()

    def stop(self) -> None:
        assert self._server is not None
        self._server.stop()

    def kill(self) -> None:
        assert self._server is not None
        self._server.kill()

    def sql(self, query: str) -> list[Json]:
        return self.run("sql", query)

    def call(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection(self.address.removeprefix("http://"), timeout=60)
        connection.request(method, path, raw, headers or {})
        answer = connection.getresponse()
        content = answer.read()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, names, content

    def get(self, path: str) -> Any:
        status, _, content = self.call("GET", path)
        assert status == 200, content
        return json.loads(content)

    def post(self, body: Json) -> str:
        status, _, content = self.call("POST", "/v1/ingest/chat", body)
        assert status == 200, content
        return str(json.loads(content)["ingest_id"])

    def wait_for_job(self, job_id: str, seconds: float = 60) -> Json:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            job: Json = self.get(f"/jobs/{job_id}")
            if job["status"] != "running":
                return job
            time.sleep(0.05)
        raise AssertionError(f"the job still runs: {job_id}")

    def snapshot(self, **request: object) -> Json:
        """Publishes one over HTTP and returns the job's result."""
        status, headers, content = self.call("POST", "/v1/feeds/chat/snapshots", request)
        assert status == 202, content
        started = json.loads(content)
        assert headers["location"] == f"/jobs/{started['job_id']}"
        job = self.wait_for_job(started["job_id"])
        assert job["status"] == "completed", job
        result: Json = job["result"]
        return result

    def run(self, *words: str, stdin: str = "") -> list[Json]:
        """A command with --json: its lines."""
        command = [str(built("bin/datalake")), "--lake", str(self.path), "--json", "--quiet"]
        done = subprocess.run(
            [*command, *words], input=stdin, capture_output=True, text=True, check=False, cwd=ROOT
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


def lines_of(path: Path) -> list[Json]:
    """The objects of a file of JSON lines, compressed or not."""
    raw = path.read_bytes()
    text = gzip.decompress(raw) if path.suffix == ".gz" else raw
    return [json.loads(line) for line in text.decode().splitlines()]
