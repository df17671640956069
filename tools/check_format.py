#!/usr/bin/env python3
"""Checks (or with --fix restores) the house format: clang-format, ruff, and mypy for Python.

Looks at the files that git knows or would take, so that scratch files in ignored folders are free.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = ROOT / ".venv/bin"
# A folder's Python modules are one program to mypy; below these each folder is one.
NESTED = ("tests",)
# Folders whose modules the others import.
SHARED = ("python", "tools", "tools/setup", "tests/cases", "examples")


def files_with(*suffixes: str) -> list[str]:
    """Tracked and new files of the project with one of the suffixes, from its root."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return sorted({name for name in listed if name.endswith(suffixes) and (ROOT / name).is_file()})


def programs_of(names: list[str]) -> dict[str, list[str]]:
    """The files by the program that they belong to."""
    programs: dict[str, list[str]] = {}
    for name in names:
        parts = Path(name).parent.parts
        folder = "/".join(parts[: 2 if parts[:1] and parts[0] in NESTED else 1]) or "."
        programs.setdefault(folder, []).append(name)
    return programs


def module_folders(names: list[str]) -> list[str]:
    """The folders of the files from which modules are imported by their plain names."""
    folders = sorted({str(Path(name).parent) for name in names})
    return [folder for folder in folders if not (ROOT / folder / "__init__.py").exists()]


def run(title: str, command: list[str], **environment: str) -> bool:
    """Runs one tool in the project's root; shows its output only when it finds something."""
    environ = os.environ | environment
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    passed = done.returncode == 0
    print(f"{title}: {'ok' if passed else 'FAILED'}", flush=True)
    if not passed:
        print((done.stdout + done.stderr).rstrip()[-6000:])
    return passed


def main() -> int:
    parser = argparse.ArgumentParser(description="Check the format of C++ and Python files")
    parser.add_argument("--fix", action="store_true", help="rewrite what can be rewritten")
    fix = parser.parse_args().fix
    cpp, python = files_with(".h", ".cc"), files_with(".py", ".pyi")
    results = []
    if cpp:
        mode = ["-i"] if fix else ["--dry-run", "-Werror"]
        results.append(run("clang-format", [str(BIN / "clang-format"), *mode, *cpp]))
    if python:
        ruff = str(BIN / "ruff")
        if fix:
            run("ruff check --fix", [ruff, "check", "--quiet", "--fix", *python])
        mode = [] if fix else ["--check"]
        results.append(run("ruff format", [ruff, "format", "--quiet", *mode, *python]))
        results.append(run("ruff check", [ruff, "check", "--quiet", *python]))
        for folder, names in sorted(programs_of(python).items()):
            command = [str(BIN / "mypy"), "--no-error-summary", *names]
            search = os.pathsep.join(dict.fromkeys((*module_folders(names), *SHARED)))
            results.append(run(f"mypy {folder}", command, MYPYPATH=search))
    passed = sum(results)
    print(f"{passed} passed, {len(results) - passed} failed")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
