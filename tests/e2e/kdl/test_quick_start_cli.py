"""The seed's command line quick start, word for word but for paths; questions are answered."""

from __future__ import annotations

from pathlib import Path

import datasets
import pytest
from documents import numbers, pictures
from kdl_lake import KdlLake, write_parquet
from terminal import Talk, talk


def test_the_command_line_quick_start(kdl: KdlLake, tmp_path: Path) -> None:
    rows = write_parquet(tmp_path / "dataset.parquet", pictures(4).to_pydict())
    more = write_parquet(tmp_path / "more.parquet", numbers(3).to_pydict())

    def said(line: str, *answers: str) -> Talk:
        words = line.split("#")[0].split()
        assert words[0] == "datalake"
        done = talk(kdl.path, *words[1:], answers=list(answers), cwd=tmp_path)
        assert done.returncode == 0, (line, done.shown)
        return done

    # Configure: both are in the default schema, so they go first.
    kdl.ok("config", "provider", "remove", "huggingface", "--yes")
    kdl.ok("config", "task", "remove", "ocr", "--yes")
    said("datalake config provider create huggingface")
    said("datalake config task create ocr")

    # Upload and process
    said("datalake upload", str(rows), "huggingface", "coco_2017", "raw", "", "y")
    said("datalake process start")

    # Query and download
    said("datalake db update")
    said("datalake download", "*", "*", "*", "*", "", "dataset folder with pictures", "./got")
    assert datasets.load_from_disk(str(tmp_path / "got"))[3]["image"].size == (4, 3)
    said(
        "datalake download --as-collection # Save as managed collection",
        *("*", "*", "*", "*", "", "from_search", "v1.0", "all of it"),
    )

    # Manage collections
    said("datalake collections import", str(more), "external", "", "Test")
    listed = said("datalake collections list").stdout
    assert "from_search" in listed
    assert "external" in listed
    assert "all of it" in said("datalake collections info", "from_search", "").stdout
    said("datalake collections export", "external", "v1", "dataset folder with paths", "./exported")
    assert datasets.load_from_disk(str(tmp_path / "exported"))["id"] == [0, 1, 2]
    said("datalake collections delete", "external", "v1", "external/v1")
    assert [row["name"] for row in kdl.ok_json("collections", "list")] == ["from_search"]


@pytest.mark.parametrize(
    "line", ["download", "collections info", "collections import", "collections export"]
)
def test_without_a_terminal_nothing_is_asked(kdl: KdlLake, line: str) -> None:
    done = kdl.run(*line.split())
    assert done.returncode == 10
    assert "missing:" in done.stderr
