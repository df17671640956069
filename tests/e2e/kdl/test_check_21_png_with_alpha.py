"""Check 21: a PNG with alpha keeps its bytes; its hash is SHA-256 of them, whatever the build."""

import hashlib

from kdl_lake import KdlLake, png


def test_bytes_stay_as_received(kdl: KdlLake) -> None:
    import pyarrow as pa

    body = png(0x336699, alpha=True)
    kdl.lake.upload(pa.table({"image": [body]}), "test", "alpha")
    kdl.ok("process")
    (row,) = kdl.rows("alpha")
    assert row["hash"] == hashlib.sha256(body).hexdigest()
    assert (kdl.path / "assets" / row["path"]).read_bytes() == body
    assert row["image"]["media_type"] == "image/png"
