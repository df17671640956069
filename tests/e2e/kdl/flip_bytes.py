"""Flips every byte of a small lake, one at a time, and reads the lake again: each flip must be
detected (an error of a reader, or a finding of `verify --deep`) or harmless (the same answers). An
answer that differs in silence is wrong, and so is a reader that crashes or hangs.

    python tests/e2e/kdl/flip_bytes.py                full run: some minutes
    python tests/e2e/kdl/flip_bytes.py --sample 200   a seeded part
    python tests/e2e/kdl/flip_bytes.py --only log/    the files whose path begins so
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from kdl_lake import KdlLake, png

# Text of people, edited by hand, with nothing to compare it with; how far a job went; caches; empty
# folders here: a write-ahead log's bytes are flipped by wal/segment_test.cc.
NOT_COVERED = ("config/", "jobs/", "index/", "staging/", "wal/")
# Folders with questions of their own; for other files all are asked.
KINDS = ("", "assets", "catalog", "collections")
HANG_SECONDS = 120


def make_lake(path: Path) -> KdlLake:
    """Pictures with captions in two versions, a collection of them, and a takedown from both."""
    import pyarrow as pa

    kdl = KdlLake(path)
    rows: dict[str, list[Any]] = {
        "image": [png(n) for n in range(3)],
        "caption": [f"picture {n}" for n in range(3)],
    }
    kdl.lake.upload(pa.table(rows), "test", "pictures")
    kdl.ok("process")
    kdl.lake.upload(pa.table({k: v[:1] for k, v in rows.items()}), "test", "pictures")
    kdl.ok("process")
    kdl.ok("collections", "save", "train", "--dataset", "pictures")
    bad = kdl.rows("pictures")[2]["hash"]
    kdl.ok("takedown", "--asset", bad, "--reason", "a test", "--yes")
    return kdl


def answers(path: Path, kind: str = "") -> str:
    """What a reader gets from the lake, as text; raises where the lake says that it is damaged.
    With a folder of KINDS only the questions whose answers depend on it."""
    import datalake

    lake = datalake.open(path)
    found: dict[str, Any] = {}
    if kind in ("", "catalog"):
        found["pictures"] = lake.search(datasets=["pictures"]).to_pylist()
        found["one"] = lake.search(datasets=["pictures"], where="caption > 'picture 0'").to_pylist()
        catalog = lake.sql("select dataset, variant, rows from catalog order by all")
        found["count"] = catalog.to_pylist()
    if kind in ("", "assets", "catalog"):
        found["assets"] = lake.sql("select * from assets order by sha256").to_pylist()
    if kind in ("", "collections"):
        found["collections"] = lake.list_collections()
        found["train"] = lake.load_collection("train").table().to_pylist()
        found["first"] = lake.sql('select * from collections."train/v1"').to_pylist()
    return json.dumps(found, default=str, sort_keys=True)


def findings(path: Path) -> str:
    """What `verify --deep` says, but for the time; raises where it cannot say anything."""
    import datalake

    report = datalake.open(path).verify(deep=True)
    del report["timestamp"]
    return json.dumps(report, sort_keys=True)


@dataclass
class Outcome:
    """What became of the flips, by kind of file."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


TRUTH: dict[str, str] = {}


def remember(truth: dict[str, str]) -> None:
    TRUTH.update(truth)


def judge(root: Path, name: str) -> str:
    """In the process that reads."""
    kind = name.split("/")[0]
    kind = kind if kind in KINDS else ""
    try:
        if answers(root, kind) != TRUTH[kind]:
            return "wrong"
    except Exception:
        return "detected"
    try:
        return "harmless" if findings(root) == TRUTH["verify"] else "verify"
    except Exception:
        return "verify"


class Reader:
    """Asks for answers in a process of its own, which may crash or hang."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.truth = {name: answers(root, name) for name in KINDS}
        self.truth["verify"] = findings(root)
        self.pool = self._new_pool()

    def _new_pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            1,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=remember,
            initargs=(self.truth,),
        )

    def ask(self, name: str) -> str:
        """What the lake says after a change of one file: "harmless", "detected" (by a reader),
        "verify" (detected by it alone), "wrong", "crashed" or "hung"."""
        try:
            return self.pool.submit(judge, self.root, name).result(HANG_SECONDS)
        except (BrokenProcessPool, TimeoutError) as error:
            for process in multiprocessing.active_children():
                process.kill()
            self.pool.shutdown(wait=False, cancel_futures=True)
            self.pool = self._new_pool()
            return "crashed" if isinstance(error, BrokenProcessPool) else "hung"

    def close(self) -> None:
        self.pool.shutdown()


def flips(root: Path, sample: int, seed: int, only: str) -> list[tuple[Path, int, int]]:
    """Which byte of which file, and the bit to turn."""
    chosen = random.Random(seed)
    every = [
        (path, at)
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.is_symlink()
        for at in range(path.stat().st_size)
        if not str(path.relative_to(root)).startswith(NOT_COVERED)
        and str(path.relative_to(root)).startswith(only)
    ]
    if sample:
        every = chosen.sample(every, min(sample, len(every)))
    return [(path, at, 1 << chosen.randrange(8)) for path, at in every]


def kind_of(name: str) -> str:
    """A word for the kind of a file, for the counts."""
    if "_delta_log" in name:
        return "catalog, log"
    if name.endswith(".parquet"):
        return "catalog, rows"
    top = name.split("/")[0]
    return f"{top}, {Path(name).name}" if top == "collections" else top


def run(root: Path, sample: int, seed: int, *, only: str = "", report: bool = False) -> Outcome:
    make_lake(root)
    outcome = Outcome()
    reader = Reader(root)
    assert reader.ask("") == "harmless"
    started = time.monotonic()
    chosen = flips(root, sample, seed, only)
    if report:
        print(f"{len(chosen)} bytes to flip", flush=True)
    for done, (path, at, bit) in enumerate(chosen):
        data = path.read_bytes()
        mode = path.stat().st_mode
        times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
        path.chmod(0o644)
        flipped = bytearray(data)
        flipped[at] ^= bit
        path.write_bytes(flipped)
        name = str(path.relative_to(root))
        result = reader.ask(name)
        outcome.counts[f"{kind_of(name)}: {result}"] += 1
        if result in ("wrong", "crashed", "hung"):
            outcome.wrong.append(f"{name} byte {at} bit {bit:#04x}: {result}")
            if report:
                print("WRONG", outcome.wrong[-1], flush=True)
        path.write_bytes(data)
        path.chmod(mode)
        os.utime(path, ns=times)
        if report and done % 500 == 499:
            rate = (done + 1) / (time.monotonic() - started)
            print(f"{done + 1}/{len(chosen)} {rate:.0f}/s {len(outcome.wrong)} wrong", flush=True)
    assert reader.ask("") == "harmless"
    reader.close()
    return outcome


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=0, help="flips; 0: every byte")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="only files whose path begins so")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "lake"
        outcome = run(root, options.sample, options.seed, only=options.only, report=True)
    for kind, count in sorted(outcome.counts.items()):
        print(f"{kind:<44} {count}")
    for wrong in outcome.wrong:
        print("WRONG", wrong)
    total = sum(outcome.counts.values())
    print(f"{total} bytes flipped, {len(outcome.wrong)} wrong")
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
