"""The folder form of a case, shared by the runner and by the maker of expectations.

`prepare` lays a case out as the toolkit wants it (`documents/`, `attributes/<name>/`),
`collect` reads what a command wrote. In `config.yaml` the word `$WORK` stands for that folder.
Python's standard library only.
"""

import gzip
import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

AREAS = ("tag", "dedupe", "mix")
DOCUMENT_FILE = "in.jsonl"
RUN_REPORT = "report.json"  # of the run, beside its outputs
# A step before the command itself: `before.yaml` over `before/in.jsonl`.
BEFORE = "before"
# Marks a case of something that is not built yet; the file says what.
PENDING = "pending"
# The attribute folder kept as `expect.jsonl`; another one is kept as `expect.<folder>.jsonl`.
USUAL_FOLDER = {"tag": "exp", "dedupe": "dup", "mix": ""}

Rows = list[str]
Outputs = dict[str, Rows]


def find_cases(root: Path, areas: tuple[str, ...] = AREAS) -> Iterator[Path]:
    """Folders of all cases of `areas`, in a fixed order."""
    for area in areas:
        yield from sorted(path.parent for path in (root / area).glob("*/config.yaml"))


def prepare(case: Path, work: Path) -> list[Path]:
    """Writes the inputs of `case` below the empty folder `work`; returns its configs in order."""
    (work / "documents").mkdir(parents=True)
    shutil.copyfile(case / DOCUMENT_FILE, work / "documents" / DOCUMENT_FILE)
    for source in sorted((case / "attributes").glob("*.jsonl")):
        folder = work / "attributes" / source.stem
        folder.mkdir(parents=True)
        shutil.copyfile(source, folder / DOCUMENT_FILE)
    if (case / BEFORE / DOCUMENT_FILE).exists():
        (work / BEFORE / "documents").mkdir(parents=True)
        shutil.copyfile(case / BEFORE / DOCUMENT_FILE, work / BEFORE / "documents" / DOCUMENT_FILE)
    if (case / "lists").exists():
        shutil.copytree(case / "lists", work / "lists")
    configs = []
    for name in (f"{BEFORE}.yaml", "config.yaml"):
        if (case / name).exists():
            text = (case / name).read_text("utf-8").replace("$WORK", str(work))
            (work / name).write_text(text, "utf-8")
            configs.append(work / name)
    return configs


def collect(case: Path, work: Path) -> Outputs:
    """Rows that the command wrote, per attribute folder; '' for the mixer, files in name order."""
    outputs: Outputs = {}
    if case.parent.name == "mix":
        files = sorted(
            path
            for path in (work / "out").rglob("*")
            if path.is_file() and path.parent.name != ".datalake" and path.name != RUN_REPORT
        )
        if unfinished := [path.name for path in files if path.suffix == ".tmp"]:
            raise ValueError(f"unfinished outputs: {unfinished}")
        outputs[""] = [row for path in files for row in rows(path)]
        return outputs
    given = {source.stem for source in (case / "attributes").glob("*.jsonl")}
    for path in sorted((work / "attributes").glob(f"*/{DOCUMENT_FILE}")):
        if path.parent.name not in given:
            outputs[path.parent.name] = rows(path)
    return outputs


def expectation_path(case: Path, folder: str) -> Path:
    """Where the expected rows of one output folder of `case` are kept."""
    usual = folder == USUAL_FOLDER[case.parent.name]
    return case / ("expect.jsonl" if usual else f"expect.{folder}.jsonl")


def expected(case: Path) -> Outputs:
    """The kept expectations of `case`, per attribute folder."""
    outputs: Outputs = {}
    for path in sorted(case.glob("expect*.jsonl")):
        if path.name == "expect-default.jsonl":
            continue
        folder = path.name.removeprefix("expect").removesuffix(".jsonl").removeprefix(".")
        outputs[folder or USUAL_FOLDER[case.parent.name]] = rows(path)
    return outputs


def difference(got: Outputs, want: Outputs) -> str:
    """What differs, or ''. Rows are JSON values: 1 and 1.0 differ, the order of keys is free."""
    if sorted(got) != sorted(want):
        return f"folders {sorted(got)}, expected {sorted(want)}"
    for folder, want_rows in want.items():
        got_rows = got[folder]
        for number, (left, right) in enumerate(zip(got_rows, want_rows, strict=False), 1):
            if _typed(left) != _typed(right):
                return f"row {number}\n    got      {left}\n    expected {right}"
        if len(got_rows) != len(want_rows):
            return f"{len(got_rows)} rows, expected {len(want_rows)}"
    return ""


def rows(path: Path) -> Rows:
    """The lines of a plain or gzip file; nothing but U+000A ends a line."""
    data = path.read_bytes()
    return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode().split("\n")[:-1]


def write_rows(path: Path, lines: Iterable[str]) -> None:
    """Writes lines as gzip."""
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode(), 1))


def _typed(row: str) -> object:
    """The value of a row, each leaf with its type, because Python holds 1 == 1.0 == True."""

    def tag(value: object) -> object:
        if isinstance(value, dict):
            return {key: tag(member) for key, member in value.items()}
        if isinstance(value, list):
            return [tag(member) for member in value]
        return (type(value).__name__, repr(value))

    try:
        return tag(json.loads(row))
    except ValueError:
        return ("not JSON", row)
