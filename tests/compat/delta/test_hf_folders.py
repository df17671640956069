"""Dataset folders of ours opened by Hugging Face `datasets`, and theirs by us."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import canonical
import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_delta import ours, program

ROWS: list[dict[str, Any]] = [
    {"id": 1, "text": "a", "tags": ["x"], "turns": [{"who": "me", "n": 1}], "meta": {"s": 0.5}},
    {"id": 2, "text": None, "tags": [], "turns": None, "meta": {"s": None}},
    {"id": 3, "text": "ü", "tags": None, "turns": [], "meta": None},
]


@pytest.fixture
def rows_file(tmp_path: Path) -> Path:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return file


def test_datasets_loads_our_folder(tmp_path: Path, rows_file: Path) -> None:
    ours("hf", tmp_path / "ours", rows_file)
    loaded = datasets.load_from_disk(str(tmp_path / "ours"))
    assert loaded.to_list() == ROWS
    assert loaded.features["tags"] == datasets.List(datasets.Value("string"))
    assert loaded.features["turns"].feature == {
        "who": datasets.Value("string"),
        "n": datasets.Value("int64"),
    }
    assert loaded.map(lambda row: {"twice": row["id"] * 2}, load_from_cache_file=False)[2] == {
        **ROWS[2],
        "twice": 6,
    }


def test_datasets_sees_the_same_features_as_in_its_own_folder(
    tmp_path: Path, rows_file: Path
) -> None:
    ours("hf", tmp_path / "ours", rows_file)
    datasets.Dataset.from_list(ROWS).save_to_disk(str(tmp_path / "theirs"))
    mine = datasets.load_from_disk(str(tmp_path / "ours"))
    theirs = datasets.load_from_disk(str(tmp_path / "theirs"))
    assert mine.features == theirs.features


def test_datasets_loads_every_type(tmp_path: Path) -> None:
    table = pa.table(
        {
            "u": pa.array([1], pa.uint64()),
            "h": pa.array([1.5], pa.float16()),
            "t": pa.array([0], pa.timestamp("us", tz="UTC")),
            "n": pa.array([0], pa.timestamp("ms")),
            "d": pa.array([1], pa.date32()),
            "c": pa.array(["1.50"], pa.string()).cast(pa.decimal128(5, 2)),
            "b": pa.array([b"x"]),
            "large": pa.array(["y"], pa.large_string()),
            "pair": pa.array([[1.0, 2.0]], pa.list_(pa.float32(), 2)),
            "word": pa.array(["w"]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    ours("hf", tmp_path / "ours", tmp_path / "t.parquet")
    loaded = datasets.load_from_disk(str(tmp_path / "ours"))
    assert canonical.rows(loaded.data.table) == canonical.rows(table)
    assert loaded.features["pair"] == datasets.List(datasets.Value("float32"), length=2)


def test_we_read_folders_of_datasets(tmp_path: Path) -> None:
    made = datasets.Dataset.from_list(ROWS)
    made.save_to_disk(str(tmp_path / "theirs"), num_shards=2)
    assert canonical.lines(ours("rows", tmp_path / "theirs")) == canonical.rows(made.data.table)


def test_an_indices_mapping_was_flattened_by_datasets(tmp_path: Path) -> None:
    made = datasets.Dataset.from_list(ROWS).select([2, 0])
    made.save_to_disk(str(tmp_path / "theirs"))
    assert [json.loads(line)["id"] for line in ours("rows", tmp_path / "theirs").splitlines()] == [
        3,
        1,
    ]


def test_a_folder_of_splits_names_them(tmp_path: Path) -> None:
    made = datasets.Dataset.from_list(ROWS)
    datasets.DatasetDict({"train": made, "test": made}).save_to_disk(str(tmp_path / "dict"))
    command = [str(program()), "rows", str(tmp_path / "dict")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 10
    assert "train, test" in done.stderr
