"""Check 18: the same picture twice in an upload and again in a later one is one asset."""

from kdl_lake import KdlLake, png


def test_one_asset_for_equal_bytes(kdl: KdlLake) -> None:
    import pyarrow as pa

    kdl.lake.upload(pa.table({"image": [png(1), png(2), png(1)]}), "test", "d")
    kdl.ok("process")
    kdl.lake.upload(pa.table({"image": [png(1)]}), "test", "d")
    kdl.ok("process")
    assert len(kdl.assets()) == 2
    assert len(kdl.rows("d")) == 4
    assert kdl.dangling("d") == []
