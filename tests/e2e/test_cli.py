"""The command line as a script uses it: exit codes, one-line errors, JSON lines."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from built import built

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = built("bin/datalake")
USAGE, INVALID, NOT_FOUND, EXISTS, CORRUPT = 2, 10, 11, 12, 16


def run(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DATALAKE")}
    command = [str(PROGRAM), *map(str, words)]
    return subprocess.run(
        command, cwd=cwd, env=environment, text=True, capture_output=True, check=False, timeout=120
    )


def fails(code: int, *words: str | Path, says: str, cwd: Path | None = None) -> str:
    """Runs a command that must fail: this exit code, nothing on stdout, one line on stderr."""
    done = run(*words, cwd=cwd)
    errors = [line for line in done.stderr.splitlines() if line.startswith("datalake: ")]
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert len(errors) == 1
    assert says in errors[0]
    return errors[0]


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    assert run("init", tmp_path / "lake").returncode == 0
    return tmp_path / "lake"


def write_documents(folder: Path, *lines: str | bytes) -> Path:
    path = folder / "documents" / "in.jsonl.gz"
    path.parent.mkdir(parents=True)
    raw = b"".join((x.encode() if isinstance(x, str) else x) + b"\n" for x in lines)
    path.write_bytes(gzip.compress(raw))
    return path


GOOD = '{"id":"1","text":"one two","source":"s"}'


def test_unknown_words_name_the_nearest_known_one(tmp_path: Path) -> None:
    fails(USAGE, "serach", says="did you mean search?")
    fails(USAGE, "collections", "lst", says="did you mean list?")
    fails(USAGE, "tag", "--taggerz", "x", says="did you mean --taggers?")
    write_documents(tmp_path, GOOD)
    fails(
        NOT_FOUND,
        *("tag", "--documents", tmp_path / "documents/*.gz", "--taggers", "gofer_v2"),
        says="did you mean gopher_v2?",
    )


def test_every_command_teaches_with_an_example() -> None:
    help_text = run("--help").stdout
    for command in ("init", "upload", "process", "search", "sql", "tag", "dedupe", "mix", "serve"):
        assert command in help_text
        done = run(command, "--help")
        assert done.returncode == 0
        assert re.search(rf"Example:\n  datalake .*\b{command}\b", done.stdout)


def test_init_twice_changes_nothing(lake: Path) -> None:
    before = {path: path.read_bytes() for path in lake.rglob("*") if path.is_file()}
    done = run("init", lake)
    assert done.returncode == 0
    assert {path: path.read_bytes() for path in lake.rglob("*") if path.is_file()} == before


def test_a_lake_is_found_from_below_and_missed_elsewhere(lake: Path, tmp_path: Path) -> None:
    assert run("search", "--json", cwd=lake / "config").returncode == 0
    fails(NOT_FOUND, "search", cwd=tmp_path, says="datalake init")


@pytest.mark.parametrize("name", ["a/b", "..", "", "a'b", "a b", "../../x", "/etc"])
def test_names_are_checked_at_every_door(lake: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "rows.csv").write_text("a\n1\n")
    where = ("--lake", lake)
    rows = tmp_path / "rows.csv"
    for words in (
        ("upload", "--provider", "test", "--dataset", name, rows),
        ("upload", "--provider", "test", "--dataset", "d", "--variant", name or "x/y", rows),
        ("config", "provider", "create", name),
        ("collections", "delete", name, "--yes"),
        ("collections", "info", name),
    ):
        done = run(*where, *words)
        # "a/b" is version b of collection a there, which does not exist.
        missing = (NOT_FOUND,) if words[0] == "collections" and name == "a/b" else ()
        assert done.returncode in (INVALID, USAGE, *missing), (words, done.stdout, done.stderr)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lake", "rows.csv"]


def test_unknown_provider_and_column_name_the_nearest(lake: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("caption,size\na cat,1\n")
    where = ("--lake", lake)
    upload = (*where, "upload", "--dataset", "d", tmp_path / "rows.csv")
    fails(NOT_FOUND, *upload, "--provider", "hugginface", says="did you mean huggingface?")
    assert run(*upload, "--provider", "test").returncode == 0
    assert run(*where, "process").returncode == 0
    fails(
        NOT_FOUND,
        *(*where, "search", "--provider", "test", "--columns", "captoin"),
        says="caption",
    )


def test_upload_process_search_and_sql_agree(lake: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("caption,size\na cat,1\na dog,9007199254740993\n")
    where = ("--lake", lake, "--json")
    upload = (*where, "upload", "--provider", "test", "--dataset", "d", tmp_path / "rows.csv")
    assert run(*upload).returncode == 0
    fails(EXISTS, *upload, says="pending")
    assert run(*where, "process").returncode == 0
    found = run(*where, "search", "--provider", "test", "--columns", "caption")
    assert [json.loads(line)["caption"] for line in found.stdout.splitlines()] == ["a cat", "a dog"]
    query = 'select caption, size from data."test/d/raw" order by size desc limit 1'
    row = json.loads(run(*where, "sql", query).stdout)
    assert row == {"caption": "a dog", "size": "9007199254740993"}, "64 bits, exactly, as text"


@pytest.mark.parametrize(
    "statement",
    [
        "copy (select 1) to 'x.csv'",
        "attach 'x.db'",
        "install httpfs",
        "select 1; select 2",
        "pragma database_list",
        "select * from read_csv('/etc/passwd')",
        "select * from '/etc/passwd'",
        "create table t(a int)",
        "set memory_limit='1TB'",
    ],
)
def test_sql_only_reads_and_only_the_lake(lake: Path, statement: str) -> None:
    done = run("--lake", lake, "sql", statement)
    assert done.returncode not in (0, 1), done.stdout
    assert "root:" not in done.stdout
    assert not (lake / "x.csv").exists()


@pytest.mark.parametrize(
    ("second", "says"),
    [
        (b'{"id":"2","text":', ":2"),
        (b'{"id":"2","text":"\xff","source":"s"}', ":2"),
        (b'{"id":2,"text":"x","source":"s"}', ":2"),
        (b'{"id":"2","source":"s"}', ":2"),
    ],
)
def test_a_bad_line_names_file_and_line_and_publishes_nothing(
    tmp_path: Path, second: bytes, says: str
) -> None:
    path = write_documents(tmp_path, GOOD, second, GOOD)
    tag = ("tag", "--documents", tmp_path / "documents/*.gz", "--taggers", "char_length_v1")
    message = fails(INVALID, *tag, says=says)
    assert str(path) in message
    left = [p for p in (tmp_path / "attributes").rglob("*") if p.is_file()]
    assert left == []


def test_a_truncated_gzip_file_is_an_error_and_publishes_nothing(tmp_path: Path) -> None:
    path = write_documents(tmp_path, *[GOOD] * 2000)
    path.write_bytes(path.read_bytes()[:-20])
    for words in (
        ("tag", "--documents", tmp_path / "documents/*.gz", "--taggers", "char_length_v1"),
    ):
        message = fails(CORRUPT, *words, says="in.jsonl.gz")
        assert str(path) in message
    assert [p for p in (tmp_path / "attributes").rglob("*") if p.is_file()] == []


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        target = Path("/proc/lake")  # root may write anywhere but here
    else:
        (tmp_path / "closed").mkdir(mode=0o500)
        target = tmp_path / "closed" / "lake"
    done = run("init", target)
    assert done.returncode not in (0, 1, 2)
    assert done.stderr.startswith("datalake: ")
    assert str(target) in done.stderr
