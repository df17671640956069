"""Our Delta tables read by other programs, and theirs read and extended by ours."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import canonical
import deltalake
import duckdb
import duckdb_extension_delta
import polars as pl
import pyarrow as pa
import pytest

ROOT = Path(__file__).resolve().parents[3]
RANDOM_TABLES = [f"random_{seed}" for seed in range(1, 21)]
TABLES = [
    "partition_values",
    "typed_partitions",
    "lake/provider=p/dataset=d/task=raw",
    "changes",
    "statistics",
    "types",
    "empty",
    "checkpoint",
    "checkpoint_no_hint",
    "checkpoint_no_json",
    "deleted",
    "compacted",
    "replaced",
    "restored",
    "widened",
    "cleaned_up",
    "versions_1000",
    *RANDOM_TABLES,
]


def program() -> Path:
    for preset in ("release", "dev"):
        found = ROOT / "build" / preset / "tests" / "make_tables"
        if found.exists():
            return found
    pytest.fail("the program make_tables is not there; run `make build`", pytrace=False)


def ours(*arguments: str | Path) -> str:
    command = [str(program()), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tables") / "t"
    ours("write", made)
    return made


def by_delta_rs(root: Path) -> pa.Table:
    return deltalake.DeltaTable(root).to_pyarrow_table()


def by_delta_rs_sql(root: Path) -> pa.Table:
    builder = deltalake.QueryBuilder().register("t", deltalake.DeltaTable(root))
    return pa.table(builder.execute("select * from t").read_all())


def by_polars(root: Path) -> pa.Table:
    return pl.read_delta(str(root)).to_arrow()


def delta_connection() -> duckdb.DuckDBPyConnection:
    package = Path(duckdb_extension_delta.__file__).parent
    extension = package / "extensions" / f"v{duckdb.__version__}" / "delta.duckdb_extension"
    connection = duckdb.connect()
    connection.execute(f"load '{extension}'; set timezone = 'UTC'")
    return connection


def by_duckdb(root: Path) -> pa.Table:
    return delta_connection().execute(f"from delta_scan('{root}')").to_arrow_table()


READERS: list[Callable[[Path], pa.Table]] = [by_delta_rs, by_delta_rs_sql, by_polars, by_duckdb]


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
@pytest.mark.parametrize("name", TABLES)
def test_others_read_our_rows(folder: Path, name: str, reader: Callable[[Path], pa.Table]) -> None:
    root = folder / name
    expected = canonical.lines(ours("read", root))
    assert canonical.rows(reader(root)) == expected


def test_our_reader_says_what_was_written(folder: Path) -> None:
    assert canonical.lines(ours("read", folder / "changes")) == [
        '{"id": 2, "late": 0.5, "p": "with blank"}',
        '{"id": 3, "late": null, "p": "50%"}',
        '{"id": 4, "late": null, "p": "with blank"}',
        '{"id": 5, "late": null, "p": "50%"}',
    ]
    assert len(canonical.lines(ours("read", folder / "changes", "6"))) == 6
    assert len(canonical.lines(ours("read", folder / "partition_values"))) == 22
    assert len(canonical.lines(ours("read", folder / "checkpoint_no_json"))) == 11


def test_our_fsck_finds_nothing_in_our_tables(folder: Path) -> None:
    for name in TABLES:
        lines = ours("fsck", folder / name).splitlines()
        assert [line for line in lines if not line.startswith("note ")] == [], name


def test_tables_with_a_past_hold_what_they_should(folder: Path) -> None:
    def ids(name: str) -> list[int]:
        return sorted(json.loads(line)["id"] for line in ours("read", folder / name).splitlines())

    all_ids = range(1, 33)
    left = [i for i in all_ids if i % 3 and i % 5]
    assert ids("deleted") == left
    assert ids("compacted") == [*left, 100, 101, 102, 103]
    assert ids("cleaned_up") == [*left, 100, 101, 102, 103, 300, 301, 302, 303]
    assert ids("restored") == list(all_ids)
    assert len(ids("replaced")) == 32 - 8 + 4
    assert len(deltalake.DeltaTable(folder / "versions_1000").history()) == 1000


# A filter must find its row although the file's statistics are looked at first.
FILTERS = [
    ("long_text > 'zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz'", 2),
    ("long_text <= 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'", 1),
    ("nan > 1.0", 2),
    ("inf > 100.0", 1),
    ("\"at\" >= '2026-01-02T00:00:00.999999Z'", 1),
    ("\"at\" <= '1960-01-01T00:00:00Z'", 1),
    ("day >= '2026-02-01'", 1),
    ("price >= 99999999.99", 1),
    ("price < 0", 1),
    ("some_null is null", 1),
    ("some_null >= 7", 1),
    ("all_null is null", 3),
    ("flag", 1),
]


@pytest.mark.parametrize(("condition", "count"), FILTERS)
def test_filters_of_delta_rs_find_their_rows(folder: Path, condition: str, count: int) -> None:
    table = deltalake.DeltaTable(folder / "statistics")
    builder = deltalake.QueryBuilder().register("t", table)
    found = pa.table(builder.execute(f"select 1 as x from t where {condition}").read_all())
    assert found.num_rows == count


@pytest.mark.parametrize(("condition", "count"), FILTERS)
def test_filters_of_duckdb_find_their_rows(folder: Path, condition: str, count: int) -> None:
    scan = f"select count(*) from delta_scan('{folder}/statistics') where {condition}"
    assert delta_connection().execute(scan).fetchall() == [(count,)]


def test_filters_of_polars_find_their_rows(folder: Path) -> None:
    scan = pl.scan_delta(str(folder / "statistics"))
    assert scan.filter(pl.col("long_text") > "z" * 32).collect().height == 2
    assert scan.filter(pl.col("nan") > 1.0).collect().height == 2
    assert scan.filter(pl.col("price") >= Decimal("99999999.99")).collect().height == 1
    assert scan.filter(pl.col("nested").struct.field("x") == 1).collect().height == 1


def test_partition_filters_find_their_rows(folder: Path) -> None:
    root = folder / "partition_values"
    scan = pl.scan_delta(str(root))
    table = deltalake.DeltaTable(root)
    for value in ["with blank", "50%", "%20", "a=b", "a/b", "日本語"]:
        assert scan.filter(pl.col("p") == value).collect().height == 1
        assert table.to_pyarrow_table(partitions=[("p", "=", value)]).num_rows == 1


def test_count_comes_from_statistics(folder: Path) -> None:
    for name in ["partition_values", "statistics", "changes"]:
        builder = deltalake.QueryBuilder().register("t", deltalake.DeltaTable(folder / name))
        counted = pa.table(builder.execute("select count(*) as n from t").read_all())
        assert counted["n"][0].as_py() == len(ours("read", folder / name).splitlines())


def test_hive_readers_get_the_partition_columns(folder: Path) -> None:
    root = folder / "lake/provider=p/dataset=d/task=raw"
    scan = f"select * from read_parquet('{root}/*/*.parquet', hive_partitioning = true)"
    table = duckdb.sql(scan).to_arrow_table()
    assert canonical.rows(table) == canonical.lines(ours("read", root))


def test_transactions_survive(folder: Path) -> None:
    for name in ["checkpoint", "checkpoint_no_hint", "checkpoint_no_json"]:
        assert deltalake.DeltaTable(folder / name).transaction_version("wal/0") == 11


ODD_VALUES = ["plain", "with blank", "50%", "%20", "a=b", "a/b", "ü", "日本語", "#1", "what?", None]


def odd_rows() -> pa.Table:
    return pa.table({"id": list(range(len(ODD_VALUES))), "p": ODD_VALUES})


def agree(root: Path) -> int:
    expected = canonical.lines(ours("read", root))
    assert canonical.rows(by_delta_rs(root)) == expected
    return len(expected)


def test_we_read_and_extend_a_table_of_delta_rs(tmp_path: Path) -> None:
    root = tmp_path / "t"
    deltalake.write_deltalake(root, odd_rows(), partition_by=["p"])
    deltalake.write_deltalake(root, odd_rows(), mode="append")
    assert agree(root) == 22

    more = tmp_path / "more.jsonl"
    more.write_text('{"id": 100, "extra": [1, 2]}\n{"id": 101}\n')
    ours("append", root, more, "p=new value %")
    assert agree(root) == 24

    deltalake.DeltaTable(root).delete("id < 3")
    assert agree(root) == 18
    ours("remove", root)
    count = agree(root)
    assert count < 18
    deltalake.DeltaTable(root).optimize.compact()
    assert agree(root) == count
    deltalake.DeltaTable(root).create_checkpoint()
    ours("append", root, more, "p=b")
    assert agree(root) == count + 2
    ours("checkpoint", root)
    deltalake.DeltaTable(root).vacuum(0, dry_run=False, enforce_retention_duration=False)
    assert agree(root) == count + 2
    deltalake.write_deltalake(root, odd_rows(), mode="append", schema_mode="merge")
    assert agree(root) == count + 2 + len(ODD_VALUES)


def test_delta_rs_extends_our_tables(folder: Path, tmp_path: Path) -> None:
    root = shutil.copytree(folder / "checkpoint", tmp_path / "t")
    before = agree(root)
    rows = pa.table({"id": [1000, 1001], "p": ["with blank", None]})
    for _ in range(3):
        deltalake.write_deltalake(root, rows, mode="append")
    table = deltalake.DeltaTable(root)
    table.create_checkpoint()
    table.cleanup_metadata()
    assert agree(root) == before + 6
    assert deltalake.DeltaTable(root).transaction_version("wal/0") == 11
    more = tmp_path / "more.csv"
    more.write_text("id\n7\n8\n")
    ours("append", root, more, "p=x")
    assert agree(root) == before + 8


def test_we_mend_the_folders_of_another_writer(folder: Path, tmp_path: Path) -> None:
    root = shutil.copytree(folder / "compacted", tmp_path / "t")
    before = agree(root)
    rows = pa.table({"id": [900, 901], "p": ["plain", "plain"]})
    for _ in range(3):
        deltalake.write_deltalake(root, rows, mode="append", schema_mode="merge")
    ours("compact", root)
    assert agree(root) == before + 6
    assert ours("fsck", root) == ""
    assert deltalake.DeltaTable(root).history(1)[0]["operation"] == "OPTIMIZE"


def test_types_of_delta_rs_arrive(tmp_path: Path) -> None:
    root = tmp_path / "t"
    deltalake.write_deltalake(root, pa.table({"a": pa.array([1, None], pa.int8())}))
    deltalake.write_deltalake(
        root, pa.table({"b": [{"x": [1.5]}, None]}), mode="append", schema_mode="merge"
    )
    assert agree(root) == 4


def test_a_table_that_asks_for_more_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "t"
    naive = pa.table({"t": pa.array([0], pa.timestamp("us"))})
    deltalake.write_deltalake(root, naive)  # timestamp_ntz is a table feature of reader 3
    done = subprocess.run([program(), "read", root], capture_output=True, text=True, check=False)
    assert done.returncode == 20
    assert "reader version 3" in done.stderr
