#!/usr/bin/env python3
"""Runs the real toolkit and our program over the same documents and compares all they write.

    compare.py [--small] [--mode compat|default|both] [--toolkit-only] [JOB ...]

Every job of jobs.py: each tagger on 1.7 MB of real text in many languages, source code and pages;
gopher_v2, c4_v2, dedupe and mix on 52 MB. --small leaves out the big ones. What the toolkit wrote
is kept in .cache/dolma-compare by a hash of its input, so that a second run costs only ours.
With `--compat dolma` names and rows of all outputs have to be equal, but for the few rows that a
job allows; without, a job may differ if it says under which heading of docs/dolma-compat.md that is
explained. Needs the toolkit: setup_oracle.py. Prints a line a job with the cost of both, the known
differences, then `N passed, N failed`.
"""

import argparse
import hashlib
import itertools
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests/cases"), str(Path(__file__).resolve().parent)]
import case_files  # noqa: E402
import corpora  # noqa: E402
import jobs  # noqa: E402
import toolkit  # noqa: E402

MODES = {"compat": ["--compat", "dolma"], "default": []}
COST = "cost.json"
OWN_FOLDER = ".datalake"  # our notes of what is done

Files = dict[str, list[str]]


def lay_out(job: jobs.Job, root: Path, store: "Store") -> None:
    """The inputs of `job` below the empty folder `root`, as links where they are files."""
    corpus = corpora.folder(job.corpus, job.megabytes)
    folders = [corpus / "documents"]
    if job.command == "mix":
        folders.append(corpus / "attributes" / corpora.SPANS)
        for need in job.needs:
            folders += sorted((store.made(jobs.JOBS[need]) / "attributes").iterdir())
    for source in folders:
        target = root / ("documents" if source.name == "documents" else f"attributes/{source.name}")
        target.mkdir(parents=True)
        for path in source.iterdir():
            os.link(path, target / path.name)
    if "lists" in job.config:
        (root / "lists").mkdir()
        (root / "lists/list.txt").write_text(jobs.LIST, "utf-8")


def run(program: list[str], job: jobs.Job, root: Path, for_toolkit: bool) -> toolkit.Done:
    """Runs `job` in `root`, which lay_out made."""
    config = json.loads(json.dumps(job.config).replace("$ROOT", str(root)))
    if for_toolkit and (lists := config.pop("lists", None)):
        config["tagger_modules"] = [str(toolkit.lists_module(lists, root))]
    path = root / "config.yaml"
    path.write_text(json.dumps(config), "utf-8")  # JSON is YAML
    return toolkit.run([*program, "-c", str(path), job.command], root)


def inputs_of(job: jobs.Job) -> set[str]:
    """Folders below attributes/ that are no output."""
    return {corpora.SPANS, *job.needs}


def outputs(job: jobs.Job, root: Path) -> Files:
    """Rows by file."""
    found: Files = {}
    for path in sorted([*root.glob("attributes/*/**/*"), *root.glob("mixed/**/*")]):
        name = path.relative_to(root)
        is_input = name.parts[0] == "attributes" and name.parts[1] in inputs_of(job)
        is_report = path.name == case_files.RUN_REPORT
        if path.is_file() and not (is_input or is_report) and OWN_FOLDER not in name.parts:
            found[str(name)] = case_files.rows(path)
    return found


