"""A server with settings of its own, and its tokens, for checks of the door."""

from __future__ import annotations

import http.client
import json
import os
import signal
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from built import built

Headers = dict[str, str]


class Door:
    """A running server and what it wrote to its log."""

    def __init__(self, address: str, log: Path, process: subprocess.Popen[str]) -> None:
        self.address = address
        self.process = process
        self._log = log

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Headers | None = None,
        trust: Path | None = None,
    ) -> tuple[int, Headers, str]:
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        scheme, host = self.address.split("://")
        connection: http.client.HTTPConnection
        if scheme == "https":
            context = ssl.create_default_context(cafile=str(trust))
            connection = http.client.HTTPSConnection(host, timeout=30, context=context)
        else:
            connection = http.client.HTTPConnection(host, timeout=30)
        connection.request(method, path, raw, headers or {})
        answer = connection.getresponse()
        text = answer.read().decode()
        names = {name.lower(): value for name, value in answer.getheaders()}
        connection.close()
        return answer.status, names, text

    def json(self, method: str, path: str, body: object = None) -> Any:
        return json.loads(self.call(method, path, body)[2])

    def log(self) -> str:
        return self._log.read_text(errors="replace")


@contextmanager
def door(lake: Path, *options: str, env: Headers | None = None) -> Iterator[Door]:
    """Starts a server on a free port; SIGTERM and its exit code 0 at the end."""
    command = [str(built("bin/datalake-server")), "--port", "0", *options]
    if "--base-path" not in options and env is None:
        command += ["--base-path", str(lake), "--create-dirs"]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        with log.open("w") as out:
            process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=out,
                text=True,
                env=os.environ | (env or {}),
            )
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "ready at" in line, log.read_text()
        try:
            yield Door(line.split()[-1].replace("0.0.0.0", "127.0.0.1"), log, process)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            code = process.wait(timeout=60)
            if code != 0:
                print(f"the server ended with {code}:\n{log.read_text()}")
        assert code == 0


def refused(*options: str) -> str:
    """The one line of a server that does not start with these options."""
    done = subprocess.run(
        [str(built("bin/datalake-server")), "--port", "0", *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    return done.stderr


def datalake(lake: Path, *words: str) -> str:
    done = subprocess.run(
        [str(built("bin/datalake")), "--lake", str(lake), *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def bearer(secret: str) -> Headers:
    return {"Authorization": f"Bearer {secret}"}


CHAT = {"agent_id": "m", "prompt_template": "%1", "conversation": [{"content": "hi"}]}
