"""Check 33: an explicit version is kept, `latest` points at it, metadata; else the next vN."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from documents import numbers, three_tables
from kdl_lake import KdlLake

if TYPE_CHECKING:
    import datalake


def test_versions_latest_and_metadata(kdl: KdlLake, client: datalake.DatalakeClient) -> None:
    import datalake

    three_tables(kdl)
    found = client.search(tasks=["ocr"])
    folder = Path(client.import_collection(found, "train", version="v1.0", description="first"))
    assert folder == kdl.path / "collections" / "train" / "v1.0"
    assert (folder.parent / "latest").resolve() == folder.resolve()
    metadata = json.loads((folder / "metadata.json").read_text())
    assert {key: metadata[key] for key in ("name", "version", "description", "created_by")} == {
        "name": "train",
        "version": "v1.0",
        "description": "first",
        "created_by": "ada",
    }
    assert metadata["num_samples"] == 6
    assert metadata["created_at"]
    source = metadata["source"]
    assert source["kind"] == "search"
    assert json.loads(source["query"]) == {"tasks": ["ocr"]}
    assert {entry["table"] for entry in source["inputs"]} == {
        "aihub/docs/ocr",
        "opensource/docs/ocr",
    }
    with pytest.raises(datalake.AlreadyExistsError):
        client.import_collection(found, "train", version="v1.0")
    versions = [Path(client.import_collection(found, "train")).name for _ in range(2)]
    assert versions == ["v1", "v2"]
    assert (folder.parent / "latest").resolve().name == "v2"


def test_splits_never_move_a_row(kdl: KdlLake) -> None:
    splits = {"train": 0.8, "test": 0.2}
    first = kdl.lake.save_collection(numbers(500), "set", splits=splits, split_key="id")
    more = kdl.lake.save_collection(numbers(900, first=100), "set", splits=splits, split_key="id")
    assert list(first.splits) == ["train", "test"]
    assert sum(first.splits.values()) == 500
    assert 60 < first.splits["test"] < 140
    sides = {i: s for s in splits for i in first.table(s).column("id").to_pylist()}
    for side in splits:
        for i in more.table(side).column("id").to_pylist():
            assert sides.get(i, side) == side
    import datasets

    loaded = datasets.load_from_disk(first.path)
    assert {name: part.num_rows for name, part in loaded.items()} == first.splits
    words = ("--split", "train=0.8,test=0.2", "--split-key", "id")
    saved = kdl.ok_json("collections", "save", "cli", "--sql", "select 1 as id", *words)
    assert sum(saved[0]["splits"].values()) == 1


def test_the_card_is_what_the_hub_reads(kdl: KdlLake, tmp_path: Path) -> None:
    import shutil

    import datasets

    whole = kdl.lake.save_collection(numbers(20), "whole", description="a | b # c")
    parts = kdl.lake.save_collection(
        numbers(400), "parts", splits={"train": 0.5, "test": 0.5}, split_key="text"
    )
    cache = str(tmp_path / "cache")
    # On a disk of its own `load_dataset` leaves such folders to `load_from_disk`, by this file.
    ignored = shutil.ignore_patterns("state.json")
    copy = shutil.copytree(whole.path, tmp_path / "copy", ignore=ignored)
    loaded = datasets.load_dataset(str(copy), cache_dir=cache, split="train")
    assert loaded["id"][:] == list(range(20))
    both = datasets.load_dataset(parts.path, cache_dir=cache)
    assert {name: part.num_rows for name, part in both.items()} == parts.splits


def test_croissant_names_every_file_and_column(kdl: KdlLake) -> None:
    """`mlcroissant` validates it whole, by hand: see docs/formats/collection.md."""
    import hashlib

    saved = kdl.lake.save_collection(
        numbers(400), "parts", splits={"train": 0.5, "test": 0.5}, split_key="id"
    )
    document = json.loads((Path(saved.path) / "croissant.json").read_text())
    assert document["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    files = [item for item in document["distribution"] if item["@type"] == "cr:FileObject"]
    assert {item["contentUrl"].split("/")[0] for item in files} == {"train", "test"}
    for item in files:
        content = (Path(saved.path) / item["contentUrl"]).read_bytes()
        assert item["sha256"] == hashlib.sha256(content).hexdigest()
    (rows,) = document["recordSet"]
    assert [field["name"] for field in rows["field"]] == ["id", "text"]
