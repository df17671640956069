"""Check 11: a pending upload of the same key is refused, or replaced when told so."""

from typing import TYPE_CHECKING

from kdl_lake import KdlLake

if TYPE_CHECKING:
    import datalake


def test_the_second_is_refused_and_overwrite_replaces(
    kdl: KdlLake, client: "datalake.DatalakeClient"
) -> None:
    import pyarrow as pa

    first = client.upload_raw(pa.table({"n": [1]}), "test", "d")
    assert first
    assert client.upload_raw(pa.table({"n": [2]}), "test", "d") is False
    second = client.upload_raw(pa.table({"n": [3]}), "test", "d", overwrite=True)
    assert second not in (first, False)
    assert len(kdl.staged()) == 1
    kdl.ok("process")
    assert [row["n"] for row in kdl.rows("d")] == [3]
