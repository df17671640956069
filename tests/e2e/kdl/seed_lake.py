"""Makes a lake as the KDL program leaves it on disk (specs/kdl.md, sections 0, 4 and 6), with the
faults that the program is known for: links lost by the depth of folders and across datasets."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

FLAT, ONE_LEVEL, TWO_LEVELS = 0, 1, 2

SCHEMA = """\
providers:
  huggingface:
    description: Hugging Face datasets
  in house:
    description: a name that ours does not take
tasks:
  ocr:
    allowed_values:
      lang:
      - ko
      - en
    description: OCR results
    required_fields:
    - lang
    - src
"""


def picture(number: int) -> bytes:
    """What the program's JPEG encoder might have written: the bytes count, not the pixels."""
    return b"\xff\xd8\xff\xe0" + f"picture {number}".encode() * 20 + b"\xff\xd9"


def hash_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def asset_path(provider: str, dataset: str, sha256: str, levels: int) -> str:
    """Relative to assets/; the extension is .jpg whatever the content."""
    folders = [sha256[:2], sha256[2:4]][:levels]
    return "/".join([f"provider={provider}", f"dataset={dataset}", *folders, f"{sha256}.jpg"])


@dataclass
class SeedLake:
    """A lake of the seed's program; `dangling` are the paths of rows that lead nowhere."""

    root: Path
    dangling: list[str] = field(default_factory=list)
    misplaced: list[str] = field(default_factory=list)

    def make_folders(self) -> None:
        for folder in (
            "staging/pending",
            "staging/processing",
            "staging/failed",
            "catalog",
            "assets",
            "collections",
            "config",
            "users",
            "logs",
        ):
            (self.root / folder).mkdir(parents=True)
        (self.root / "config/schema.yaml").write_text(SCHEMA)
        (self.root / "users/user.duckdb").write_bytes(b"a cache of somebody")
        (self.root / "logs/20250715_user_0a1b2c3d.log").write_text("INFO\n")

    def put(self, provider: str, dataset: str, data: bytes, levels: int) -> str:
        """Stores one asset; its path."""
        path = asset_path(provider, dataset, hash_of(data), levels)
        file = self.root / "assets" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return path

    def partition(
        self, table: str, variant: str, columns: dict[str, Any], **metadata: object
    ) -> Path:
        """Writes catalog/…/data.parquet as HF `to_parquet` does, and _metadata.json."""
        provider, dataset, task = table.split("/")
        folder = self.root / "catalog"
        folder = folder / f"provider={provider}" / f"dataset={dataset}" / f"task={task}"
        folder = folder / f"variant={variant}"
        folder.mkdir(parents=True)
        rows = pa.table(columns)
        features = {name: {"dtype": "string", "_type": "Value"} for name in rows.column_names}
        rows = rows.replace_schema_metadata(
            {"huggingface": json.dumps({"info": {"features": features}})}
        )
        pq.write_table(rows, folder / "data.parquet", compression="snappy", row_group_size=1000)
        facts = {
            "provider": provider,
            "dataset": dataset,
            "task": task,
            "variant": variant,
            "data_type": "raw" if task == "raw" else "task",
            "dataset_description": "made for a test",
            "original_source": "",
            "has_images": "path" in columns,
            "has_files": False,
            "total_rows": rows.num_rows,
            "uploaded_by": "user",
            "uploaded_at": "2025-07-15T09:30:00.123456",
            "file_id": "0a1b2c3d",
        } | metadata
        (folder / "_metadata.json").write_text(json.dumps(facts, ensure_ascii=False, indent=2))
        return folder / "data.parquet"

    def collection(self, name: str, version: str, columns: dict[str, Any], created: str) -> None:
        """Writes collections/<name>/<version>/ as `save_to_disk` does, and metadata.json."""
        folder = self.root / "collections" / name / version
        folder.mkdir(parents=True)
        rows = pa.table(columns)
        file = "data-00000-of-00001.arrow"
        with (
            pa.OSFile(str(folder / file), "wb") as sink,
            pa.ipc.new_stream(sink, rows.schema) as out,
        ):
            out.write_table(rows)
        dtypes = {"int64": "int64", "double": "float64"}
        features = {
            f.name: {"dtype": dtypes.get(str(f.type), "string"), "_type": "Value"}
            for f in rows.schema
        }
        info = {
            "citation": "",
            "description": "",
            "features": features,
            "homepage": "",
            "license": "",
        }
        (folder / "dataset_info.json").write_text(json.dumps(info, indent=2))
        state: dict[str, Any] = {
            "_data_files": [{"filename": file}],
            "_fingerprint": "0123456789abcdef",
            "_format_columns": None,
            "_format_kwargs": {},
            "_format_type": None,
            "_output_all_columns": False,
            "_split": None,
        }
        (folder / "state.json").write_text(json.dumps(state, indent=2))
        metadata = {
            "name": name,
            "version": version,
            "description": "a training set",
            "created_at": created,
            "created_by": "user",
            "num_samples": rows.num_rows,
        }
        (folder / "metadata.json").write_text(json.dumps(metadata, ensure_ascii=False, indent=2))


