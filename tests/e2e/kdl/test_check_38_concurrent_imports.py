"""Check 38: imports at the same time make distinct versions."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pyarrow.parquet as pq
from built import built
from documents import numbers
from kdl_lake import KdlLake

WRITERS = 6


def test_every_writer_has_its_own_version(kdl: KdlLake, tmp_path: Path) -> None:
    pq.write_table(numbers(1000), tmp_path / "rows.parquet")
    words = ["--lake", str(kdl.path), "collections", "import", str(tmp_path / "rows.parquet")]
    running = [
        subprocess.Popen([str(built("bin/datalake")), *words, "train"], stdout=subprocess.DEVNULL)
        for _ in range(WRITERS)
    ]
    assert [program.wait(timeout=120) for program in running] == [0] * WRITERS
    found = kdl.lake.list_collections()[0]["versions"]
    assert sorted(entry["version"] for entry in found) == [f"v{i + 1}" for i in range(WRITERS)]
    for entry in found:
        assert kdl.lake.load_collection("train", entry["version"]).table().num_rows == 1000
    folder = kdl.path / "collections" / "train"
    assert (folder / "latest").resolve().is_dir()
    assert not [p.name for p in folder.iterdir() if p.name.startswith(".")]
