"""Check 20: the same picture in two datasets: the paths of both exist."""

from kdl_lake import KdlLake, png


def test_both_datasets_link_the_one_asset(kdl: KdlLake) -> None:
    import pyarrow as pa

    for dataset in ("one", "two"):
        kdl.lake.upload(pa.table({"image": [png(1), png(2)]}), "test", dataset)
    kdl.ok("process")
    for dataset in ("one", "two"):
        assert len(kdl.rows(dataset)) == 2
        assert kdl.dangling(dataset) == []
    assert len(kdl.assets()) == 2
