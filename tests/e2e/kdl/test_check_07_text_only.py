"""Check 7: rows without asset columns are variant `text`, with all their columns and no path."""

from pathlib import Path

from kdl_lake import KdlLake, write_parquet


def test_text_rows_come_back_with_their_columns(kdl: KdlLake, tmp_path: Path) -> None:
    rows = write_parquet(tmp_path / "rows.parquet", {"id": [1, 2], "text": ["a", "b"]})
    (staged,) = kdl.ok_json("upload", rows, "--provider", "test", "--dataset", "words")
    assert staged["variant"] == "text"
    kdl.ok("process")
    found = kdl.rows("words")
    assert [(row["id"], row["text"], row["variant"]) for row in found] == [
        (1, "a", "text"),
        (2, "b", "text"),
    ]
    assert "path" not in found[0]
