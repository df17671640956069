#!/usr/bin/env python3
"""Runs tests/cases/hostile/<name>/case.json: bad and odd input, and what each command says to it.

    hostile.py [--program build/bin/datalake] [--record] [NAME ...]

A case lays files out and expects of tag, dedupe, mix and validate an exit code and a part of what
is printed, in the default mode and with `--compat dolma` (`expect_compat` holds what differs
there). A command that ends well must have written a row for every line of the documents (less
those it says it rejected), one that fails must have left nothing behind: never a shorter output.
`--record` writes what happens as the expectation, to be read before it is committed.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent / "hostile"
COMMANDS = ("tag", "dedupe", "mix", "validate")
MODES: dict[str, list[str]] = {"": [], "compat": ["--compat", "dolma"]}
MAX_EXIT = 21  # beyond our own codes is a crash
TIMEOUT_S = 120
NO_FILES = {"report.json"}

Case = dict[str, Any]


def content(parts: list[Any]) -> bytes:
    """The bytes that a case describes."""
    out = bytearray()
    for part in parts:
        if isinstance(part, str):
            out += part.encode()
        elif "hex" in part:
            out += bytes.fromhex(part["hex"])
        elif "repeat" in part:
            out += part["repeat"].encode() * part["times"]
        else:  # many documents, each with its own id
            for number in range(part["times"]):
                row = {"id": str(number), "text": f"{part['count']} {number * 7919}", "source": "s"}
                out += json.dumps(row).encode() + b"\n"
    return bytes(out)


def compressed(data: bytes, how: str | None) -> bytes:
    if how == "gzip":
        return gzip.compress(data, 6, mtime=0)
    if how == "zstd":
        # RFC 8878 with blocks that are stored as they are: no library needed
        out = bytearray(b"\x28\xb5\x2f\xfd\xa0" + len(data).to_bytes(4, "little"))
        for begin in range(0, max(len(data), 1), 1 << 17):
            block = data[begin : begin + (1 << 17)]
            is_last = begin + (1 << 17) >= len(data)
            out += (len(block) << 3 | is_last).to_bytes(3, "little") + block
        return bytes(out)
    return data


def lay_out(case: Case, work: Path) -> int:
    """Writes the files of a case; returns how many lines its documents have."""
    lines = 0
    for entry in case["files"]:
        if "folder" in entry:
            (work / entry["folder"]).mkdir(parents=True)
        elif "link" in entry:
            (work / entry["link"]).parent.mkdir(parents=True, exist_ok=True)
            (work / entry["link"]).symlink_to(entry["to"])
        elif "filter" in entry:
            version = entry["version"].to_bytes(4, "little")
            (work / entry["filter"]).write_bytes(b"DLAKEDUP" + version + bytes(4096))
        else:
            path = work / entry["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            text = content(entry["parts"])
            data = compressed(text, entry.get("compress"))
            copies = 2 if entry.get("twice") else 1
            data *= copies
            if ".jsonl" in path.name:
                lines += copies * (text.count(b"\n") + (text[-1:] not in (b"\n", b"")))
            data = data[: len(data) - entry.get("cut", 0)] + entry.get("append", "").encode()
            path.write_bytes(data)
    return lines


def config_of(command: str, case: Case) -> dict[str, Any]:
    documents = ["documents/*"]
    plain = {"output": "none"}
    if command == "tag":
        taggers = ["char_length_v1"]
        return {
            "documents": documents,
            "experiment": "x",
            "taggers": taggers,
            "compression": plain,
        }
    if command == "dedupe":
        dedupe = {"name": "x", "documents": {"attribute_name": "x", "key": "$.text"}}
        config: dict[str, Any] = {
            "documents": documents,
            "dedupe": dedupe,
            "compression": plain,
        }
        if "bloom_filter" in case:
            config["bloom_filter"] = {"file": case["bloom_filter"], "read_only": True}
        return config
    output = {"path": "out"}
    keep_all = {"exclude": ["$.metadata.none_has_this"]}
    stream = {
        "name": "m",
        "documents": documents,
        "output": output,
        "filter": keep_all,
        "compression": plain,
    }
    return {"streams": [stream]}


def rows_written(work: Path, command: str) -> int:
    """Lines of all outputs."""
    folder = work / ("out" if command == "mix" else "attributes")
    rows = 0
    for path in folder.rglob("*"):
        if not path.is_file() or path.name in NO_FILES or path.name.startswith("."):
            continue
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        rows += path.read_bytes().count(b"\n")
    return rows


def run(
    program: Path, case: Case, command: str, mode: str, work: Path
) -> tuple[int, str, int, int]:
    """Runs one command; gives exit code, what it printed, lines in, rows out."""
    work.mkdir()
    lines = lay_out(case, work)
    words = [str(program), "--quiet", *MODES[mode]]
    if command == "validate":
        words += ["validate", "."]
    else:
        (work / "config.json").write_text(json.dumps(config_of(command, case)), "utf-8")
        words += ["-c", "config.json", command]
    done = subprocess.run(
        words, cwd=work, capture_output=True, timeout=TIMEOUT_S, check=False, errors="replace"
    )
    printed = done.stdout if command == "validate" else done.stderr
    rows = 0 if command == "validate" else rows_written(work, command)
    return done.returncode, printed, lines, rows


def expected(case: Case, command: str, mode: str) -> dict[str, Any] | None:
    """What the case wants; of a mode that it does not name, the same as by default."""
    own: dict[str, Any] = case.get("expect_compat", {}) if mode == "compat" else {}
    want: dict[str, Any] | None = own.get(command, case["expect"].get(command))
    return want


def check(program: Path, case: Case, command: str, mode: str) -> str:
    """What is wrong, or ''."""
    name = f"{command} {mode}".strip()
    want = expected(case, command, mode)
    if want is None:
        return f"{name}: no expectation"
    with tempfile.TemporaryDirectory(prefix="datalake-hostile-") as folder:
        code, printed, lines, rows = run(program, case, command, mode, Path(folder) / "work")
    if not 0 <= code <= MAX_EXIT:
        return f"{name}: crashed with {code}: {printed}"
    if code != want["exit"] or want["says"] not in printed:
        return f"{name}: exit {code}, expected {want['exit']} with {want['says']!r}: {printed}"
    if command == "validate":
        return ""
    # A sound file beside the bad one may be done before the run ends: whole, and kept.
    sound_rows: int = case.get("sound_rows", 0)
    if code != 0 and rows > want.get("rows", sound_rows):
        return f"{name}: failed as it should, but left {rows} rows behind"
    if code == 0 and rows != want.get("rows", lines):
        return f"{name}: {rows} rows for {lines} lines"
    return ""


def said(command: str, code: int, printed: str) -> str:
    """The part of the output that a case keeps: without what changes from run to run."""
    if command == "validate":
        return printed.splitlines()[0] if code != 0 else "good: nothing wrong"
    lines = [line for line in printed.splitlines() if line.startswith("datalake: ")]
    return lines[-1] if lines else ""


def record(program: Path, path: Path) -> None:
    case = json.loads(path.read_text("utf-8"))
    case.pop("expect_compat", None)
    for mode in MODES:
        for command in COMMANDS:
            with tempfile.TemporaryDirectory(prefix="datalake-hostile-") as folder:
                work = Path(folder) / "work"
                code, printed, lines, rows = run(program, case, command, mode, work)
            want: dict[str, Any] = {"exit": code, "says": said(command, code, printed)}
            if command != "validate" and rows != (lines if code == 0 else 0):
                want["rows"] = rows
            if mode == "":
                case["expect"][command] = want
            elif want != case["expect"][command]:
                case.setdefault("expect_compat", {})[command] = want
    path.write_text(json.dumps(case, indent=2) + "\n", "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("only", nargs="*", help="names of cases (default: all)")
    parser.add_argument("--program", type=Path, default=ROOT.parents[2] / "build/bin/datalake")
    parser.add_argument("--record", action="store_true", help="write the expectations anew")
    args = parser.parse_args()
    program = args.program.resolve()
    if not os.access(program, os.X_OK):
        sys.exit(f"hostile.py: no program: {args.program}; run make build or give --program")
    paths = sorted(ROOT.glob("*/case.json"))
    paths = [path for path in paths if not args.only or path.parent.name in args.only]
    if args.record:
        for path in paths:
            record(program, path)
        return 0
    jobs = [(path, command, mode) for path in paths for command in COMMANDS for mode in MODES]
    cases = {path: json.loads(path.read_text("utf-8")) for path in paths}
    with ThreadPoolExecutor(2) as pool:
        problems = list(pool.map(lambda job: check(program, cases[job[0]], *job[1:]), jobs))
    for (path, _, _), problem in zip(jobs, problems, strict=True):
        if problem:
            print(f"FAIL hostile/{path.parent.name} {problem}".rstrip())
    failed = sum(map(bool, problems))
    print(f"{len(problems) - failed} passed, {failed} failed")
    return 1 if failed or not problems else 0


if __name__ == "__main__":
    sys.exit(main())
