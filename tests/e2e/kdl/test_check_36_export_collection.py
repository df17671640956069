"""Check 36: an export in each format is readable by datasets, pandas, DuckDB."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import datasets
import duckdb
import pandas as pd
from documents import numbers, pictures, upload
from kdl_lake import KdlLake

if TYPE_CHECKING:
    import datalake


def test_every_format_is_readable(client: datalake.DatalakeClient, tmp_path: Path) -> None:
    client.import_collection(numbers(5), "train")
    parquet = client.export_collection("train", None, tmp_path / "a.parquet", format="auto")
    assert pd.read_parquet(parquet)["id"].tolist() == [0, 1, 2, 3, 4]
    assert duckdb.sql(f"select sum(id) from '{parquet}'").fetchone() == (10,)
    folder = client.export_collection("train", "v1", tmp_path / "b")
    assert datasets.load_from_disk(str(folder))["id"] == [0, 1, 2, 3, 4]
    forced = client.export_collection("train", "v1", tmp_path / "c", format="parquet")
    assert forced == tmp_path / "c.parquet"
    lines = client.export_collection("train", "v1", tmp_path / "d.jsonl", format="auto")
    assert duckdb.sql(f"select count(*) from '{lines}'").fetchone() == (5,)


def test_pictures_go_along_on_request(
    kdl: KdlLake, client: datalake.DatalakeClient, tmp_path: Path
) -> None:
    upload(kdl, pictures(2), "test", "d")
    client.import_collection(client.search(order_by=["id"]), "train")
    kdl.ok("collections", "export", "train", tmp_path / "with", "--include-images")
    kdl.ok("collections", "export", "train", tmp_path / "without")
    loaded = datasets.load_from_disk(str(tmp_path / "with"))
    assert loaded[1]["image"].getpixel((0, 0)) == (0, 0, 2)
    paths = datasets.load_from_disk(str(tmp_path / "without"))["path"]
    assert all(Path(path).is_file() for path in paths)
