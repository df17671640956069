#!/usr/bin/env python3
"""Runs tests/cases/<area>/<name> with the built program and compares rows with the expectation.

    run_cases.py [--program build/bin/datalake] [--verbose] [AREA | AREA/NAME ...]

A case is a folder, described in README.md. Each runs twice: with `--compat dolma` against
expect.jsonl, which the real toolkit made (or expect.error), and without against
expect-default.jsonl (or expect-default.error) where we differ on purpose, else against
expect.jsonl. An .error file holds the exit code and a part of the message. A case with a file
`pending` waits for what it shows: it may fail, and is an error once it passes, so that the mark
goes. Exit code 0 if all others pass.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import case_files

ROOT = Path(__file__).resolve().parent
MODES = {"compat": ["--compat", "dolma"], "default": []}
TIMEOUT_S = 60


def run(program: Path, case: Path, mode: str, work: Path) -> subprocess.CompletedProcess[str]:
    """Runs the command of `case` in `work`, after its step before, unless that fails.

    A command that hangs counts as exit code 124.
    """
    done = subprocess.CompletedProcess([], 0, "", "")
    for config in case_files.prepare(case, work):
        command = [str(program), *MODES[mode], "-c", str(config), case.parent.name]
        try:
            done = subprocess.run(
                command,
                cwd=work,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 124, "", f"no end after {TIMEOUT_S} s")
        if done.returncode != 0:
            break
    return done


def check_error(
    done: subprocess.CompletedProcess[str], want: str, outputs: case_files.Outputs
) -> str:
    """What is wrong with a run that has to fail as `want` says, or ''."""
    code, _, part = want.strip().partition(" ")
    if done.returncode != int(code) or part not in done.stderr:
        return f"exit {done.returncode}: {done.stderr.strip()}\n    expected {code} with {part!r}"
    return "failed as it should, but left rows behind" if any(outputs.values()) else ""


def check(program: Path, case: Path, mode: str, work: Path) -> str:
    """Runs `case` once; returns what is wrong, or ''."""
    done = run(program, case, mode, work)
    own_rows, own_error = case / "expect-default.jsonl", case / "expect-default.error"
    own = mode == "default" and (own_rows.exists() or own_error.exists())
    error = own_error if own else case / "expect.error"
    try:
        outputs = case_files.collect(case, work)
    except ValueError as problem:
        return f"exit {done.returncode}, {problem}: {done.stderr.strip()}"
    if error.exists():
        return check_error(done, error.read_text("utf-8"), outputs)
    if done.returncode != 0:
        return f"exit {done.returncode}: {done.stderr.strip()}"
    if own:
        want = {case_files.USUAL_FOLDER[case.parent.name]: case_files.rows(own_rows)}
        return case_files.difference(outputs, want)
    return case_files.difference(outputs, case_files.expected(case))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("only", nargs="*", help="areas or AREA/NAME (default: all)")
    parser.add_argument("--program", type=Path, default=ROOT.parents[1] / "build/bin/datalake")
    parser.add_argument("--verbose", action="store_true", help="also name what passed")
    args = parser.parse_args()
    program = args.program.resolve()
    if not os.access(program, os.X_OK):
        sys.exit(f"run_cases.py: no program: {args.program}; run make build or give --program")
    chosen = [
        (case, mode)
        for case in case_files.find_cases(ROOT)
        if not args.only or {case.parent.name, f"{case.parent.name}/{case.name}"} & set(args.only)
        for mode in MODES
    ]

    def one(job: tuple[Path, str]) -> str:
        with tempfile.TemporaryDirectory(prefix="datalake-case-") as folder:
            return check(program, *job, Path(folder) / "work")

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = list(pool.map(one, chosen))
    waiting = still_pending(chosen, problems)
    failed = 0
    for (case, mode), problem in zip(chosen, problems, strict=True):
        word = "wait" if case in waiting else "FAIL" if problem else "ok  "
        if word == "ok  " and (case / case_files.PENDING).exists():
            word, problem = "FAIL", f"passes: delete its file `{case_files.PENDING}`"
        failed += word == "FAIL"
        if word == "FAIL" or args.verbose:
            print(f"{word} {case.parent.name}/{case.name} ({mode}) {problem}".rstrip())
    if waiting:
        print(f"{len(waiting)} pending: {' '.join(sorted(case.name for case in waiting))}")
    passed = sum(case not in waiting for case, _ in chosen) - failed
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not problems else 0


def still_pending(chosen: list[tuple[Path, str]], problems: list[str]) -> set[Path]:
    """Cases marked as pending of which at least one mode fails."""
    return {
        case
        for (case, _), problem in zip(chosen, problems, strict=True)
        if problem and (case / case_files.PENDING).exists()
    }


if __name__ == "__main__":
    sys.exit(main())
