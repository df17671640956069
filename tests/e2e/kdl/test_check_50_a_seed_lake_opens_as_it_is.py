"""Check 50: a lake of the seed's program opens read-only as it is; import-kdl copies it, reporting
every dangling link, goes on after a kill, and never writes into the source."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from built import built
from kdl_lake import KdlLake
from seed_lake import SeedLake, hash_of, make_seed_lake, picture, tree_of


@pytest.fixture
def seed(tmp_path: Path) -> SeedLake:
    return make_seed_lake(tmp_path / "seed")


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DATALAKE")}
    command = [str(built("bin/datalake")), "--json", "--lake", str(root), *words]
    return subprocess.run(command, env=environment, text=True, capture_output=True, timeout=120)


def rows_of(root: Path, *words: str) -> list[dict[str, Any]]:
    done = run(root, *words)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_partitions_rows_assets_and_collections_are_readable(seed: SeedLake) -> None:
    before = tree_of(seed.root)
    catalog = rows_of(
        seed.root, "sql", "select dataset, task, variant, rows from catalog order by all"
    )
    assert [tuple(row.values()) for row in catalog] == [
        ("2024", "raw", "01", "5")
        if isinstance(catalog[0]["rows"], str)
        else ("2024", "raw", "01", 5),
        *[
            (d, t, v, str(n) if isinstance(catalog[0]["rows"], str) else n)
            for d, t, v, n in [
                ("coco_2017", "ocr", "base_ocr", 5),
                ("coco_2017", "raw", "image", 30),
                ("news", "raw", "text", 2),
            ]
        ],
    ]
    rows = rows_of(seed.root, "search", "--dataset", "coco_2017", "--task", "raw")
    assert len(rows) == 30
    assert {row["variant"] for row in rows} == {"image"}
    for row in rows:
        assert hash_of((seed.root / "assets" / row["path"]).read_bytes()) == row["hash"]
    assert rows_of(seed.root, "search", "--dataset", "2024")[0]["dataset"] == "2024"
    versions = rows_of(seed.root, "collections", "list", "--all")
    assert [row["version"] for row in versions] == ["v1", "v2"]
    found = rows_of(seed.root, "sql", 'select count(*) as n from collections."train/v1"')
    assert int(found[0]["n"]) == 3
    assert tree_of(seed.root) == before


def test_it_is_read_only(seed: SeedLake, tmp_path: Path) -> None:
    before = tree_of(seed.root)
    source = tmp_path / "more.csv"
    source.write_text("a\n1\n")
    for words in (
        ("upload", str(source), "--provider", "huggingface", "--dataset", "d"),
        ("config", "provider", "create", "x", "--description", "y"),
        ("collections", "import", str(source), "train"),
        ("process",),
        ("gc", "--apply"),
        ("takedown", "--asset", "0" * 64, "--reason", "x", "--yes"),
        ("init", str(seed.root)),
    ):
        assert run(seed.root, *words).returncode not in (0, 1), words
        assert tree_of(seed.root) == before, words


def test_verify_tells_the_links_that_lead_nowhere(seed: SeedLake) -> None:
    done = run(seed.root, "verify")
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    paths = {item["path"] for item in report["missing_files"]}
    assert paths == {*seed.dangling, *seed.misplaced}


def test_import_copies_and_reports_every_dangling_link(
    seed: SeedLake, kdl: KdlLake, tmp_path: Path
) -> None:
    before = tree_of(seed.root)
    report_file = tmp_path / "import.json"
    done = kdl.run("import-kdl", seed.root, "--report", report_file)
    assert done.returncode == 1, done.stderr  # done, with findings
    report = json.loads(report_file.read_text())
    links = report["links"]
    assert {link["path"] for link in links} == {*seed.dangling, *seed.misplaced}
    assert [link["path"] for link in links if link["problem"] == "missing"] == seed.dangling
    # A provider's name that ours does not take; everything else came along.
    assert len(report["problems"]) == 1
    assert "in house" in report["problems"][0]
    assert {p["where"]: p["rows"] for p in report["partitions"]} == {
        "aihub/news/raw/text": 2,
        "huggingface/2024/raw/01": 5,
        "huggingface/coco_2017/ocr/base_ocr": 5,
        "huggingface/coco_2017/raw/image": 30,
    }
    assert len(kdl.assets()) == 32
    rows = kdl.rows("coco_2017", "ocr")
    assert [row["image"]["sha256"] for row in rows] == [hash_of(picture(n)) for n in range(5)]
    assert kdl.dangling("coco_2017", "ocr") == []
    by_label = {row["label"]: row for row in kdl.rows("2024")}
    assert by_label["d"]["path"] is None
    assert "missing" in by_label["d"]["image"]["problem"]
    assert by_label[None]["image"] is None
    assert kdl.ok_json("verify", "--deep")[0]["summary"]["missing_count"] == 0
    versions = kdl.ok_json("collections", "list", "--all")
    assert [row["version"] for row in versions] == ["v1", "v2"]
    assert kdl.ok_json("config", "task", "list")
    assert tree_of(seed.root) == before
    # Again: nothing is done twice.
    again = json.loads(kdl.run("--json", "import-kdl", seed.root).stdout)
    assert all(p["was_there"] for p in again["partitions"] + again["collections"])
    assert len(kdl.rows("coco_2017")) == 30


def test_import_goes_on_after_a_kill(tmp_path: Path, kdl: KdlLake) -> None:
    seed = make_seed_lake(tmp_path / "seed", rows=3000)
    before = tree_of(seed.root)
    command = [str(built("bin/datalake")), "--lake", str(kdl.path), "import-kdl", str(seed.root)]
    for delay in (0.02, 0.1, 0.2, 0.3):
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
    done = kdl.run("import-kdl", seed.root)
    assert done.returncode == 1, done.stderr
    assert len(kdl.rows("coco_2017")) == 3000
    assert len(kdl.assets()) == 3002
    summary = kdl.ok_json("verify", "--deep")[0]["summary"]
    assert (summary["missing_count"], summary["mismatched_count"]) == (0, 0)
    assert [row["version"] for row in kdl.ok_json("collections", "list", "--all")] == ["v1", "v2"]
    assert tree_of(seed.root) == before
