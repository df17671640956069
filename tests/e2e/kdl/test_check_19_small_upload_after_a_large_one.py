"""Check 19: 20,000 raw pictures, then a task of 500 rows on them: every path exists."""

from kdl_lake import KdlLake, png


def test_no_link_depends_on_the_size_of_its_upload(kdl: KdlLake) -> None:
    import pyarrow as pa

    pictures = [png(n) for n in range(20_000)]
    kdl.lake.upload(pa.table({"image": pictures}), "test", "many")
    kdl.ok("process")
    fields = {"lang": "ko", "src": "real"}
    kdl.lake.upload(pa.table({"image": pictures[::40]}), "test", "many", "ocr", "v", fields=fields)
    kdl.ok("process")
    assert len(kdl.assets()) == 20_000
    assert len(kdl.rows("many", "ocr")) == 500
    assert kdl.dangling("many") == []
    assert kdl.dangling("many", "ocr") == []
