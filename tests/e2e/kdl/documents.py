"""Rows that the checks of downloads and collections share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from kdl_lake import KdlLake, png

if TYPE_CHECKING:
    import datalake


def upload(kdl: KdlLake, rows: pa.Table, provider: str, dataset: str, *level: str) -> None:
    """Brings rows into a table; `level` is task and variant, a task gets its fields."""
    fields = {"lang": "ko", "src": "real"} if level and level[0] != "raw" else {}
    kdl.lake.upload(rows, provider, dataset, *level, fields=fields)
    report = kdl.lake.process()
    assert report["failed"] == 0, report


def numbers(count: int, first: int = 0) -> pa.Table:
    ids = range(first, first + count)
    return pa.table({"id": pa.array(ids, pa.int64()), "text": [f"row {i}" for i in ids]})


def pictures(count: int, first: int = 0) -> pa.Table:
    """Rows with an id, a caption and a picture of their own."""
    ids = list(range(first, first + count))
    return pa.table(
        {
            "id": pa.array(ids, pa.int64()),
            "caption": [f"picture {i}" for i in ids],
            "image": [png(i + 1) for i in ids],
        }
    )


def three_tables(kdl: KdlLake) -> None:
    """aihub/docs/raw (3 rows), aihub/docs/ocr (2), opensource/docs/ocr (4), test/other/raw (1)."""
    upload(kdl, numbers(3), "aihub", "docs")
    upload(kdl, numbers(2), "aihub", "docs", "ocr", "base")
    upload(kdl, numbers(4), "opensource", "docs", "ocr", "base")
    upload(kdl, numbers(1), "test", "other")


def remove_asset(client: datalake.DatalakeClient, path: str) -> None:
    """Makes the file of a row go missing."""
    (client.assets_path / path).unlink()
