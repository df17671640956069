"""Check 49: after partitions came and went, `db info` and searches are current at once."""

from kdl_lake import KdlLake
from search_rows import fill, ids


def test_info_is_never_outdated(kdl: KdlLake) -> None:
    import pyarrow as pa

    fill(kdl)
    (before,) = kdl.ok_json("db", "info")
    kdl.lake.upload(pa.table({"id": [7]}), "inhouse", "more")
    kdl.ok("process")
    (added,) = kdl.ok_json("db", "info")
    assert added["partitions"] == before["partitions"] + 1
    assert added["is_outdated"] is False
    kdl.lake.upload(pa.table({"id": [8]}), "inhouse", "more", overwrite=True)
    kdl.ok("process")
    assert ids(kdl.lake.search(["inhouse"]).to_pylist()) == [6, 8]
    (replaced,) = kdl.ok_json("db", "info")
    assert replaced["rows"] == added["rows"]
    assert "nothing is rebuilt" in kdl.ok("db", "update")
