"""Check 9: the seed refused two image columns; here each becomes a link of its own. An empty
dataset is a clear error."""

from pathlib import Path

from kdl_lake import KdlLake, png, write_parquet


def test_two_image_columns_are_two_links(kdl: KdlLake, tmp_path: Path) -> None:
    columns = {"image": [png(1), png(2)], "image_bytes": [png(3), None]}
    rows = write_parquet(tmp_path / "rows.parquet", columns)
    (staged,) = kdl.ok_json("upload", rows, "--provider", "test", "--dataset", "pairs")
    assert staged["variant"] == "image"
    kdl.ok("process")
    first, second = kdl.rows("pairs")
    for link, body in ((first["image"], png(1)), (first["image_bytes"], png(3))):
        assert (kdl.path / "assets" / link["path"]).read_bytes() == body
    assert second["image_bytes"] is None
    assert first["path"] == first["image"]["path"]


def test_no_rows_is_a_clear_error(kdl: KdlLake, tmp_path: Path) -> None:
    rows = write_parquet(tmp_path / "rows.parquet", {"image": [png(1)][:0]})
    done = kdl.run("upload", rows, "--provider", "test", "--dataset", "none")
    assert done.returncode == 10
    assert "no rows" in done.stderr
    assert kdl.staged() == []
