"""Check 32: with pictures included they decode; those that do not are reported."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import datasets
import pyarrow as pa
import pytest
from documents import pictures, upload
from kdl_lake import KdlLake, png
from PIL import Image

if TYPE_CHECKING:
    import datalake


def test_pictures_decode(kdl: KdlLake, client: datalake.DatalakeClient, tmp_path: Path) -> None:
    upload(kdl, pictures(3), "test", "d")
    found = client.search(order_by=["id"])
    made = client.to_dataset(found, include_images=True)
    assert made.features["image"] == datasets.Image()
    assert [row["image"].size for row in made] == [(4, 3)] * 3
    assert made[2]["image"].getpixel((0, 0)) == (0, 0, 3)
    folder = client.download(found, tmp_path / "out", format="dataset", include_images=True)
    loaded = datasets.load_from_disk(str(folder))
    assert loaded[1]["image"].getpixel((0, 0)) == (0, 0, 2)
    file = client.download(found, tmp_path / "x.parquet", include_images=True)
    parquet = datasets.Dataset.from_parquet(str(file), cache_dir=str(tmp_path / "cache"))
    assert parquet[0]["image"].getpixel((0, 0)) == (0, 0, 1)


def test_a_broken_picture_is_reported(kdl: KdlLake, client: datalake.DatalakeClient) -> None:
    import datalake

    whole = png(1)
    rows = pa.table({"id": [0, 1, 2], "image": [whole, whole[:-20], None]})
    upload(kdl, rows, "test", "d")
    found = client.search(order_by=["id"])
    with pytest.warns(datalake.MissingFilesWarning, match="1 pictures broken"):
        made = client.to_dataset(found, include_images=True)
    assert made["id"] == [0, 2]
    assert made[1]["image"] is None
    assert client.last_report["bad_pictures"] == 1
    assert client.last_report["missing"][0]["row"] == 1


def test_webdataset_shards_hold_pictures(kdl: KdlLake, tmp_path: Path) -> None:
    upload(kdl, pictures(3), "test", "d")
    kdl.ok("download", tmp_path / "w", "--format", "webdataset", "--include-images")
    with tarfile.open(tmp_path / "w" / "000000.tar") as tar:
        names = tar.getnames()
        assert names[:2] == ["000000000.json", "000000000.png"]
        row = tar.extractfile(names[4])
        assert row is not None
        picture = tar.extractfile(names[5])
        assert picture is not None
        color = json.load(row)["id"] + 1
        assert Image.open(io.BytesIO(picture.read())).getpixel((0, 0)) == (0, 0, color)
