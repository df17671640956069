"""Perceptual hashes are those of Python's `imagehash`; thumbnails fit; broken pictures are told."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from kdl_lake import Http, KdlLake
from PIL import Image

PICTURES = Path(__file__).resolve().parents[2] / "compat" / "pictures"
WANTED: dict[str, str] = json.loads((PICTURES / "hashes.json").read_text())
MOST_BITS_OF_WEBP = 2  # versions of libwebp scale colours in other ways


def collect(folder: Path) -> Path:
    """The pictures with a row each that has their name."""
    folder.mkdir()
    rows = []
    for name in WANTED:
        shutil.copy(PICTURES / name, folder / name)
        rows.append(json.dumps({"image": name, "name": name}))
    (folder / "metadata.jsonl").write_text("\n".join(rows))
    return folder


def check(rows: list[dict[str, Any]], side: int) -> None:
    assert len(rows) == len(WANTED)
    for row in rows:
        differs = (row["image_phash"] & (2**64 - 1)) ^ int(WANTED[row["name"]], 16)
        most = MOST_BITS_OF_WEBP if row["name"].endswith(".webp") else 0
        assert differs.bit_count() <= most, row["name"]
        with Image.open(io.BytesIO(row["image_thumbnail"])) as thumbnail:
            assert thumbnail.format == "JPEG"
            width, height = row["image"]["width"], row["image"]["height"]
            assert max(thumbnail.size) == min(side, max(width, height))
            assert thumbnail.width * height == pytest.approx(thumbnail.height * width, rel=0.1)


def test_hashes_are_those_of_imagehash(kdl: KdlLake, tmp_path: Path) -> None:
    folder = collect(tmp_path / "in")
    words = ["--provider", "test", "--dataset", "d", "--perceptual-hash", "--thumbnails", "24"]
    kdl.ok("upload", folder, *words)
    kdl.ok("process")
    check(kdl.rows("d"), 24)
    near = kdl.ok_json(
        "sql",
        'select count(*) as n from data."test/d/raw" a, data."test/d/raw" b '
        "where a.name = 's1_120x80.png' and b.name like 's1%' "
        "and bit_count(xor(a.image_phash, b.image_phash)) <= 6",
    )
    assert near == [{"n": 6}]


def test_other_ways_in_derive_too(http: Http, kdl: KdlLake, tmp_path: Path) -> None:
    import datalake
    from datalake import remote

    folder = collect(tmp_path / "in")
    lake = datalake.open(kdl.path)
    lake.upload(folder, "test", "local", perceptual_hash=True, thumbnails=16)
    asked: dict[str, Any] = {"perceptual_hash": True, "thumbnails": 16}
    remote.upload(http.server.address, folder, provider="test", dataset="remote", **asked)
    words = ["--provider", "test", "--dataset", "cli", "--perceptual-hash", "--thumbnails", "16"]
    kdl.ok("--server", http.server.address, "upload", folder, *words)
    assert lake.process()["failed"] == 0
    for dataset in ("local", "remote", "cli"):
        check(lake.search(datasets=[dataset]).to_pylist(), 16)


@pytest.mark.parametrize("policy", ["keep", "null", "reject"])
def test_what_cannot_be_decoded_is_a_bad_asset(kdl: KdlLake, tmp_path: Path, policy: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    whole = (PICTURES / "s1_120x80.png").read_bytes()
    middle = len(whole) // 2
    files = {
        "a.png": whole,
        "b.png": whole[:middle] + b"\0" * 99 + whole[middle + 99 :],  # its ends are right
        "c.bin": b"no picture",
    }
    rows: list[dict[str, Any]] = [
        {"images": ["a.png", "b.png"]},
        {"images": ["a.png"]},
        {"images": []},
    ]
    for name, content in files.items():
        (folder / name).write_bytes(content)
    lines = [json.dumps(row | {"n": n}) for n, row in enumerate(rows)]
    (folder / "metadata.jsonl").write_text("\n".join(lines))
    words = ["--provider", "test", "--dataset", "d", "--perceptual-hash", "--thumbnails", "16"]
    kdl.ok("upload", folder, *words, "--on-bad-asset", policy)
    kdl.ok("process")
    found = {row["n"]: row for row in kdl.rows("d")}
    assert len(found[1]["images_phash"]) == len(found[1]["images_thumbnail"]) == 1
    assert found[2]["images_phash"] == []
    if policy == "reject":
        assert sorted(found) == [1, 2]
        return
    good, broken = found[0]["images"]
    assert good["problem"] is None and "png cannot be decoded" in broken["problem"]
    assert (broken["sha256"] is None) == (policy == "null")
    assert found[0]["images_phash"] == [found[1]["images_phash"][0], None]
    assert found[0]["images_thumbnail"][1] is None


def test_sizes_of_thumbnails_are_checked(kdl: KdlLake, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("n\n1\n")
    done = kdl.run("upload", rows, "--provider", "test", "--dataset", "d", "--thumbnails", "100000")
    assert done.returncode == 10
    assert "thumbnails have 8 to 2048 pixels" in done.stderr
