"""Check 24: one truncated Parquet file: it is reported, the other partitions stay queryable."""

from kdl_lake import KdlLake
from search_rows import fill, ids


def test_the_bad_file_is_named_and_the_rest_answers(kdl: KdlLake) -> None:
    fill(kdl)
    (bad,) = (kdl.path / "catalog/provider=inhouse").rglob("*.parquet")
    bad.write_bytes(bad.read_bytes()[:-20])

    update = kdl.run("db", "update")
    assert update.returncode == 1
    assert str(bad) in update.stdout
    assert ids(kdl.ok_json("search", "--provider", "huggingface")) == [1, 2, 3, 4, 5]
    whole = kdl.run("search")
    assert whole.returncode == 16, "rows are never left out in silence"
    assert bad.name in whole.stderr
