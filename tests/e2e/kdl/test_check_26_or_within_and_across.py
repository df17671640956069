"""Check 26: OR within a level, AND across; limit; `*`; no match has columns; errors are errors."""

from kdl_lake import KdlLake
from search_rows import fill, ids


def test_levels(kdl: KdlLake) -> None:
    fill(kdl)
    both = ["huggingface", "inhouse"]
    assert ids(kdl.lake.search(both, tasks=["raw"]).to_pylist()) == [1, 2, 3, 4, 5, 6]
    assert ids(kdl.lake.search(both, ["2024"]).to_pylist()) == [1, 2, 3, 4, 6]
    assert ids(kdl.lake.search(["huggingface"], ["docs", "2024"]).to_pylist()) == [1, 2, 3, 4, 5]
    assert ids(kdl.lake.search(variants=["*"]).to_pylist()) == [1, 2, 3, 4, 5, 6]
    assert ids(kdl.lake.search(datasets=["d*"]).to_pylist()) == [5]


def test_limits_pages_and_orders(kdl: KdlLake) -> None:
    fill(kdl)
    assert kdl.lake.search(limit=3).num_rows == 3
    pages = [kdl.lake.search(limit=2, offset=at).to_pylist() for at in (0, 2, 4)]
    assert ids([row for page in pages for row in page]) == [1, 2, 3, 4, 5, 6]
    newest = kdl.lake.search(order_by=["id desc"], limit=2, columns=["id"])
    assert newest.to_pylist() == [{"id": 6}, {"id": 5}]


def test_no_match_has_columns_and_no_rows(kdl: KdlLake) -> None:
    fill(kdl)
    empty = kdl.lake.search(["nobody"])
    assert empty.num_rows == 0
    assert {"provider", "dataset", "task", "variant"} <= set(empty.column_names)


def test_an_error_is_no_empty_result(kdl: KdlLake) -> None:
    fill(kdl)
    done = kdl.run("search", "--where", "no_such_column = 1")
    assert done.returncode != 0
    assert "no_such_column" in done.stderr
    assert done.stdout == ""


def test_a_version_is_of_one_table(kdl: KdlLake) -> None:
    import pyarrow as pa

    fill(kdl)
    before = kdl.lake.sql("select version from catalog where dataset = 'docs'").to_pylist()
    kdl.lake.upload(pa.table({"id": [50], "labels": ["{}"]}), "huggingface", "docs")
    kdl.ok("process")
    words = ["search", "--provider", "huggingface", "--dataset", "docs"]
    assert ids(kdl.ok_json(*words)) == [5, 50]
    at = ["--table-version", str(before[0]["version"])]
    assert ids(kdl.ok_json(*words, *at)) == [5]
    refused = kdl.run("search", "--provider", "huggingface", *at)
    assert refused.returncode == 10
    assert "one table" in refused.stderr
