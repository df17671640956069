"""`datalake --server … upload`: the program sends files to a server, over cuts on either side."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from built import built
from upload_proxy import UploadProxy

if TYPE_CHECKING:
    from demo_server import Server

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "build" / "python"), str(ROOT / "examples")]
PARTS = 12
PART = 2 << 20


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    from demo_server import Server

    with Server(built("bin/datalake-server"), tmp_path / "lake", "--create-dirs") as running:
        yield running


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Rows that name a small file and one of many parts, and a file that nothing names."""
    folder = tmp_path / "far away"
    (folder / "docs").mkdir(parents=True)
    content = random.Random(1).randbytes((PARTS - 1) * PART + 1)
    (folder / "docs" / "large.pdf").write_bytes(b"%PDF-1.7 " + content[9:])
    (folder / "docs" / "small.pdf").write_bytes(b"%PDF-1.7 small")
    (folder / "docs" / "private.pdf").write_bytes(b"%PDF-1.7 private")
    lines = ['{"file":"docs/large.pdf","n":1}', '{"file":"docs/small.pdf","n":2}']
    (folder / "rows.jsonl").write_text("\n".join(lines))
    return folder / "rows.jsonl"


def command(address: str, *words: str | Path) -> list[str]:
    names = ["--provider", "test", "--dataset", "d", "--user", "ada"]
    program = str(built("bin/datalake"))
    return [program, "--json", "--server", address, "upload", *map(str, words), *names]


def environment(tmp_path: Path) -> dict[str, str]:
    return os.environ | {"XDG_STATE_HOME": str(tmp_path / "state")}


def run(address: str, tmp_path: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(address, *words),
        capture_output=True,
        text=True,
        timeout=120,
        env=environment(tmp_path),
    )


