"""tag, dedupe and mix are killed at random moments, then continued: the same bytes in the end.

DATALAKE_CURATION_KILLS sets how often each of them is killed (default 2; a release: 20). The bytes
do not depend on the number of threads either. A kill may leave hidden temporary files, which no
pattern matches and which the run that continues removes.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from built import built

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = built("bin/datalake")
KILLS = int(os.environ.get("DATALAKE_CURATION_KILLS", "2"))
SEED = 20261121
FILES, LINES = 8, 900
NOTES = ".datalake"  # of what is done, with the times of the inputs
REPORTS = {"report.json"}  # they hold times

Config = dict[str, object]
DOCUMENTS = ["$ROOT/documents/*"]
GOPHER = "@.exp__gopher_v2__word_count[0][2]"
WORDS = ["the", "of", "and", "be", "naïve", "Übung", "数据", "…", "#x"]
WORDS += [f"word{number}" for number in range(3000)]


def bloom(name: str) -> Config:
    size = {"estimated_doc_count": 1_000_000, "desired_false_positive_rate": 1e-9}
    return {"file": f"$ROOT/{name}.bin", "read_only": False, **size}


def dedupe(unit: str, **options: object) -> Config:
    body = {"name": "made", unit: {"attribute_name": "made", **options}}
    return {"documents": DOCUMENTS, "dedupe": body, "bloom_filter": bloom("filter")}


def mix(output: Config, shuffle: bool = True, **stream: object) -> Config:
    source = {"name": "s", "documents": DOCUMENTS, "attributes": ["exp"]}
    streams = [{**source, "output": {"path": "$ROOT/made", **output}, **stream}]
    return {"streams": streams, "shuffle": shuffle}


def cut(size_by: str, compression: str, bytes_: int) -> tuple[str, Config]:
    """Outputs cut by their own size."""
    output: Config = {"max_size_in_bytes": bytes_, "size_by": size_by}
    return ("mix", mix(output, filter=LONG, compression={"output": compression}))


NGRAMS = {"ngram_length": 5, "stride": 2, "overlap_threshold": 0.3}
LONG = {"include": [f"$.attributes[?({GOPHER} > 40)]"]}
JQ_FILTER = {"include": [".attributes.exp__gopher_v2__word_count[0][2] > 40"], "syntax": "jq"}
LINES_RULE = {"span": "$.attributes.lines", "min_score": 0.5, "replacement": "<{}>"}
TAG: Config = {
    "documents": DOCUMENTS,
    "experiment": "made",
    "taggers": ["gopher_v2", "char_length_v1"],
}
MODES: dict[str, tuple[str, Config]] = {
    "tag": ("tag", TAG),
    "tag-zst": ("tag", {**TAG, "compression": {"output": "zst"}}),
    "tag-parquet": ("tag", {**TAG, "attributes_format": "parquet"}),
    "dedupe-documents": ("dedupe", dedupe("documents", key="$.text")),
    "dedupe-paragraphs": ("dedupe", dedupe("paragraphs")),
    "dedupe-spilling": ("dedupe", {**dedupe("paragraphs"), "memory_limit": "100 KiB"}),
    "dedupe-ngrams": ("dedupe", dedupe("paragraphs", by_ngram=NGRAMS)),
    "mix-shards": ("mix", mix({"max_size_in_bytes": 600_000}, filter=LONG)),
    "mix-cut-plain": cut("uncompressed", "none", 200_000),
    "mix-cut-gz": cut("uncompressed", "gz", 300_000),
    "mix-cut-zst": cut("compressed", "zst", 150_000),
    "mix-jq": ("mix", mix({"max_size_in_bytes": 600_000}, filter=JQ_FILTER)),
    "mix-spans": ("mix", mix({}, span_replacement=[LINES_RULE])),
    "mix-mirrored": ("mix", mix({}, shuffle=False, filter=LONG)),
    "mix-zst": ("mix", mix({}, filter=LONG, compression={"output": "zst"})),
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Documents with duplicates of texts and of paragraphs, and attributes beside them."""
    root = tmp_path_factory.mktemp("inputs")
    rng = random.Random(SEED)
    texts: list[str] = []
    for number in range(FILES):
        documents, attributes = [], []
        for line in range(LINES):
            if texts and rng.random() < 0.2:
                text = rng.choice(texts)
            else:
                text = "\n".join(" ".join(rng.choices(WORDS, k=30)) for _ in range(4))
                if texts and rng.random() < 0.2:
                    text += "\n" + rng.choice(texts).split("\n")[0]
                texts.append(text)
            name = f"{number}-{line}"
            documents.append({"id": name, "text": text, "source": "s", "metadata": {"n": line}})
            score = rng.random()
            spans = {"lines": [[0, text.index("\n"), score]]}
            words = {"exp__gopher_v2__word_count": [[0, len(text), rng.randrange(100) / 1]]}
            attributes.append({"id": name, "attributes": {**spans, **words}})
        suffix = ".jsonl.gz" if number % 3 else ".jsonl"
        write(root / f"documents/{number}{suffix}", documents)
        write(root / f"attributes/exp/{number}{suffix}", attributes)
    return root


