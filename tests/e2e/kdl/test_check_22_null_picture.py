"""Check 22: a row without its picture stays, with null path and hash."""

from kdl_lake import KdlLake, png


def test_the_row_stays(kdl: KdlLake) -> None:
    import pyarrow as pa

    kdl.lake.upload(pa.table({"image": [png(1), None], "n": [1, 2]}), "test", "d")
    kdl.ok("process")
    first, second = kdl.rows("d", order_by=["n"])
    assert first["path"] is not None
    assert (second["n"], second["path"], second["hash"], second["image"]) == (2, None, None, None)
