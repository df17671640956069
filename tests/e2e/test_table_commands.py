"""`datalake table …` as a person and a script use it: history, diff, delete, restore, upkeep."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from test_cli import INVALID, NOT_FOUND, fails, run

TABLE = "acme/cards/raw"


def upload(lake: Path, rows: list[dict[str, Any]]) -> None:
    file = lake.parent / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ("--lake", lake, "--quiet")
    staged = run(*words, "upload", file, "--provider", "acme", "--dataset", "cards")
    assert staged.returncode == 0, staged.stderr
    processed = run(*words, "process")
    assert processed.returncode == 0, processed.stderr


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    path = tmp_path / "lake"
    assert run("init", path).returncode == 0
    assert run("--lake", path, "config", "provider", "create", "acme").returncode == 0
    upload(path, [{"id": i, "lang": "ko" if i % 2 else "de"} for i in range(1, 5)])
    upload(path, [{"id": i, "lang": "ko"} for i in range(101, 103)])
    return path


def table(lake: Path, verb: str, *words: str) -> list[dict[str, Any]]:
    done = run("--lake", lake, "--json", "--quiet", "--yes", "table", verb, *words)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def ids(lake: Path) -> list[int]:
    found = run("--lake", lake, "--json", "search", "--dataset", "cards", "--columns", "id")
    return sorted(json.loads(line)["id"] for line in found.stdout.splitlines())


def test_history_tells_who_did_what_and_why(lake: Path) -> None:
    table(lake, "delete", TABLE, "--where", "id = 2", "--reason", "bad scan")
    history = table(lake, "history", TABLE)
    assert [row["version"] for row in history] == [3, 2, 1, 0]
    assert [row["operation"] for row in history] == ["DELETE", "upload", "upload", "create"]
    assert history[0]["reason"] == "bad scan"
    assert json.loads(history[0]["details"]) == {"rows_deleted": "1", "where": "id = 2"}
    assert history[1]["rows_added"] == 2


def test_delete_counts_first_and_asks(lake: Path) -> None:
    condition = ("--where", "lang = 'ko' and id < 100")
    counted = table(lake, "delete", TABLE, *condition, "--dry-run")[0]
    assert (counted["rows_deleted"], counted["files_skipped"], counted["dry_run"]) == (2, 1, True)
    fails(INVALID, "--lake", lake, "table", "delete", TABLE, *condition, says="--yes")
    assert len(ids(lake)) == 6
    table(lake, "delete", TABLE, *condition)
    assert ids(lake) == [2, 4, 101, 102]


def test_diff_shows_rows_or_numbers(lake: Path) -> None:
    table(lake, "delete", TABLE, "--where", "id in (1, 2)")
    rows = table(lake, "diff", TABLE, "--from", "1", "--key", "id")
    changes = sorted((row["_change_type"], row["id"]) for row in rows)
    assert changes == [("delete", 1), ("delete", 2), ("insert", 101), ("insert", 102)]
    summary = table(lake, "diff", TABLE, "--from", "2", "--to", "3", "--summary")[0]
    assert (summary["added"], summary["removed"], summary["files_skipped"]) == (0, 2, 1)


def test_restore_goes_back_by_version_and_by_time(lake: Path) -> None:
    after_the_uploads = table(lake, "history", TABLE)[0]["time"]
    table(lake, "delete", TABLE, "--where", "true")
    assert ids(lake) == []
    assert table(lake, "restore", TABLE, "--to", after_the_uploads)[0]["restored_version"] == 2
    assert len(ids(lake)) == 6
    table(lake, "restore", TABLE, "--to", "1")
    assert ids(lake) == [1, 2, 3, 4]


def test_compact_and_vacuum_leave_the_rows(lake: Path) -> None:
    compacted = table(lake, "compact", TABLE)[0]
    assert (compacted["files_removed"], compacted["files_added"]) == (2, 1)
    assert table(lake, "vacuum", TABLE) == []  # within the retention
    listed = table(lake, "vacuum", TABLE, "--retention", "0 days")
    assert [row["reason"] for row in listed] == ["removed", "removed"]
    assert all(Path(row["path"]).exists() for row in listed)
    table(lake, "vacuum", TABLE, "--retention", "0 days", "--delete")
    assert not any(Path(row["path"]).exists() for row in listed)
    assert len(ids(lake)) == 6
    fails(NOT_FOUND, "--lake", lake, "--yes", "table", "restore", TABLE, "--to", "1", says="kept")


def test_fsck_names_what_is_wrong(lake: Path) -> None:
    assert run("--lake", lake, "table", "fsck", "--deep").returncode == 0
    file = next((lake / "catalog").rglob("part-*.parquet"))
    file.write_bytes(file.read_bytes()[:-10])
    done = run("--lake", lake, "--json", "table", "fsck", TABLE)
    assert done.returncode == 1
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["kind"] for row in found] == ["file_size", "file"]
    assert {row["path"] for row in found} == {str(file)}


def test_errors_say_what_to_do(lake: Path) -> None:
    fails(INVALID, "--lake", lake, "table", "history", "cards", says="provider/dataset/task")
    fails(NOT_FOUND, "--lake", lake, "table", "history", "acme/card/raw", says="unknown table")
    fails(NOT_FOUND, "--lake", lake, "table", "diff", TABLE, "--from", "9", says="newest is 2")
    fails(INVALID, "--lake", lake, "table", "diff", TABLE, "--from", "monday", says="a version")
    fails(
        INVALID,
        *("--lake", lake, "table", "vacuum", TABLE, "--retention", "soon"),
        says="30 days",
    )
