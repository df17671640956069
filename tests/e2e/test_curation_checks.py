"""Checks of tests/cases/CHECKS.md that need several files, other commands or a full disk."""

from __future__ import annotations

import gzip
import json
import random
import resource
import signal
import subprocess
from pathlib import Path

import pyarrow as pa
import pytest
from built import built

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = built("bin/datalake")
USAGE, INVALID, CORRUPT = 2, 10, 16


def run(root: Path, command: str, config: dict[str, object], *words: str) -> str:
    """Runs a command that has to succeed; returns its messages."""
    done = start(root, command, config, *words)
    assert done.returncode == 0, done.stderr
    return done.stderr


def start(
    root: Path, command: str, config: dict[str, object], *words: str
) -> subprocess.CompletedProcess[str]:
    path = root / f"{command}.yaml"
    path.write_text(json.dumps(config).replace("$ROOT", str(root)), "utf-8")
    line = [str(PROGRAM), *words, "-c", str(path), command]
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=60)


def document(name: str, text: str = "some text") -> dict[str, object]:
    return {"id": name, "text": text, "source": "s"}


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        half = len(data) // 2
        data = gzip.compress(data[:half]) + gzip.compress(data[half:])
    elif path.suffix in (".zst", ".zstd"):
        data = pa.compress(data, codec="zstd", asbytes=True)
    path.write_bytes(data)
    return path


def shown(root: Path) -> list[str]:
    """Files that a person or a pattern sees."""
    files = (path for path in root.rglob("*") if path.is_file() and path.name != "report.json")
    names = (str(path.relative_to(root)) for path in files)
    return sorted(name for name in names if "/." not in f"/{name}")


TAG: dict[str, object] = {
    "documents": ["$ROOT/documents/*"],
    "experiment": "e",
    "taggers": ["char_length_v1"],
}


def mix(**stream: object) -> dict[str, object]:
    body = {"name": "m", "documents": ["$ROOT/documents/*"], "output": {"path": "$ROOT/out"}}
    return {"streams": [{**body, "filter": {"exclude": ["$.none"]}, **stream}]}


def dedupe(**options: object) -> dict[str, object]:
    unit = {"documents": {"attribute_name": "d", "key": "$.text"}}
    size = {"estimated_doc_count": 1000, "desired_false_positive_rate": 1e-6}
    filter_file = {"file": "$ROOT/filter.bin", "read_only": False, **size}
    body = {"name": "d", **unit, **options}
    return {"documents": ["$ROOT/documents/*"], "dedupe": body, "bloom_filter": filter_file}


COMMANDS = {"tag": TAG, "dedupe": dedupe(), "mix": mix()}


@pytest.mark.parametrize("words", [("--compat", "dolma"), ()])
def test_check_19_shards_are_cut_by_size(tmp_path: Path, words: tuple[str, ...]) -> None:
    rng = random.Random(19)
    for number in range(3):
        text = "".join(rng.choices("abcdefghijklmnop", k=58_000))
        write(tmp_path / f"documents/{number}.jsonl", [document(str(number), text)])
    output = {"path": "$ROOT/out", "max_size_in_bytes": 100_000}
    run(tmp_path, "mix", mix(output=output), *words)
    last = "m-0002.json.gz" if words else "m-0002.jsonl.gz"
    assert shown(tmp_path / "out") == ["m-0000.jsonl.gz", "m-0001.jsonl.gz", last]


def test_check_20_without_shuffle_the_tree_is_mirrored(tmp_path: Path) -> None:
    for name in ("a/1.jsonl", "a/b/2.jsonl", "3.jsonl"):
        write(tmp_path / "documents" / name, [document(name)])
    config = mix(documents=["$ROOT/documents/**/*.jsonl"])
    run(tmp_path, "mix", {**config, "shuffle": False})
    found = {name.split(".")[0] for name in shown(tmp_path / "out")}
    assert found == {"documents/a/1", "documents/a/b/2", "documents/3"}


