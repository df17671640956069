"""Uploads over HTTP from clients that do not see the lake's disk: parts, checksums, cuts."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from built import built

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "build" / "python"), str(ROOT / "examples")]
PART = 2 << 20


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    from demo_server import Server

    with Server(built("bin/datalake-server"), tmp_path / "lake", "--create-dirs") as server:
        yield server.address


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Rows that name two files, one of several parts."""
    made = tmp_path / "far away"
    (made / "docs").mkdir(parents=True)
    (made / "docs" / "large.pdf").write_bytes(b"%PDF-1.7 " + bytes(range(256)) * 20_000)
    (made / "docs" / "small.pdf").write_bytes(b"%PDF-1.7 small")
    lines = ['{"file":"docs/large.pdf","n":1}', '{"file":"docs/small.pdf","n":2}']
    (made / "annotations.jsonl").write_text("\n".join(lines))
    return made


def rows(tmp_path: Path, dataset: str) -> list[dict[str, Any]]:
    import datalake

    lake = datalake.open(tmp_path / "lake")
    assert lake.process()["failed"] == 0
    found: list[dict[str, Any]] = lake.search(datasets=[dataset], order_by=["n"]).to_pylist()
    return found


def test_a_folder_arrives_byte_for_byte(address: str, folder: Path, tmp_path: Path) -> None:
    from datalake import remote

    done = remote.upload(address, folder, provider="test", dataset="d", user="ada")
    assert (done["state"], done["rows"], done["variant"]) == ("pending", 2, "files")
    large, small = rows(tmp_path, "d")
    for row, name in ((large, "large.pdf"), (small, "small.pdf")):
        content = (folder / "docs" / name).read_bytes()
        assert row["hash"] == hashlib.sha256(content).hexdigest()
        assert (tmp_path / "lake" / "assets" / row["path"]).read_bytes() == content
    assert list((tmp_path / "lake" / "staging" / "receiving").glob("*/parts")) == []


def test_a_table_and_a_task_arrive(address: str, tmp_path: Path) -> None:
    import pyarrow as pa

    from datalake import remote

    table = pa.table({"n": [1, 2], "label": ["a", "b"]})
    fields = {"lang": "ko", "src": "real"}
    request: dict[str, Any] = {
        "provider": "test",
        "dataset": "t",
        "task": "ocr",
        "variant": "v",
        "fields": fields,
    }
    remote.upload(address, table, **request)
    found = rows(tmp_path, "t")
    assert [(r["n"], r["label"], r["lang"], r["variant"]) for r in found] == [
        (1, "a", "ko", "v"),
        (2, "b", "ko", "v"),
    ]


def test_it_goes_on_after_a_cut(
    address: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datalake
    from datalake import remote

    calls: list[str] = []
    call = remote._Sender.call
    broken = True

    def cut(self: Any, method: str, path: str, *more: Any) -> dict[str, Any]:
        calls.append(f"{method} {path}")
        if broken and method == "PUT" and len([c for c in calls if c.startswith("PUT")]) > 2:
            raise datalake.UnavailableError("the line is cut")
        return call(self, method, path, *more)

    monkeypatch.setattr(remote._Sender, "call", cut)
    request: dict[str, Any] = {"provider": "test", "dataset": "cut", "workers": 1}
    with pytest.raises(datalake.UnavailableError):
        remote.upload(address, folder, **request)
    calls.clear()
    broken = False
    assert remote.upload(address, folder, **request)["rows"] == 2
    parts = 1 + -(-(folder / "docs" / "large.pdf").stat().st_size // PART) + 1
    assert len([c for c in calls if c.startswith("PUT")]) == parts - 2
    assert len(rows(tmp_path, "cut")) == 2


def test_what_is_wrong_is_said(address: str, folder: Path) -> None:
    import datalake
    from datalake import remote

    with pytest.raises(datalake.NotFoundError, match="tset"):
        remote.upload(address, folder, provider="tset", dataset="d")
    with pytest.raises(datalake.InvalidArgumentError, match=r"\.\./x"):
        remote.upload(address, folder, provider="test", dataset="../x")
    remote.upload(address, folder, provider="test", dataset="twice", variant="v")
    with pytest.raises(datalake.AlreadyExistsError, match="pending already"):
        remote.upload(address, folder, provider="test", dataset="twice", variant="v")
    sender = remote._Sender(address, 1, 10)
    body = b'{"provider":"test","dataset":"d","files":[{"path":"../x","bytes":1,"sha256":"'
    with pytest.raises(datalake.InvalidArgumentError, match=r"\.\./x"):
        sender.call("POST", "/v1/uploads", body + b"0" * 64 + b'"}]}')
    with pytest.raises(datalake.NotFoundError):
        sender.call("GET", "/v1/uploads/none", b"")


def test_a_token_is_sent_and_a_wrong_one_is_told_before_files_are_read(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datalake
    from datalake import remote

    made = tmp_path / "rows.csv"
    made.write_text("n\n1\n")
    monkeypatch.setattr(remote, "_announce", lambda *_: pytest.fail("it was read"))
    with pytest.raises(datalake.Error, match="token is not known"):
        remote.upload(address, made, token="nobody-knows-it", provider="test", dataset="d")
    monkeypatch.setenv("DATALAKE_TOKEN", "nobody-knows-it-either")
    with pytest.raises(datalake.Error, match="token is not known"):
        remote.upload(address, made, provider="test", dataset="d")
