"""What the curation commands write, read by other programs; documents of a lake; continuing."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from pathlib import Path

import duckdb
import polars
import pyarrow as pa
import pytest
from built import built

PROGRAM = built("bin/datalake")
TAGGERS = ("--taggers", "gopher_v2", "char_length_v1", "--experiment", "e")


def run(*words: str | Path, cwd: Path, code: int = 0) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DATALAKE")}
    command = [str(PROGRAM), "--quiet", *map(str, words)]
    done = subprocess.run(
        command, cwd=cwd, env=environment, text=True, capture_output=True, check=False, timeout=120
    )
    assert done.returncode == code, done.stderr
    return done.stderr


def documents(count: int) -> list[dict[str, str]]:
    text = "The quick brown fox jumps over the lazy dog, and so on.\n"
    return [{"id": f"d{i}", "text": text * (i % 40), "source": "made"} for i in range(count)]


def lines(rows: list[dict[str, str]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents/a.jsonl.gz").write_bytes(gzip.compress(lines(documents(6000))))
    return tmp_path


def attributes(path: Path) -> list[dict[str, object]]:
    with pa.OSFile(str(path)) as raw:
        suffix = {".zst": "zstd", ".gz": "gzip"}.get(path.suffix)
        stream = pa.CompressedInputStream(raw, suffix) if suffix else raw
        return [json.loads(line) for line in stream.read().splitlines()]


def test_compressed_attributes_are_read_by_others_and_do_not_depend_on_threads(
    corpus: Path,
) -> None:
    for suffix in ("gz", "zst"):
        made = []
        for threads in ("1", "2", "8"):
            out = corpus / f"{suffix}-{threads}"
            run(
                *("tag", "--documents", "documents/*.gz", "--destination", out, *TAGGERS),
                *("--compression.output", suffix, "--processes", threads),
                cwd=corpus,
            )
            made.append((out / f"a.jsonl.{suffix}").read_bytes())
        assert made[0] == made[1] == made[2]
        # Python's gzip and Arrow's zstd know nothing of our frames.
        if suffix == "gz":
            rows = [json.loads(line) for line in gzip.decompress(made[0]).splitlines()]
        else:
            rows = attributes(corpus / "zst-1/a.jsonl.zst")
        assert [row["id"] for row in rows] == [row["id"] for row in documents(6000)]


def test_parquet_attributes_are_those_of_lines_in_duckdb_and_polars(corpus: Path) -> None:
    tag = ("tag", "--documents", "documents/*.gz", *TAGGERS)
    run(*tag, "--destination", "lines", "--compression.output", "none", cwd=corpus)
    run(*tag, "--attributes-format", "parquet", cwd=corpus)
    rows = attributes(corpus / "lines/a.jsonl")
    path = corpus / "attributes/e/a.parquet"
    table = polars.read_parquet(path)
    assert table["id"].to_list() == [row["id"] for row in rows]
    for key in ("e__gopher_v2__word_count", "e__char_length_v1__length"):
        expected = [row["attributes"][key] for row in rows]  # type: ignore[index]
        read = [
            [[s["start"], s["end"], s["score"]] for s in spans] for spans in table[key].to_list()
        ]
        assert read == expected
    query = f"select sum(e__char_length_v1__length[1].score) from '{path}'"
    found = duckdb.sql(query).fetchone()
    assert found == (sum(len(row["text"]) for row in documents(6000)),)


def test_an_output_of_other_options_is_made_anew(corpus: Path) -> None:
    tag = ("tag", "--documents", "documents/*.gz", "--experiment", "e", "--taggers")
    run(*tag, "char_length_v1", cwd=corpus)
    path = corpus / "attributes/e/a.jsonl.gz"
    first = path.stat().st_mtime_ns
    run(*tag, "char_length_v1", cwd=corpus)
    assert path.stat().st_mtime_ns == first
    run(*tag, "gopher_v2", cwd=corpus)
    assert "e__gopher_v2__word_count" in attributes(path)[0]["attributes"]  # type: ignore[operator]


def test_tables_of_a_lake_are_documents_of_all_three_commands(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_bytes(lines(documents(500)))
    run("init", "lake", cwd=tmp_path)
    for variant in ("en", "de"):
        upload = ("upload", "rows.jsonl", "--provider", "opensource", "--dataset", "texts")
        run("--lake", "lake", *upload, "--variant", variant, cwd=tmp_path)
        run("--lake", "lake", "process", cwd=tmp_path)
    catalog = sorted((tmp_path / "lake/catalog").rglob("*.parquet"))
    before = [path.read_bytes() for path in catalog]
    assert len(before) == 2

    source = "lake:opensource/texts/raw"
    tag = ("--lake", "lake", "tag", *TAGGERS, "--documents")
    run(*tag, f"{source}?variant=en", cwd=tmp_path)
    made = list((tmp_path / "lake-documents/attributes/e").rglob("*.jsonl.zst"))
    assert [path.parent.name for path in made] == ["variant=en"]
    run(*tag, source, "--destination", "out", cwd=tmp_path)
    assert len(list((tmp_path / "out").rglob("*.jsonl.zst"))) == 2
    run(*tag, f"{source}@1", "--destination", "one", cwd=tmp_path)
    assert len(list((tmp_path / "one").rglob("*.jsonl.zst"))) == 1
    assert "there are: de, en" in run(*tag, f"{source}?variant=fr", cwd=tmp_path, code=11)
    says = run(*tag, source, "--lake-documents", "lake/x", cwd=tmp_path, code=10)
    assert "outside the lake" in says

    (tmp_path / "dedupe.json").write_text(
        json.dumps(
            {
                "documents": [source],
                "dedupe": {
                    "name": "dd",
                    "documents": {"key": "$.text", "attribute_name": "dup"},
                    "skip_empty": True,
                },
            }
        )
    )
    run("--lake", "lake", "-c", "dedupe.json", "dedupe", cwd=tmp_path)
    (tmp_path / "mix.json").write_text(
        json.dumps(
            {
                "streams": [
                    {
                        "name": "s",
                        "documents": [source],
                        "attributes": ["dd"],
                        "filter": {
                            "include": [],
                            "exclude": [
                                "$@.attributes[?(@.dup && @.dup[0] && @.dup[0][2] >= 1.0)]"
                            ],
                        },
                        "output": {"path": "mixed", "max_size_in_bytes": 10_000_000},
                    }
                ]
            }
        )
    )
    run("--lake", "lake", "-c", "mix.json", "mix", cwd=tmp_path)
    kept = [
        json.loads(line)
        for path in sorted((tmp_path / "mixed").glob("*.gz"))
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]
    texts = [row["text"] for row in kept if row["text"]]
    assert len(texts) == len(set(texts)) == 39
    assert [path.read_bytes() for path in catalog] == before
