"""Check 37: the commands for collections work by questions and by flags, and fail with a code."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
from documents import numbers, three_tables
from kdl_lake import KdlLake
from terminal import talk


def test_with_flags(kdl: KdlLake, tmp_path: Path) -> None:
    pq.write_table(numbers(5), tmp_path / "rows.parquet")
    saved = kdl.ok_json("collections", "import", tmp_path / "rows.parquet", "train/v1.0")[0]
    assert (saved["name"], saved["version"], saved["num_samples"]) == ("train", "v1.0", 5)
    kdl.ok("collections", "import", tmp_path / "rows.parquet", "train", "--description", "again")
    (listed,) = kdl.ok_json("collections", "list")
    assert (listed["name"], listed["version"], listed["num_versions"]) == ("train", "v1", 2)
    assert [row["version"] for row in kdl.ok_json("collections", "list", "--all")] == ["v1.0", "v1"]
    assert "train" in kdl.ok("collections", "list")
    info = kdl.ok_json("collections", "info", "train")[0]
    assert (info["description"], info["source"]) == ("again", "import")
    kdl.ok("collections", "export", "train/v1.0", tmp_path / "out.parquet")
    assert len(pd.read_parquet(tmp_path / "out.parquet")) == 5
    refused = kdl.run("collections", "delete", "train/v1")
    assert refused.returncode == 10
    assert "--yes" in refused.stderr
    kdl.ok("--yes", "collections", "delete", "train/v1")
    kdl.ok("--yes", "collections", "delete", "train", "--all")
    assert kdl.ok_json("collections", "list") == []


def test_failures_have_codes(kdl: KdlLake, tmp_path: Path) -> None:
    for code, words in (
        (11, ("info", "none")),
        (11, ("export", "none", tmp_path / "x")),
        (11, ("import", tmp_path / "none.parquet", "train")),
        (11, ("delete", "none", "--all", "--yes")),
        (10, ("info",)),
        (10, ("import",)),
        (10, ("export",)),
        (10, ("delete",)),
    ):
        done = kdl.run("collections", *words)
        assert done.returncode == code, (words, done.stderr)
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1


def test_with_questions(kdl: KdlLake, tmp_path: Path) -> None:
    pq.write_table(numbers(5), tmp_path / "rows.parquet")
    rows = str(tmp_path / "rows.parquet")
    said = talk(
        kdl.path,
        "collections",
        "import",
        answers=["", rows, "no/such name", "../x", "train", "v1.0", "the first"],
    )
    assert said.returncode == 0, said.shown
    assert "name of the collection" in said.shown
    talk(kdl.path, "collections", "import", answers=[rows, "train", "", ""])
    asked = talk(kdl.path, "collections", "info", answers=["1", "v1.0"])
    assert asked.returncode == 0, asked.shown
    assert "the first" in asked.stdout
    output = tmp_path / "out"
    exported = talk(
        kdl.path, "collections", "export", answers=["train", "", "Parquet file", str(output)]
    )
    assert exported.returncode == 0, exported.shown
    assert len(pd.read_parquet(f"{output}.parquet")) == 5
    kept = talk(kdl.path, "collections", "delete", answers=["train", "v1", "yes"])
    assert kept.returncode == 19
    assert "1 versions with 5 rows" in kept.shown
    assert kdl.ok_json("collections", "list")[0]["num_versions"] == 2
    gone = talk(kdl.path, "collections", "delete", answers=["train", "v1", "train/v1"])
    assert gone.returncode == 0, gone.shown
    assert kdl.ok_json("collections", "list")[0]["version"] == "v1.0"


def test_download_asks_for_rows_and_target(kdl: KdlLake, tmp_path: Path) -> None:
    three_tables(kdl)
    said = talk(
        kdl.path,
        "download",
        answers=["aihub, opensource", "*", "ocr", "", "", "1", ""],
        cwd=tmp_path,
    )
    assert said.returncode == 0, said.shown
    (made,) = (tmp_path / "downloads").glob("download_*_6_items.parquet")
    assert len(pd.read_parquet(made)) == 6
    saved = talk(
        kdl.path,
        "download",
        "--as-collection",
        answers=["2-3", "", "", "", "row 0", "text", "", "picked", "", "by hand"],
    )
    assert saved.returncode == 0, saved.shown
    info = kdl.ok_json("collections", "info", "picked")[0]
    assert (info["num_samples"], info["description"]) == (2, "by hand")
    assert "row 0" in info["query"]
    cancelled = talk(kdl.path, "download", answers=["1"])
    assert cancelled.returncode == 19
