"""Check 46: search variant A, map labels, upload variant B: both listed, no asset stored again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from documents import pictures, upload
from kdl_lake import KdlLake

if TYPE_CHECKING:
    import datalake


def test_the_derived_variant_links_to_the_same_assets(
    kdl: KdlLake, client: datalake.DatalakeClient
) -> None:
    upload(kdl, pictures(5), "test", "d", "ocr", "a")
    assets = kdl.assets()
    for labels in ("first", "second"):  # the second run overwrites
        frame = client.search(["test"], ["d"], ["ocr"], ["a"], order_by=["id"])
        frame["caption"] = frame["caption"].map(lambda text, more=labels: f"{more} {text}")
        meta = {"lang": "ko", "src": "synthetic"}
        assert client.upload_task(frame, "test", "d", "ocr", "b", overwrite=True, meta=meta)
        assert kdl.lake.process()["failed"] == 0
        assert client.build_db()
    partitions = client.get_partitions()
    assert partitions["variant"].tolist() == ["a", "b"]
    assert partitions["num_samples"].tolist() == [5, 5]
    derived = client.search(variants=["b"], order_by=["id"])
    original = client.search(variants=["a"], order_by=["id"])
    assert derived["caption"].tolist() == [f"second picture {i}" for i in range(5)]
    assert set(derived["src"]) == {"synthetic"}
    assert derived["path"].tolist() == original["path"].tolist()
    assert derived["hash"].tolist() == original["hash"].tolist()
    assert "original_path" not in derived.columns
    assert kdl.assets() == assets
    assert client.to_dataset(derived, include_images=True).num_rows == 5