def staged(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def check_lake(tmp_path: Path, rows: Path) -> None:
    """What was uploaded is in the lake, once and byte for byte."""
    import datalake

    lake = datalake.open(tmp_path / "lake")
    assert lake.process()["failed"] == 0
    found = lake.search(datasets=["d"], order_by=["n"]).to_pylist()
    assert [row["n"] for row in found] == [1, 2]
    for row, name in zip(found, ("large.pdf", "small.pdf"), strict=True):
        content = (rows.parent / "docs" / name).read_bytes()
        assert row["hash"] == hashlib.sha256(content).hexdigest()
        assert (tmp_path / "lake" / "assets" / row["path"]).read_bytes() == content
    assert list((tmp_path / "lake" / "staging" / "receiving").glob("*/parts")) == []


def test_rows_arrive_with_the_files_that_they_name(
    server: Server, rows: Path, tmp_path: Path
) -> None:
    done = run(server.address, tmp_path, rows)
    answer = staged(done)
    assert (answer["rows"], answer["variant"], answer["problem_rows"]) == (2, "files", 0)
    assert "sent 14 parts of 3 files, 0 were there already" in done.stderr
    check_lake(tmp_path, rows)
    assert b"private" not in b"".join(
        path.read_bytes()[:99] for path in (tmp_path / "lake" / "assets").glob("*/*/*")
    )


def test_other_forms_of_input_arrive(server: Server, tmp_path: Path) -> None:
    import io
    import tarfile

    import pyarrow as pa
    import pyarrow.parquet as pq
    from PIL import Image

    import datalake

    made = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(made, "PNG")
    folder = tmp_path / "in"
    (folder / "birds" / "owls").mkdir(parents=True)
    (folder / "birds" / "owls" / "a.png").write_bytes(made.getvalue())
    for shard in range(2):
        pq.write_table(pa.table({"n": [shard]}), folder / f"part-{shard}.parquet")
        with tarfile.open(folder / f"{shard}.tar", "w") as tar:
            member = tarfile.TarInfo(f"{shard}.png")
            member.size = len(made.getvalue())
            tar.addfile(member, io.BytesIO(made.getvalue()))
    (folder / "t.csv").write_text("a,b\n1,x\n")
    inputs = {
        "parquet": folder / "part-*.parquet",
        "tars": folder / "*.tar",
        "pictures": folder / "birds",
        "csv": folder / "t.csv",
    }
    expected = {"parquet": 2, "tars": 2, "pictures": 1, "csv": 1}
    for name, path in inputs.items():
        assert (
            staged(run(server.address, tmp_path, path, "--variant", name))["rows"]
            == (expected[name])
        )
    lake = datalake.open(tmp_path / "lake")
    assert lake.process()["failed"] == 0
    for name, count in expected.items():
        assert lake.search(datasets=["d"], variants=[name]).num_rows == count


def test_a_killed_client_goes_on_and_sends_nothing_twice(
    server: Server, rows: Path, tmp_path: Path
) -> None:
    with UploadProxy(lambda: server.address) as proxy:
        proxy.open.clear()
        proxy.free = 5
        with subprocess.Popen(
            command(proxy.address, rows, "--connections", "2"), env=environment(tmp_path)
        ) as client:
            deadline = time.monotonic() + 60
            while proxy.confirmed.total() < 5 and time.monotonic() < deadline:
                time.sleep(0.02)
            client.kill()
        confirmed = set(proxy.confirmed)
        assert len(confirmed) == 5
        before = proxy.tried.copy()
        proxy.free = 10**6
        done = run(proxy.address, tmp_path, rows)
        staged(done)
        assert "5 were there already" in done.stderr
        assert {path for path in confirmed if proxy.tried[path] > before[path]} == set()
    check_lake(tmp_path, rows)


def test_a_killed_server_is_waited_for(server: Server, rows: Path, tmp_path: Path) -> None:
    with UploadProxy(lambda: server.address) as proxy:
        proxy.open.clear()
        proxy.free = 4
        with subprocess.Popen(
            command(proxy.address, rows, "--connections", "2"),
            stdout=subprocess.PIPE,
            text=True,
            env=environment(tmp_path),
        ) as client:
            deadline = time.monotonic() + 60
            while proxy.confirmed.total() < 4 and time.monotonic() < deadline:
                time.sleep(0.02)
            server.kill_and_restart()
            proxy.open.set()
            answer, _ = client.communicate(timeout=120)
        assert client.returncode == 0
        assert json.loads(answer)["rows"] == 2
        assert max(proxy.confirmed.values()) == 1, "no part that was confirmed came again"
        assert proxy.confirmed.total() == PARTS + 2
    check_lake(tmp_path, rows)


def test_a_part_with_a_flipped_byte_is_refused_and_sent_again(
    server: Server, rows: Path, tmp_path: Path
) -> None:
    flipped: list[str] = []

    def flip(path: str, body: bytes) -> bytes:
        if len(flipped) >= 3 or path in flipped:
            return body
        flipped.append(path)
        return body[:-1] + bytes([body[-1] ^ 1])

    with UploadProxy(lambda: server.address, flip) as proxy:
        staged(run(proxy.address, tmp_path, rows))
        assert dict(proxy.refused) == dict.fromkeys(flipped, 1)
        assert proxy.confirmed.total() == PARTS + 2
    check_lake(tmp_path, rows)


def test_what_is_wrong_is_one_line_and_an_exit_code(
    server: Server, rows: Path, tmp_path: Path
) -> None:
    def fails(code: int, *words: str, address: str = server.address) -> str:
        done = run(address, tmp_path, *words)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        return done.stderr.splitlines()[-1]

    token = tmp_path / "token"
    token.write_text("nobody-knows-it\n")
    assert "no answer from" in fails(18, str(rows), "--attempts", "2", address="http://127.0.0.1:1")
    refused = fails(14, str(rows), "--token-file", str(token))
    assert "answered 401" in refused and "--token-file" in refused
    assert "not an http or https URL" in fails(10, str(rows), address="lake:8091")
    assert "no-such" in fails(11, str(tmp_path / "no-such.csv"))
    assert "--connections is 1 to 64" in fails(10, str(rows), "--connections", "0")
    token.write_text("two words")
    assert "one token" in fails(10, str(rows), "--token-file", str(token))
    both = ("--token", "x", "--token-file", str(token))
    assert "exclude each other" in fails(10, str(rows), *both)


def test_it_speaks_tls_and_checks_the_certificate(rows: Path, tmp_path: Path) -> None:
    from demo_server import Server

    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*made, *names, *files], check=True, capture_output=True)
    settings = tmp_path / "server.yaml"
    settings.write_text(f"tls: {{certificate: {certificate}, private_key: {key}}}\n")
    options = ("--config", str(settings), "--create-dirs")
    with Server(built("bin/datalake-server"), tmp_path / "lake", *options) as server:
        assert server.address.startswith("https://")
        distrusted = run(server.address, tmp_path, rows, "--attempts", "1")
        assert distrusted.returncode == 18
        assert "certificate verify failed" in distrusted.stderr
        os.environ["SSL_CERT_FILE"] = str(certificate)
        try:
            staged(run(server.address, tmp_path, rows))
        finally:
            del os.environ["SSL_CERT_FILE"]
    check_lake(tmp_path, rows)


def test_help_shows_how() -> None:
    done = subprocess.run(
        [str(built("bin/datalake")), "upload", "--help"], capture_output=True, text=True
    )
    assert "--server https://" in done.stdout and "--connections" in done.stdout
