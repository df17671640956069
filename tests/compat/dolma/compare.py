#!/usr/bin/env python3
"""Runs the real toolkit and our program over the same documents and compares all they write.

    compare.py [--documents DIR] [--sample 150] [--mode compat|default|both] [--work DIR]

DIR holds *.jsonl.gz (default: the demo's text, else examples/data). The first --sample documents
of each file are taken, 0 takes all. With `--compat dolma` names and rows of all outputs have to be
equal; without, all but the DIFFERENCES below, which docs/dolma-compat.md explains. Needs the
toolkit: setup_oracle.py. Prints the cost of each command, then `N passed, N failed`.
"""

import argparse
import itertools
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests/cases"), str(Path(__file__).resolve().parent)]
import case_files  # noqa: E402
import configs  # noqa: E402
import toolkit  # noqa: E402

# Outputs that are to differ without --compat, with the heading of docs/dolma-compat.md.
DIFFERENCES = {
    "mixed/float_literal": "Numbers are compared as numbers",
}


@dataclass
class Side:
    """One of the two programs with its own copy of the documents below `root`."""

    name: str
    command: list[str]
    root: Path
    cost: dict[str, str] = field(default_factory=dict)

    def run_all(self) -> None:
        """Tags, marks duplicates and mixes; exits if a command fails."""
        self._run("tag", configs.tag_arguments(self.root))
        for name, config in configs.dedupe_configs(self.root).items():
            self._run(f"dedupe {name}", ["-c", self._write(config, name), "dedupe"])
        for name, config in configs.mix_configs(self.root).items():
            self._run(f"mix {name}", ["-c", self._write(config, name), "mix"])

    def outputs(self) -> dict[str, dict[str, list[str]]]:
        """Rows by file, per output folder."""
        found: dict[str, dict[str, list[str]]] = {}
        made = self.root / "attributes" / configs.SPANS
        folders = {*self.root.glob("attributes/*"), *self.root.glob("mixed/*")} - {made}
        for folder in sorted(folders):
            files = sorted(
                path
                for path in folder.rglob("*")
                if path.is_file() and path.parent.name != ".datalake"
            )
            rows = {str(path.relative_to(folder)): case_files.rows(path) for path in files}
            found[str(folder.relative_to(self.root))] = rows
        return found

    def _write(self, config: configs.Config, name: str) -> str:
        path = self.root / f"{name}.yaml"
        path.write_text(json.dumps(config, indent=1), "utf-8")  # JSON is YAML
        return str(path)

    def _run(self, label: str, arguments: list[str]) -> None:
        done = toolkit.run([*self.command, *arguments], self.root)
        if done.exit_code != 0:
            sys.exit(f"compare.py: {self.name}: {label}: exit {done.exit_code}: {done.message}")
        self.cost[label] = f"{done.cpu_s:.2f} s of CPU, {done.wall_s:.2f} s"


def sampled(folder: Path, count: int) -> dict[str, list[str]]:
    """The first `count` lines of each document file; 0 means all."""
    files = sorted(folder.glob("*.jsonl.gz"))
    if not files:
        sys.exit(f"compare.py: no *.jsonl.gz in {folder}")
    return {path.name: case_files.rows(path)[: count or None] for path in files}


def lay_out(side: Side, documents: dict[str, list[str]]) -> None:
    """Writes the documents, and the attributes SPANS made from them, below the side's folder."""
    for name, lines in documents.items():
        spans = []
        for line in lines:
            document = json.loads(line)
            made = configs.span_attributes(document["text"], random.Random(document["id"]))
            spans.append(json.dumps({"id": document["id"], "attributes": made}))
        for folder, rows in (("documents", lines), (f"attributes/{configs.SPANS}", spans)):
            path = side.root / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            case_files.write_rows(path, rows)


def compare(mode: str, ours: Side, theirs: Side) -> Iterator[tuple[str, str]]:
    """Yields (output, what is wrong or '') for every output of either side."""
    left, right = ours.outputs(), theirs.outputs()
    for output in sorted(left.keys() | right.keys()):
        got, want = left.get(output, {}), right.get(output, {})
        if mode == "default" and output.startswith("mixed/"):  # names of shards are ours
            got, want = ({"": list(itertools.chain(*side.values()))} for side in (got, want))
        problem = case_files.difference(got, want)
        if mode == "default" and (reason := DIFFERENCES.get(output)):
            problem = "" if problem else f"equal, but it has to differ: {reason}"
            output = f"{output}, where «{reason}»"
        yield f"{output} ({sum(map(len, want.values()))} rows)", problem


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    demo = ROOT / ".cache/demo/text/documents"
    shipped = ROOT / "examples/data/documents"
    parser.add_argument("--documents", type=Path, default=demo if demo.exists() else shipped)
    parser.add_argument("--sample", type=int, default=150)
    parser.add_argument("--mode", choices=["compat", "default", "both"], default="both")
    parser.add_argument("--work", type=Path, help="where to keep everything that is written")
    parser.add_argument("--program", type=Path, default=toolkit.PROGRAM)
    parser.add_argument("--toolkit", type=Path, default=toolkit.TOOLKIT)
    args = parser.parse_args()
    for program, remedy in ((args.program, "make build"), (args.toolkit, "setup_oracle.py")):
        if not program.exists():
            sys.exit(f"compare.py: not found: {program}; run {remedy}")
    work = args.work or Path(tempfile.mkdtemp(prefix="datalake-dolma-"))
    documents = sampled(args.documents, args.sample)
    size = sum(len(line.encode()) for lines in documents.values() for line in lines) / 1e6
    print(f"{sum(map(len, documents.values()))} documents, {size:.1f} MB of {args.documents}")
    sides = {"toolkit": Side("toolkit", [str(args.toolkit)], work / "toolkit")}
    program = str(args.program.resolve())
    if args.mode != "default":
        sides["compat"] = Side("compat", [program, "--compat", "dolma"], work / "compat")
    if args.mode != "compat":
        sides["default"] = Side("default", [program], work / "default")
    for side in sides.values():
        lay_out(side, documents)
        side.run_all()
    for label, cost in sides["toolkit"].cost.items():
        costs = [f"{name} {side.cost[label]}" for name, side in sides.items() if name != "toolkit"]
        print(f"{label}: toolkit {cost}; {'; '.join(costs)}")
    passed = failed = 0
    for mode in sides.keys() - {"toolkit"}:
        for output, problem in compare(mode, sides[mode], sides["toolkit"]):
            passed, failed = passed + (not problem), failed + bool(problem)
            print(f"{'FAIL' if problem else 'ok  '} {mode} {output} {problem}".rstrip())
    if not args.work:
        shutil.rmtree(work)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