def make_seed_lake(root: Path, rows: int = 30) -> SeedLake:
    """A small lake with every layout: three depths of asset folders, text alone, names that look
    like numbers, dangling links of both known kinds, two versions of a collection."""
    lake = SeedLake(root)
    lake.make_folders()

    # Raw pictures stored at one level; a later, small task upload computed flat paths for them.
    pictures = [picture(n) for n in range(rows)]
    paths = [lake.put("huggingface", "coco_2017", data, ONE_LEVEL) for data in pictures]
    hashes = [hash_of(data) for data in pictures]
    lake.partition(
        "huggingface/coco_2017/raw",
        "image",
        {"label": [f"label {n}" for n in range(rows)], "path": paths, "hash": hashes},
    )
    lost = [asset_path("huggingface", "coco_2017", sha256, FLAT) for sha256 in hashes[:5]]
    lake.misplaced += lost
    lake.partition(
        "huggingface/coco_2017/ocr",
        "base_ocr",
        {
            "text": [json.dumps({"word": n}) for n in range(5)],
            "lang": ["ko"] * 5,
            "src": ["real"] * 5,
            "path": lost,
            "hash": hashes[:5],
        },
        lang="ko",
        src="real",
    )

    # The same picture in a second dataset: skipped, and its path points nowhere.
    own = [picture(1_000_000), picture(1_000_001)]
    own_paths = [lake.put("huggingface", "2024", data, TWO_LEVELS) for data in own]
    stray = asset_path("huggingface", "2024", hashes[0], TWO_LEVELS)
    lake.misplaced.append(stray)
    gone = asset_path("huggingface", "2024", hash_of(b"nowhere"), TWO_LEVELS)
    lake.dangling.append(gone)
    lake.partition(
        "huggingface/2024/raw",
        "01",
        {
            "label": ["a", "b", "c", "d", None],
            "path": [*own_paths, stray, gone, None],
            "hash": [hash_of(own[0]), hash_of(own[1]), hashes[0], hash_of(b"nowhere"), None],
        },
    )

    lake.partition("aihub/news/raw", "text", {"title": ["t1", "t2"], "n": [1, 2]}, has_images=False)
    lake.collection("train", "v1", {"n": [1, 2, 3]}, "2025-07-01T10:00:00")
    lake.collection(
        "train",
        "v2",
        {"label": ["x", "y"], "path": paths[:2], "hash": hashes[:2]},
        "2025-07-02T10:00:00",
    )
    return lake


def tree_of(root: Path) -> dict[str, tuple[int, int, str]]:
    """Every file with its size, time and hash: to show that nothing was changed."""
    return {
        str(path.relative_to(root)): (
            path.stat().st_size,
            path.stat().st_mtime_ns,
            hash_of(path.read_bytes()) if path.is_file() else "",
        )
        for path in sorted(root.rglob("*"))
    }