class Store:
    """What the toolkit wrote, by a hash of what it read."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._program = program
        self._folder = folder
        requirements = Path(__file__).with_name("requirements.txt").read_bytes()
        self._toolkit = hashlib.sha256(requirements).hexdigest()

    def key(self, job: jobs.Job) -> str:
        digest = hashlib.sha256(f"{self._toolkit}{job.command}{job.corpus}".encode())
        digest.update(json.dumps([job.config, jobs.LIST, corpora.VERSION, job.megabytes]).encode())
        for need in job.needs:
            digest.update(self.key(jobs.JOBS[need]).encode())
        return f"{job.name}-{digest.hexdigest()[:16]}"

    def made(self, job: jobs.Job) -> Path:
        """The folder with the outputs of `job` and COST; runs the toolkit if they are not kept."""
        kept = self._folder / self.key(job)
        if kept.exists():
            return kept
        self._folder.mkdir(parents=True, exist_ok=True)
        for need in job.needs:
            self.made(jobs.JOBS[need])
        with tempfile.TemporaryDirectory(dir=self._folder, prefix="run-") as folder:
            root = Path(folder)
            lay_out(job, root, self)
            done = run([str(self._program)], job, root, for_toolkit=True)
            if done.exit_code != 0:
                sys.exit(f"compare.py: toolkit: {job.name}: {done.message[-2000:]}")
            work = root / "kept"
            for name in ("attributes", "mixed"):
                if (root / name).exists():
                    shutil.move(root / name, work / name)
            for name in inputs_of(job):
                shutil.rmtree(work / "attributes" / name, ignore_errors=True)
            work.mkdir(exist_ok=True)
            (work / COST).write_text(json.dumps([done.cpu_s, done.wall_s]))
            work.rename(kept)
        return kept


def differing(got: Files, want: Files) -> tuple[int, str]:
    """How many rows differ, and the first of them; -1 if files or their lengths do."""
    if sorted(got) != sorted(want):
        return -1, f"files {sorted(got)}, expected {sorted(want)}"
    count, first = 0, ""
    for name, want_rows in want.items():
        if len(got[name]) != len(want_rows):
            return -1, f"{name}: {len(got[name])} rows, expected {len(want_rows)}"
        for number, (left, right) in enumerate(zip(got[name], want_rows, strict=True), 1):
            if left == right:
                continue
            if problem := case_files.difference({"": [left]}, {"": [right]}):
                count += 1
                first = first or f"{name}:{number}: {problem}"
    return count, first


def one_file(job: jobs.Job, mode: str, files: Files) -> Files:
    """Names of shards are ours without --compat."""
    if mode == "default" and job.command == "mix":
        return {"": list(itertools.chain(*files.values()))}
    return files


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("only", nargs="*", help="names of jobs (default: all)")
    parser.add_argument("--small", action="store_true", help="leave out what reads 52 MB")
    parser.add_argument("--mode", choices=["compat", "default", "both"], default="both")
    parser.add_argument("--toolkit-only", action="store_true", help="only fill the cache")
    parser.add_argument("--program", type=Path, default=toolkit.PROGRAM)
    parser.add_argument("--toolkit", type=Path, default=toolkit.TOOLKIT)
    args = parser.parse_args()
    if unknown := set(args.only) - jobs.JOBS.keys():
        sys.exit(f"compare.py: no such job: {sorted(unknown)}; there are {sorted(jobs.JOBS)}")
    for program, remedy in ((args.program, "make build"), (args.toolkit, "setup_oracle.py")):
        if not program.exists():
            sys.exit(f"compare.py: not found: {program}; run {remedy}")
    store = Store(args.toolkit, corpora.CACHE / "toolkit")
    modes = [] if args.toolkit_only else [m for m in MODES if args.mode in (m, "both")]
    passed = failed = 0
    known = []
    for job in jobs.JOBS.values():
        if (args.only and job.name not in args.only) or (args.small and job.megabytes > 10):
            continue
        kept = store.made(job)
        cpu_s, _ = json.loads((kept / COST).read_text())
        want = outputs(job, kept) if modes else {}
        rows = sum(map(len, want.values()))
        print(f"{job.name}: {job.megabytes:g} MB, toolkit {cpu_s:.1f} s of CPU", flush=True)
        for mode in modes:
            with tempfile.TemporaryDirectory(dir=corpora.CACHE, prefix="ours-") as folder:
                lay_out(job, Path(folder), store)
                program = [str(args.program.resolve()), *MODES[mode]]
                done = run(program, job, Path(folder), for_toolkit=False)
                if done.exit_code == 0:
                    got = one_file(job, mode, outputs(job, Path(folder)))
                    count, problem = differing(got, one_file(job, mode, want))
                else:
                    count, problem = -1, f"exit {done.exit_code}: {done.message[-500:]}"
            verdict = f"{rows} rows equal"
            is_known = bool(job.differs) and (mode == "default" or 0 < count <= job.rows)
            if problem and is_known and done.exit_code == 0:
                verdict = f"{count} of {rows} rows differ: «{job.differs}»"
                if count < 0:
                    verdict = f"other rows: «{job.differs}»"
                known.append(f"| {mode} | {job.name} | {verdict} |")
                problem = ""
            passed, failed = passed + (not problem), failed + bool(problem)
            line = f"{count} rows differ, first {problem}" if problem else verdict
            print(f"{'FAIL' if problem else 'ok  '} {mode} {job.name} {done.cpu_s:.2f} s: {line}")
    print("known differences:", *known, sep="\n" if known else " none\n")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not (passed or args.toolkit_only) else 0


if __name__ == "__main__":
    sys.exit(main())