def write(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data, 1, mtime=0) if path.suffix == ".gz" else data)


def prepare(inputs: Path, root: Path, mode: str, threads: int = 2) -> list[str]:
    """Lays the inputs out below `root`, where nothing else stays; returns the command."""
    shutil.rmtree(root, ignore_errors=True)
    for source in inputs.rglob("*.jsonl*"):
        target = root / source.relative_to(inputs)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(source, target)
    command, config = MODES[mode]
    text = json.dumps({**config, "processes": threads}).replace("$ROOT", str(root))
    (root / "config.yaml").write_text(text, "utf-8")
    return [str(PROGRAM), "-c", str(root / "config.yaml"), command]


def run(command: list[str]) -> float:
    """Runs the command to its end; returns the seconds it took."""
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return time.monotonic() - start


def made(root: Path, inputs: Path) -> dict[str, bytes]:
    """All files below `root` that are neither inputs nor reports nor notes, by name."""
    files = (path for path in root.rglob("*") if path.is_file() and path.name not in REPORTS)
    found = {str(path.relative_to(root)): path.read_bytes() for path in files}
    return {
        name: data
        for name, data in found.items()
        if name != "config.yaml" and not (inputs / name).exists() and not is_internal(name)
    }


def is_internal(name: str) -> bool:
    path = Path(name)
    return NOTES in path.parts or (path.name.startswith(".") and path.suffix in (".tmp", ".lock"))


def shown(root: Path, inputs: Path, want: dict[str, bytes]) -> dict[str, bytes]:
    """Of the files of made, those under a name that a finished run has."""
    return {name: data for name, data in made(root, inputs).items() if name in want}


@pytest.mark.parametrize("mode", MODES)
def test_bytes_do_not_depend_on_threads(mode: str, inputs: Path, tmp_path: Path) -> None:
    found = {}
    for threads in (1, 2, 8):
        run(prepare(inputs, tmp_path / "run", mode, threads))
        found[threads] = made(tmp_path / "run", inputs)
    assert found[1]
    assert sorted(found[2]) == sorted(found[8]) == sorted(found[1])
    assert [name for name in found[1] if found[1][name] != found[2][name]] == []
    assert [name for name in found[1] if found[1][name] != found[8][name]] == []


@pytest.mark.parametrize("mode", MODES)
def test_killed_and_continued_gives_the_same_bytes(mode: str, inputs: Path, tmp_path: Path) -> None:
    rng = random.Random(f"{SEED} {mode}")
    root = tmp_path / "run"
    command = prepare(inputs, root, mode)
    duration_s = run(command)
    want = made(root, inputs)
    killed = 0
    for attempt in range(KILLS + 20):
        if attempt >= KILLS and killed > 0:
            break
        prepare(inputs, root, mode)
        for _ in range(rng.choice([1, 1, 2])):
            process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            time.sleep(rng.uniform(0, duration_s))
            process.kill()
            killed += process.wait() == -signal.SIGKILL
            left = shown(root, inputs, want)
            assert [name for name in left if left[name] != want[name]] == [], "half a file"
        run(command)
        assert [str(path) for path in root.rglob(".*.tmp")] == [], "leftovers of a killed run"
        got = made(root, inputs)
        assert sorted(got) == sorted(want)
        assert [name for name in want if got[name] != want[name]] == []
    assert killed > 0
