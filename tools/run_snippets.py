#!/usr/bin/env python3
"""Runs the code blocks of README.md and docs/ as a reader would, and fails if one of them does.

Blocks fenced as `sh` and `python` are run in the order in which they stand, each document in a
scratch folder of its own that looks like the project's root. A block that is not to be run says so
in a comment on the line before it: `<!-- not run: why -->`. Closing line: N passed, N failed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT_S = 120
_BLOCK = re.compile(
    r"^(?P<indent> *)```(?P<language>sh|python)\n(?P<code>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_NOT_RUN = re.compile(r"<!-- not run: .+ -->\s*\Z")


@dataclass(frozen=True)
class Snippet:
    """One block of a document."""

    line: int
    language: str
    code: str


def snippets_of(text: str) -> list[Snippet]:
    """The blocks that are to be run."""
    found = []
    for match in _BLOCK.finditer(text):
        if _NOT_RUN.search(text, 0, match.start()):
            continue
        line = text.count("\n", 0, match.start()) + 1
        code = re.sub(rf"^{match['indent']}", "", match["code"], flags=re.MULTILINE)
        found.append(Snippet(line, match["language"], code))
    return found


def lay_out(folder: Path, root: Path) -> None:
    """Makes `folder` look like the project's root without letting snippets write there."""
    for entry in root.iterdir():
        (folder / entry.name).symlink_to(entry)


def run_snippet(snippet: Snippet, folder: Path, root: Path) -> str | None:
    """Runs one block; gives its output if it failed."""
    path = f"{root / 'build/bin'}{os.pathsep}{root / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"
    shell = ["bash", "-euo", "pipefail", "-c", snippet.code]
    python = [str(root / ".venv/bin/python"), "-c", snippet.code]
    try:
        done = subprocess.run(
            shell if snippet.language == "sh" else python,
            cwd=folder,
            env=os.environ | {"PATH": path, "PYTHONPATH": str(root / "build/python")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not done after {TIMEOUT_S} s"
    return done.stdout.decode(errors="replace") if done.returncode != 0 else None


def run_document(path: Path, root: Path) -> tuple[int, int]:
    """Runs the blocks of one document; gives how many passed and failed."""
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="snippets-") as scratch:
        lay_out(Path(scratch), root)
        for snippet in snippets_of(path.read_text("utf-8")):
            problem = run_snippet(snippet, Path(scratch), root)
            passed += problem is None
            failed += problem is not None
            place = f"{path.relative_to(root)}:{snippet.line}"
            print(f"{place}: {'ok' if problem is None else 'FAILED'}", flush=True)
            if problem is not None:
                print(f"{snippet.code}{problem}", flush=True)
    return passed, failed


def main() -> int:
    documents = [path for path in (ROOT / "README.md",) if path.is_file()]
    documents += sorted((ROOT / "docs").rglob("*.md"))
    results = [run_document(path, ROOT) for path in documents]
    passed, failed = (sum(column) for column in zip(*results, strict=True)) if results else (0, 0)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
