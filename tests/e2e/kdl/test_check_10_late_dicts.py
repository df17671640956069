"""Check 10: a column whose first row is null and whose second is a dict has one type for all."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from kdl_lake import KdlLake

if TYPE_CHECKING:
    import datalake


def test_the_seeds_client_makes_them_json_text(
    kdl: KdlLake, client: "datalake.DatalakeClient"
) -> None:
    import pyarrow as pa

    labels: list[object] = [None, {"word": {"text": ["é"]}}, {"word": {"text": []}}]
    assert client.upload_raw(pa.table({"labels": labels, "n": [1, 2, 3]}), "test", "late")
    kdl.ok("process")
    first, second, third = kdl.rows("late", order_by=["n"])
    assert first["labels"] is None
    assert json.loads(second["labels"]) == {"word": {"text": ["é"]}}
    assert "é" in second["labels"]
    assert json.loads(third["labels"]) == {"word": {"text": []}}
    found = kdl.lake.sql('select count(*) as n from data."test/late/raw"').to_pylist()
    assert found == [{"n": 3}]


def test_an_upload_keeps_structs_and_lists(kdl: KdlLake, tmp_path: Path) -> None:
    lines = ['{"labels": null}', '{"labels": {"word": [{"box": [1, 2]}]}}']
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    kdl.ok("upload", tmp_path / "rows.jsonl", "--provider", "test", "--dataset", "nested")
    kdl.ok("process")
    assert [row["labels"] for row in kdl.rows("nested")] == [None, {"word": [{"box": [1, 2]}]}]


def test_values_of_several_kinds_are_text(kdl: KdlLake, tmp_path: Path) -> None:
    lines = ['{"v": null}', '{"v": {"a": 1}}', '{"v": "text"}', '{"v": 7}']
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    kdl.ok("upload", tmp_path / "rows.jsonl", "--provider", "test", "--dataset", "kinds")
    kdl.ok("process")
    assert [row["v"] for row in kdl.rows("kinds")] == [None, '{"a":1}', "text", "7"]
