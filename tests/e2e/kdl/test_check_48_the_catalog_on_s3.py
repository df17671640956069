"""Check 48: on S3 the catalog keeps its partition paths as object keys, and queries delete nothing.

Athena itself cannot run here. It reads such a folder in two ways, and so does this test, from an S3
server: as a Hive table (Arrow, and DuckDB over it), and as a Delta table (delta-rs)."""

from __future__ import annotations

from collections.abc import Iterator

import deltalake
import duckdb
import pyarrow as pa
import pyarrow.dataset as pads
import pytest
from kdl_lake import KdlLake
from pyarrow import fs
from s3_server import S3Server, keys

BUCKET = "kdl-data-lake"
OTHERS = "athena-client-output/2026/another-user.csv"


@pytest.fixture
def server() -> Iterator[S3Server]:
    with S3Server() as running:
        yield running


def sync(kdl: KdlLake, s3: fs.S3FileSystem) -> None:
    """As `aws s3 sync LAKE/catalog s3://BUCKET/catalog` does."""
    fs.copy_files(str(kdl.path / "catalog"), f"{BUCKET}/catalog", destination_filesystem=s3)


def upload(
    kdl: KdlLake, dataset: str, variant: str, first: int, *, overwrite: bool = False
) -> None:
    rows = pa.table({"id": range(first, first + 5), "text": [f"row {n}" for n in range(5)]})
    kdl.lake.upload(rows, "test", dataset, variant=variant, overwrite=overwrite)
    kdl.ok("process")


def test_keys_are_partition_paths_and_queries_delete_nothing(
    kdl: KdlLake, server: S3Server
) -> None:
    upload(kdl, "2024", "01", 0)
    upload(kdl, "2024", "b.c", 10)
    upload(kdl, "other", "01", 20)
    s3 = server.file_system()
    s3.create_dir(BUCKET)
    with s3.open_output_stream(f"{BUCKET}/{OTHERS}") as output:
        output.write(b"the result of another user")
    sync(kdl, s3)
    files = [path for path in (kdl.path / "catalog").rglob("*") if path.is_file()]
    wanted = {str(path.relative_to(kdl.path)): path.stat().st_size for path in files}
    wanted[OTHERS] = 26
    assert keys(s3, BUCKET) == wanted
    rows = [key for key in wanted if key.endswith(".parquet") and "_delta_log" not in key]
    assert len(rows) == 3
    assert all("/provider=test/dataset=" in key and "/task=raw/variant=" in key for key in rows)

    names = ["provider", "dataset", "task", "variant"]
    text = pads.partitioning(pa.schema([(name, pa.string()) for name in names]), flavor="hive")
    catalog = pads.dataset(f"{BUCKET}/catalog", filesystem=s3, partitioning=text, format="parquet")
    query = "select dataset, variant, count(*), min(id) from catalog group by all order by all"
    with duckdb.connect() as connection:
        found = connection.register("catalog", catalog).sql(query).fetchall()
    assert found == [("2024", "01", 5, 0), ("2024", "b.c", 5, 10), ("other", "01", 5, 20)]
    pruned = catalog.filter(pads.field("variant") == "b.c")
    assert pruned.to_table()["id"].to_pylist() == list(range(10, 15))
    assert keys(s3, BUCKET) == wanted
    with s3.open_input_stream(f"{BUCKET}/{OTHERS}") as source:
        assert source.read() == b"the result of another user"


def test_a_delta_reader_on_s3_sees_the_newest_version_and_older_ones(
    kdl: KdlLake, server: S3Server
) -> None:
    upload(kdl, "d", "v", 0)
    upload(kdl, "d", "v", 100, overwrite=True)
    s3 = server.file_system()
    s3.create_dir(BUCKET)
    sync(kdl, s3)
    before = keys(s3, BUCKET)
    table = f"s3://{BUCKET}/catalog/provider=test/dataset=d/task=raw"
    options = server.delta_options()
    newest = deltalake.DeltaTable(table, storage_options=options)
    ids = pa.table(newest.to_pyarrow_table()).column("id").to_pylist()
    assert sorted(ids) == [row["id"] for row in kdl.rows("d", order_by=["id"])]
    assert sorted(ids) == list(range(100, 105))
    older = deltalake.DeltaTable(table, version=newest.version() - 1, storage_options=options)
    assert sorted(older.to_pyarrow_table().column("id").to_pylist()) == list(range(5))
    assert keys(s3, BUCKET) == before
