"""Rows for the checks of search: three datasets of two providers, one with JSON labels."""

from __future__ import annotations

import json

from kdl_lake import KdlLake

TISSUE = json.dumps({"word": {"text": {"content": ["tissue", "x"]}}})
PERCENT = json.dumps({"word": {"text": {"content": ["100%"]}}})
SCALAR = json.dumps({"word": {"text": {"content": "a tissue"}}})


def fill(kdl: KdlLake) -> None:
    """Uploads and processes the rows."""
    import pyarrow as pa

    labels = pa.table({"id": [1, 2, 3, 4], "labels": [TISSUE, PERCENT, SCALAR, "no JSON"]})
    kdl.lake.upload(labels, "huggingface", "2024", variant="01")
    kdl.lake.upload(pa.table({"id": [5], "labels": [TISSUE]}), "huggingface", "docs")
    kdl.lake.upload(pa.table({"id": [6], "size": [3]}), "inhouse", "2024")
    kdl.ok("process")


def ids(rows: list[dict[str, object]]) -> list[object]:
    return sorted(row["id"] for row in rows)  # type: ignore[type-var]
