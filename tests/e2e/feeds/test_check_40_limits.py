"""Check 40, and the door as a whole: too many requests wait; a public address is closed."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

import pytest
from door_server import CHAT, bearer, datalake, door, refused

INGEST = "/v1/ingest/chat"
CURVE = "ec_paramgen_curve:prime256v1"


def test_check_40_too_many_posts_of_one_address(tmp_path: Path) -> None:
    with door(tmp_path / "lake", "--address-rate", "5") as server:
        for _ in range(5):
            assert server.call("POST", INGEST, CHAT)[0] == 200
        status, headers, _ = server.call("POST", INGEST, CHAT)
        assert status == 429
        assert 1 <= int(headers["retry-after"]) <= 12


def test_a_public_address_demands_tls_and_tokens(tmp_path: Path) -> None:
    lake = str(tmp_path / "lake")
    datalake(tmp_path, "init", lake)
    public = ("--base-path", lake, "--bind", "0.0.0.0")
    assert "needs TLS" in refused(*public)
    assert "token create" in refused(*public, "--behind-proxy")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", CURVE, "-nodes", "-days", "2"]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    chain, key = folder / "chain.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", *words, "-keyout", str(key), "-out", str(chain), *subject],
        check=True,
        capture_output=True,
    )
    return chain, key


def test_tokens_open_what_they_may_until_they_are_revoked(
    tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    lake = tmp_path / "lake"
    chain, key = certificate
    datalake(lake, "init", str(lake))
    contributor = datalake(lake, "token", "create", "app", "--role", "contribute")
    other = datalake(lake, "token", "create", "b", "--role", "contribute", "--feed", "other")
    reader = datalake(lake, "token", "create", "reader", "--role", "read", "--expires", "1d")
    tls = ("--bind", "0.0.0.0", "--tls-cert", str(chain), "--tls-key", str(key))
    with door(lake, *tls, "--base-path", str(lake)) as server:

        def status(method: str, path: str, body: object = None, secret: str = "") -> int:
            headers = bearer(secret) if secret else {}
            code: int = server.call(method, path, body, headers, trust=chain)[0]
            return code

        assert server.address.startswith("https://")
        assert status("GET", "/v1/health") == 200
        assert status("POST", INGEST, CHAT) == 401
        assert status("POST", INGEST, CHAT, contributor) == 200
        assert status("POST", INGEST, CHAT, contributor[:-1] + "x") == 401
        assert status("POST", INGEST, CHAT, other) == 403
        assert status("POST", INGEST, CHAT, reader) == 403
        assert status("GET", "/jobs", None, reader) == 200
        assert status("GET", "/v1/tokens", None, reader) == 403
        datalake(lake, "token", "revoke", "reader")
        deadline = time.monotonic() + 5
        while status("GET", "/jobs", None, reader) != 401:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_a_thousand_idle_connections_disturb_nobody(tmp_path: Path) -> None:
    with door(tmp_path / "lake") as server:
        host, port = server.address.removeprefix("http://").split(":")
        idle = [socket.create_connection((host, int(port))) for _ in range(1000)]
        half = [socket.create_connection((host, int(port))) for _ in range(50)]
        for connection in half:
            connection.sendall(b"POST /v1/ingest/chat HTTP/1.1\r\nHost: loc")
        assert server.call("POST", INGEST, CHAT)[0] == 200
        for connection in idle + half:
            connection.close()


def test_sigterm_lets_a_request_end(tmp_path: Path) -> None:
    with door(tmp_path / "lake") as server:
        host, port = server.address.removeprefix("http://").split(":")
        body = b'{"agent_id":"m","prompt_template":"","conversation":[]}'
        connection = socket.create_connection((host, int(port)))
        head = f"POST {INGEST} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body[:10])
        time.sleep(0.2)
        server.process.terminate()
        time.sleep(0.2)
        connection.sendall(body[10:])
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK")
        assert server.process.wait(timeout=30) == 0
