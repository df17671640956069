"""Check 13: a task's fields become constant columns and replace columns of their name."""

from kdl_lake import KdlLake


def test_fields_are_columns_of_every_row(kdl: KdlLake) -> None:
    import pyarrow as pa

    import datalake

    client = datalake.DatalakeClient("ada", kdl.path)
    rows = pa.table({"label": ["a", "b"], "lang": ["old", "old"]})
    meta = {"lang": "ko", "src": "real"}
    assert client.upload_task(rows, "test", "d", "ocr", "base", meta=meta)
    kdl.ok("process")
    found = kdl.rows("d", "ocr")
    assert [(r["label"], r["lang"], r["src"], r["variant"]) for r in found] == [
        ("a", "ko", "real", "base"),
        ("b", "ko", "real", "base"),
    ]