def test_check_31_an_integer_id_is_named_with_file_and_line(tmp_path: Path) -> None:
    rows = [document("a"), {**document("b"), "id": 7}]
    path = write(tmp_path / "documents/in.jsonl", rows)
    done = start(tmp_path, "tag", TAG)
    assert done.returncode in (INVALID, CORRUPT)
    assert f"{path}:2" in done.stderr
    assert "id" in done.stderr
    assert shown(tmp_path) == ["documents/in.jsonl", "tag.yaml"]


@pytest.mark.parametrize(
    ("words", "name"),
    [((), "attributes/e/a/1.jsonl.gz"), (("--compat", "dolma"), "attributes/e/1.jsonl.gz")],
)
def test_check_32_attributes_keep_folders(
    tmp_path: Path, words: tuple[str, ...], name: str
) -> None:
    write(tmp_path / "documents/a/1.jsonl.gz", [document("x")])
    run(tmp_path, "tag", {**TAG, "documents": ["$ROOT/documents/*/*.gz"]}, *words)
    assert name in shown(tmp_path)


def test_check_33_finished_files_are_skipped_in_nested_folders(tmp_path: Path) -> None:
    for name in ("a/1.jsonl", "a/b/2.jsonl"):
        write(tmp_path / "documents" / name, [document(name)])
    config = {**TAG, "documents": ["$ROOT/documents/**/*.jsonl"]}
    run(tmp_path, "tag", config)
    made = [tmp_path / "attributes/e" / name for name in ("a/1.jsonl", "a/b/2.jsonl")]
    before = [path.stat().st_ino for path in made]
    run(tmp_path, "tag", config)
    assert [path.stat().st_ino for path in made] == before


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("suffix", ["jsonl", "json", "jsonl.gz", "jsonl.zst", "jsonl.zstd"])
def test_check_45_every_command_reads_every_compression(
    tmp_path: Path, command: str, suffix: str
) -> None:
    write(tmp_path / f"documents/in.{suffix}", [document("a"), document("b"), document("c")])
    run(tmp_path, command, COMMANDS[command])
    assert len(shown(tmp_path)) > 2


@pytest.mark.parametrize("command", COMMANDS)
def test_check_45_an_unknown_suffix_is_an_error(tmp_path: Path, command: str) -> None:
    write(tmp_path / "documents/in.jsonl.xz", [document("a")])
    done = start(tmp_path, command, COMMANDS[command])
    assert done.returncode not in (0, USAGE)
    assert "in.jsonl.xz" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("words", [("--compat", "dolma"), ()])
def test_check_46_invalid_utf8_names_the_line_and_publishes_nothing(
    tmp_path: Path, command: str, words: tuple[str, ...]
) -> None:
    lines = [json.dumps(document(str(number))).encode() for number in range(10)]
    lines[4] = lines[4].replace(b"some text", b"some \xff text")
    path = tmp_path / "documents/in.jsonl"
    path.parent.mkdir()
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    done = start(tmp_path, command, COMMANDS[command], *words)
    assert done.returncode in (INVALID, CORRUPT)
    assert f"{path}:5" in done.stderr
    assert shown(tmp_path) == sorted(["documents/in.jsonl", f"{command}.yaml"])


def limit_files() -> None:
    """A file that would grow beyond 20 kB is an error, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


@pytest.mark.parametrize("command", ["tag", "mix"])
def test_check_47_a_full_disk_is_an_error_and_leaves_no_output(
    tmp_path: Path, command: str
) -> None:
    rng = random.Random(47)
    rows = [document(f"{rng.random()} {n}", f"{rng.random()}") for n in range(3000)]
    write(tmp_path / "documents/in.jsonl", rows)
    path = tmp_path / f"{command}.yaml"
    path.write_text(json.dumps(COMMANDS[command]).replace("$ROOT", str(tmp_path)), "utf-8")
    done = subprocess.run(
        [str(PROGRAM), "-c", str(path), command],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=limit_files,
    )
    assert done.returncode not in (0, USAGE)
    assert "File too large" in done.stderr
    assert shown(tmp_path) == ["documents/in.jsonl", path.name]
