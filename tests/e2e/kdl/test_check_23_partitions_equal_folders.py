"""Check 23: the list of partitions equals the folders; names that look like numbers stay text."""

from kdl_lake import KdlLake
from search_rows import fill


def test_the_catalog_is_what_lies_on_the_disk(kdl: KdlLake) -> None:
    fill(kdl)
    rows = kdl.lake.sql("select provider, dataset, task, variant, rows from catalog").to_pylist()
    folders = {
        tuple(part.split("=")[1] for part in folder.relative_to(kdl.path / "catalog").parts)
        for folder in (kdl.path / "catalog").glob("provider=*/dataset=*/task=*/variant=*")
    }
    assert {(r["provider"], r["dataset"], r["task"], r["variant"]) for r in rows} == folders
    assert ("huggingface", "2024", "raw", "01") in folders
    assert {
        (r["dataset"], r["variant"]): r["rows"] for r in rows if r["provider"] != "inhouse"
    } == {
        ("2024", "01"): 4,
        ("docs", "text"): 1,
    }
    (info,) = kdl.ok_json("db", "info")
    assert info["partitions"] == len(folders) == 3
    assert info["variants"]["01"]["rows"] == 4
    assert info["datasets"]["2024"]["rows"] == 5
