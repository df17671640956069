"""Check 8: image and file columns together are variant `mixed`; both links resolve."""

from pathlib import Path

from kdl_lake import KdlLake, png, write_parquet


def test_both_links_lead_to_their_bytes(kdl: KdlLake, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.pdf").write_bytes(b"%PDF-1.4 a")
    rows = write_parquet(
        tmp_path / "in" / "rows.parquet", {"image": [png(1)], "file_path": ["a.pdf"]}
    )
    (staged,) = kdl.ok_json("upload", rows, "--provider", "test", "--dataset", "both")
    assert staged["variant"] == "mixed"
    kdl.ok("process")
    (row,) = kdl.rows("both")
    assets = kdl.path / "assets"
    assert (assets / row["image"]["path"]).read_bytes() == png(1)
    assert (assets / row["file_path"]["path"]).read_bytes() == b"%PDF-1.4 a"
    assert (row["image"]["width"], row["image"]["height"]) == (4, 3)
