"""Reads and writes Delta tables with PySpark and delta-spark, in the environment of setup_spark.py.

spark_tables.py write FOLDER           makes FOLDER/by_spark: nested types, nulls, odd partition
                                       values, deleted rows, a checkpoint
spark_tables.py append ROOT            appends two rows to a table with the columns id and p
spark_tables.py read OUTPUT ROOT...    {root: [canonical rows]} as JSON to the file OUTPUT
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import canonical
from pyspark.sql import SparkSession  # type: ignore[import-not-found]

JARS = Path(__file__).resolve().parents[3] / ".cache/spark-venv/jars"
ODD_VALUES = ["plain", "with blank", "50%", "%20", "a=b", "a/b", "ü", "日本語", "#1", None]


def session() -> SparkSession:
    os.environ["TZ"] = "UTC"
    time.tzset()
    settings = {
        "spark.jars": ",".join(str(jar) for jar in sorted(JARS.glob("*.jar"))),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "1",
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.ui.showConsoleProgress": "false",
        "spark.databricks.delta.properties.defaults.checkpointInterval": "3",
    }
    builder = SparkSession.builder.master("local[2]").appName("datalake-compat")
    for key, value in settings.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def write(spark: SparkSession, folder: Path) -> None:
    root = folder / "by_spark"
    schema = (
        "id long, n int, text string, tags array<string>, box struct<x: double, name: string>, "
        "counts map<string, long>, day date, at timestamp, price decimal(9,2), p string"
    )
    for step in range(4):
        frame = spark.createDataFrame([], schema)
        for i, value in enumerate(ODD_VALUES):
            number = step * 100 + i
            literal = "cast(null as string)" if value is None else json.dumps(value)
            one = spark.sql(
                f"select cast({number} as long) as id, cast({number} as int) as n, "
                f"if({number} % 2 = 0, null, 'tëxt') as text, "
                f"if({number} % 3 = 0, null, array('a', null)) as tags, "
                f"if({number} % 4 = 0, null, named_struct('x', 0.5D, 'name', 'n')) as box, "
                f"map('k', cast({number} as long)) as counts, date'2026-01-31' as day, "
                f"timestamp'2026-01-31 12:34:56.789012' as at, "
                f"cast(1.5 as decimal(9,2)) as price, {literal} as p"
            )
            frame = frame.unionByName(one)
        frame.coalesce(1).write.format("delta").mode("append").partitionBy("p").save(str(root))
    spark.sql(f"delete from delta.`{root}` where id in (1, 102, 203, 304)")


def append(spark: SparkSession, root: str) -> None:
    rows = [(5000, "with blank"), (5001, None)]
    frame = spark.createDataFrame(rows, "id long, p string")
    frame.coalesce(1).write.format("delta").mode("append").save(root)


def read(spark: SparkSession, output: Path, roots: list[str]) -> None:
    found = {}
    for root in roots:
        found[root] = canonical.rows(spark.read.format("delta").load(root).toArrow())
    output.write_text(json.dumps(found))


def main() -> None:
    command, *arguments = sys.argv[1:]
    spark = session()
    if command == "write":
        write(spark, Path(arguments[0]))
    elif command == "append":
        append(spark, arguments[0])
    elif command == "read":
        read(spark, Path(arguments[0]), arguments[1:])
    else:
        sys.exit(__doc__)
    spark.stop()


if __name__ == "__main__":
    main()
