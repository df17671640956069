"""Hostile long lines: dedupe and mix stay below 1 GiB of memory, beside the keys.

A line of 100 MB made of newlines is a text of 50 million empty paragraphs; one of single letters
has as many words, and n-grams, in one paragraph.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from built import built

PROGRAM = built("bin/datalake")
MOST_BYTES = 1 << 30
LONG, SHORTER = 100_000_000, 30_000_000  # bytes of the line


def peak_bytes(words: Sequence[str], cwd: Path) -> int:
    """Runs the program; returns its largest resident memory.

    From a small program between: a child's figure begins with the memory of who started it, and
    pytest is large.
    """
    between = (
        "import resource, subprocess, sys;"
        "code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode;"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(code)"
    )
    command = [sys.executable, "-c", between, str(PROGRAM), "--quiet", *words]
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0
    return int(done.stdout) * 1024


def write_documents(root: Path, unit: str, size: int) -> None:
    """Two documents: a long one of repeated units, as JSON has them, and a short one."""
    path = root / "documents/a.jsonl"
    path.parent.mkdir(parents=True)
    with path.open("w") as file:
        file.write('{"id":"long","text":"' + unit * (size // len(unit)) + '"}\n')
        file.write('{"id":"short","text":"short"}\n')


NGRAMS = {"ngram_length": 13, "stride": 1, "overlap_threshold": 0.5}


@pytest.mark.parametrize(
    ("size", "unit", "options"),
    [
        (LONG, "\\n", {}),
        (SHORTER, "x\\n", {"by_ngram": {"ngram_length": 2, "overlap_threshold": 0.5}}),
        (SHORTER, "x ", {"by_ngram": NGRAMS}),
        (SHORTER, "x.", {"by_ngram": NGRAMS}),
    ],
)
def test_dedupe_of_a_long_line_of_short_units(
    size: int, unit: str, options: dict[str, object], tmp_path: Path
) -> None:
    write_documents(tmp_path, unit, size)
    body = {"name": "d", "paragraphs": {"attribute_name": "d", **options}}
    config = {"documents": ["documents/*"], "dedupe": body, "processes": 2}
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    assert peak_bytes(["-c", "config.yaml", "dedupe"], tmp_path) < MOST_BYTES * size // LONG
    with (tmp_path / "attributes/d/a.jsonl").open("rb") as rows:
        assert sum(block.count(b"\n") for block in iter(lambda: rows.read(1 << 20), b"")) == 2


def test_mix_of_a_long_line_with_many_spans(tmp_path: Path) -> None:
    write_documents(tmp_path, "x ", SHORTER)
    attributes = tmp_path / "attributes/a/a.jsonl"
    attributes.parent.mkdir(parents=True)
    with attributes.open("w") as file:
        spans = ",".join(f"[{at},{at + 1},1]" for at in range(0, 600_000, 2))
        file.write('{"id":"long","attributes":{"s":[' + spans + "]}}\n")
        file.write('{"id":"short","attributes":{}}\n')
    rule = {"span": "$.attributes.s", "min_score": 0.5, "replacement": "<{}>"}
    stream = {
        "name": "m",
        "documents": ["documents/*"],
        "attributes": ["a"],
        "output": {"path": "out"},
        "span_replacement": [rule],
    }
    (tmp_path / "config.yaml").write_text(json.dumps({"streams": [stream], "processes": 2}))
    assert peak_bytes(["-c", "config.yaml", "mix"], tmp_path) < MOST_BYTES // 2
