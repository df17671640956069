#!/usr/bin/env python3
"""The interoperability matrix: each table read by each reader, rows compared with ours.

    matrix.py [--spark]

Tables of ours (make_tables: nested types, nulls, odd partition values, statistics, deletions,
compaction, widened types, checkpoints, 1,000 versions, random histories) and of delta-rs, read by
delta-rs (two ways), Polars, DuckDB and us. With --spark (after setup_spark.py) Spark reads them all
too, writes a table of its own that all read, and appends to one of ours. Prints a row a table; ends
with 1 when any two disagree.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import canonical
import deltalake
import pyarrow as pa
import test_delta

HERE = Path(__file__).resolve().parent
SPARK = HERE.parents[2] / ".cache/spark-venv/bin/python"


def make_tables_of_delta_rs(folder: Path) -> list[str]:
    """The same kinds of table, written by another program."""
    values = test_delta.ODD_VALUES

    def rows(first: int) -> pa.Table:
        count = len(values)
        ids = range(first, first + count)
        nested: list[dict[str, Any] | None] = [
            None if i % 4 == 0 else {"x": i / 2, "names": ["n", None]} for i in ids
        ]
        return pa.table(
            {
                "id": pa.array(ids, pa.int64()),
                "text": [None if i % 2 == 0 else "tëxt" for i in ids],
                "tags": pa.array([None if i % 3 == 0 else ["a", None] for i in ids]),
                "box": pa.array(nested),
                "at": pa.array([i * 1_000_000 for i in ids], pa.timestamp("us", tz="UTC")),
                "p": pa.array(values, pa.string()),
            }
        )

    deleted = folder / "delta_rs_deleted"
    for first in (0, 100, 200):
        deltalake.write_deltalake(deleted, rows(first), partition_by=["p"], mode="append")
    deltalake.DeltaTable(deleted).delete("id % 5 = 0")
    deltalake.DeltaTable(deleted).create_checkpoint()
    deltalake.write_deltalake(deleted, rows(300), mode="append")
    compacted = shutil.copytree(deleted, folder / "delta_rs_compacted")
    deltalake.DeltaTable(compacted).optimize.compact()
    long = folder / "delta_rs_100_versions"
    for i in range(100):
        deltalake.write_deltalake(long, pa.table({"id": [i]}), mode="append")
    return [deleted.name, compacted.name, long.name]


def spark(*arguments: str | Path) -> None:
    command = [str(SPARK), str(HERE / "spark_tables.py"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"matrix.py: spark_tables.py failed:\n{done.stderr[-3000:]}")


def spark_rows(folder: Path, names: list[str]) -> dict[str, list[str]]:
    output = folder / "spark.json"
    spark("read", output, *[folder / name for name in names])
    found: dict[str, list[str]] = json.loads(output.read_text())
    return {name: found[str(folder / name)] for name in names}


def compare(folder: Path, names: list[str], by_spark: dict[str, list[str]]) -> int:
    readers = test_delta.READERS
    heads = [reader.__name__.removeprefix("by_") for reader in readers]
    heads += ["spark"] if by_spark else []
    print(f"{'table':36} {'rows':>6}  " + "  ".join(f"{head:>12}" for head in heads))
    wrong = 0
    for name in names:
        expected = canonical.lines(test_delta.ours("read", folder / name))
        cells = []
        for reader in readers:
            try:
                rows = canonical.rows(reader(folder / name))
                cells.append("equal" if rows == expected else "DIFFERENT")
            except Exception as error:  # whatever a reader raises is its result
                print(f"{name}: {reader.__name__}: {error}", file=sys.stderr)
                cells.append("FAILS")
        if by_spark:
            cells.append("equal" if by_spark[name] == expected else "DIFFERENT")
        wrong += sum(cell != "equal" for cell in cells)
        print(f"{name:36} {len(expected):6}  " + "  ".join(f"{cell:>12}" for cell in cells))
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spark", action="store_true", help="Spark too (setup_spark.py)")
    args = parser.parse_args()
    if args.spark and not SPARK.exists():
        sys.exit("matrix.py: Spark is not installed; run tests/compat/delta/setup_spark.py")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "t"
        test_delta.ours("write", folder)
        names = [*test_delta.TABLES, *make_tables_of_delta_rs(folder)]
        by_spark: dict[str, list[str]] = {}
        if args.spark:
            spark("write", folder)
            appended = shutil.copytree(folder / "versions_1000", folder / "spark_appended_to_ours")
            spark("append", appended)
            names += ["by_spark", appended.name]
            by_spark = spark_rows(folder, names)
        wrong = compare(folder, names, by_spark)
    print(f"{len(names)} tables, {wrong} differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
