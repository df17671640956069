"""Check 31: rows with missing files are counted and listed; rows without a path stay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from documents import numbers, pictures, remove_asset, upload
from kdl_lake import KdlLake

if TYPE_CHECKING:
    import datalake


def test_dropped_rows_are_reported(kdl: KdlLake, client: datalake.DatalakeClient) -> None:
    import datalake

    upload(kdl, pictures(4), "test", "d")
    upload(kdl, numbers(2), "test", "text")
    found = client.search()
    gone = found["path"].dropna().iloc[1]
    remove_asset(client, gone)
    for absolute in (True, False):
        with pytest.warns(datalake.MissingFilesWarning, match="1 rows left out"):
            made = client.to_dataset(found, absolute_paths=absolute)
        assert made.num_rows == 5
        assert client.last_report["dropped_rows"] == 1
        assert {entry["path"] for entry in client.last_report["missing"]} == {gone}
        paths = [path for path in made["path"] if path is not None]
        assert all(Path(path).is_absolute() is absolute for path in paths)
        assert len(paths) == 3
    assert client.to_dataset(found, check_path_exists=False).num_rows == 6


def test_a_download_lists_all_of_them(
    kdl: KdlLake, client: datalake.DatalakeClient, tmp_path: Path
) -> None:
    upload(kdl, pictures(4), "test", "d")
    gone = kdl.rows("d")[2]
    remove_asset(client, gone["path"])
    done = kdl.run("--json", "download", tmp_path / "x.parquet")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["num_samples"] == 4
    assert report["missing_files"] == 2, "one file, named by the columns image and path"
    lines = Path(report["missing_list"]).read_text().splitlines()
    assert {json.loads(line)["path"] for line in lines} == {gone["path"]}
    dropped = kdl.run("--json", "download", tmp_path / "y.parquet", "--on-missing", "drop")
    assert json.loads(dropped.stdout)["num_samples"] == 3
    failed = kdl.run("download", tmp_path / "z.parquet", "--on-missing", "fail")
    assert failed.returncode == 11
    assert not (tmp_path / "z.parquet").exists()


def test_rows_never_lead_out_of_the_assets(kdl: KdlLake, tmp_path: Path) -> None:
    """A link with a path of another file is a missing file, whatever is there."""
    (tmp_path / "secret").write_text("secret")
    link = {"sha256": "0" * 64, "path": "../../secret", "media_type": "image/png"}
    table, report = kdl.lake.outgoing(pa.table({"image": [link]}), include_images=True)
    assert report["missing_files"] == 1
    assert table.column("image").to_pylist() == [None]
