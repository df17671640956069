"""Check 30: auto by the name, absolute and relative paths, a dot in the name of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import datasets
import pandas as pd
from documents import pictures, upload
from kdl_lake import KdlLake

if TYPE_CHECKING:
    import datalake


def test_auto_goes_by_the_name(
    kdl: KdlLake, client: datalake.DatalakeClient, tmp_path: Path
) -> None:
    upload(kdl, pictures(3), "test", "d")
    found = client.search()
    absolute = client.download(found, tmp_path / "x.parquet")
    assert absolute == tmp_path / "x.parquet"
    assert all(Path(path).is_file() for path in pd.read_parquet(absolute)["path"])
    relative = client.download(found, tmp_path / "y.parquet", absolute_paths=False)
    assert pd.read_parquet(relative)["path"].tolist() == found["path"].tolist()
    folder = client.download(found, tmp_path / "a.b", format="dataset")
    assert folder == tmp_path / "a.b"
    assert datasets.load_from_disk(str(folder)).num_rows == 3
    forced = client.download(found, tmp_path / "c.d", format="parquet")
    assert forced == tmp_path / "c.d.parquet"
    lines = client.download(found, tmp_path / "z.jsonl")
    assert pd.read_json(lines, lines=True)["id"].tolist() == found["id"].tolist()
    assert not list(tmp_path.glob("*.missing.jsonl"))


def test_the_command_does_the_same(kdl: KdlLake, tmp_path: Path) -> None:
    upload(kdl, pictures(3), "test", "d")
    for words in (("x.parquet",), ("a.b", "--format", "dataset"), ("z.jsonl.gz",)):
        done = kdl.ok_json("download", tmp_path / words[0], *words[1:], "--provider", "test")
        assert done[0]["num_samples"] == 3
    assert Path(pd.read_parquet(tmp_path / "x.parquet")["path"][0]).is_file()
    assert datasets.load_from_disk(str(tmp_path / "a.b")).num_rows == 3
    assert len(pd.read_json(tmp_path / "z.jsonl.gz", lines=True)) == 3
    again = kdl.run("download", tmp_path / "x.parquet")
    assert again.returncode == 12
    assert "x.parquet" in again.stderr
