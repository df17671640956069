"""Every system call on the files of a lake that a snapshot makes fails once, those of the SQL
engine too: a version is there whole, or not at all and with the reason."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from pathlib import Path

import pytest
from built import ROOT, built
from feed_lake import FeedLake, chat

pytest_plugins = ("feed_fixtures",)

ROWS = 40


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("faults") / "fault_calls.so"
    source = ROOT / "tests/e2e/feeds/fault_calls.c"
    command = ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True)
    return library


@pytest.fixture
def filled(lake: FeedLake) -> FeedLake:
    """Records in two files of the table and some in the log; no server any more."""
    lake.post(chat("first"))
    half = [chat(f"r{i}", submitter_id="u") for i in range(ROWS - 2)]
    where = "/v1/feeds/chat/records?ack=store"
    assert lake.call("POST", where, json.dumps(half).encode())[0] == 200
    lake.post(chat("last"))
    lake.kill()
    return lake


def snapshot(lake: FeedLake, shim: Path, **fault: object) -> subprocess.CompletedProcess[str]:
    words = ["--json", "--quiet", "--threads", "1", "feed", "snapshot", "chat"]
    return subprocess.run(
        [str(built("bin/datalake")), "--lake", str(lake.path), *words],
        env=os.environ | {"LD_PRELOAD": str(shim)} | {k: str(v) for k, v in fault.items()},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def versions(lake: FeedLake) -> dict[str, int]:
    """Rows of what is published, by version."""
    found = (lake.path / "collections").glob("*/v*/manifest.json")
    return {path.parent.name: json.loads(path.read_text())["rows"] for path in found}


@pytest.mark.parametrize(
    ("part", "number"),
    [
        ("/catalog/", errno.EIO),  # what the SQL engine reads, and the table's log
        ("/wal/", errno.EIO),
        ("/collections/", errno.EIO),
        ("/collections/", errno.ENOSPC),
        ("/index/", errno.ENOSPC),
    ],
)
def test_a_failed_call_gives_no_half_snapshot(
    filled: FeedLake, shim: Path, tmp_path: Path, part: str, number: int
) -> None:
    count = tmp_path / "count"
    fault = {"FAULT_PATH": str(filled.path) + part, "FAULT_ERRNO": number, "FAULT_COUNT": count}
    assert snapshot(filled, shim, **fault).returncode == 0
    known = {"v1": ROWS}
    assert versions(filled) == known
    calls = int(count.read_text())
    assert calls > 0 or part == "/index/"
    failed = 0
    for call in range(calls):
        done = snapshot(filled, shim, FAULT_CALL=call, **fault)
        if done.returncode == 0:
            known[json.loads(done.stdout)["version"]] = ROWS
        else:
            failed += 1
            assert done.returncode in (15, 17), (call, done.stderr)
            assert os.strerror(number) in done.stderr, (call, done.stderr)
            assert done.stdout == ""
        # What failed behind the rename left a whole version that nobody was told of.
        found = versions(filled)
        assert len(found.keys() - known.keys()) <= (done.returncode != 0), call
        assert found == known | dict.fromkeys(found, ROWS), call
        known = found
    assert failed > 0 or part == "/index/"
    assert snapshot(filled, shim).returncode == 0


def test_a_limit_of_file_size_gives_no_snapshot(filled: FeedLake, shim: Path) -> None:
    """As a full disk: every write beyond some bytes fails, wherever it goes."""
    script = 'trap "" XFSZ; ulimit -f 8; exec "$0" "$@"'
    words = ["--lake", str(filled.path), "feed", "snapshot", "chat"]
    done = subprocess.run(
        ["bash", "-c", script, str(built("bin/datalake")), *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode in (15, 17), done.stderr
    assert "File too large" in done.stderr
    assert versions(filled) == {}
    assert not list(filled.path.glob("collections/*/v*"))
    assert snapshot(filled, shim).returncode == 0
    assert versions(filled) == {"v1": ROWS}
