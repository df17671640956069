"""How the demo speaks: steps, what a user would type, small tables, times."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

_BOLD, _DIM, _END = ("\x1b[1m", "\x1b[2m", "\x1b[0m") if sys.stdout.isatty() else ("", "", "")


def check(holds: bool, what: str) -> None:
    """Ends the demo when a promise does not hold."""
    if not holds:
        raise AssertionError(f"does not hold: {what}")


def _quoted(word: str) -> str:
    """A word as a person types it: SQL with its own single quotes goes into double quotes."""
    return '"' + word.replace('"', '\\"') + '"' if "'" in word else shlex.quote(word)


class Story:
    """Prints the demo. Single-threaded."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._begin = time.monotonic()
        self._open = False

    def step(self, letter: str, title: str) -> None:
        """Ends the step before with its time and begins the next."""
        self._end_step()
        print(f"\n{_BOLD}({letter}) {title}{_END}", flush=True)
        self._begin = time.monotonic()
        self._open = True

    def say(self, line: str) -> None:
        print(f"  {line}", flush=True)

    def block(self, text: str) -> None:
        print("\n".join(f"    {line}" for line in text.splitlines()), flush=True)

    def run(self, command: Sequence[str | Path], cwd: Path | None = None) -> None:
        """Shows a command as a user types it, runs it, shows what it prints."""
        self.say("$ " + " ".join(_quoted(self.short(word)) for word in command))
        # The shell is not used: a glob goes to the program as it is.
        words = [str(word) for word in command]
        done = subprocess.run(words, cwd=cwd, text=True, stdout=subprocess.PIPE, check=True)
        self.block(done.stdout.rstrip())

    def table(self, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        cells = [
            [f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows
        ]
        widths = [max(len(row[i]) for row in [list(header), *cells]) for i in range(len(header))]
        for row in [list(header), *cells]:
            line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print(f"    {_DIM if row == list(header) else ''}{line.rstrip()}{_END}", flush=True)

    def short(self, word: str | Path) -> str:
        """Paths as seen from the project's folder."""
        text = str(word)
        return text.removeprefix(f"{self._root}/build/bin/").removeprefix(f"{self._root}/")

    def end(self, lake: Path, seconds: float) -> None:
        self._end_step()
        name = self.short(lake)
        print(f"\nThe lake is in {name}/. All checks held; {seconds:.0f} s. What to try next:")
        for command in (
            f'datalake --lake {name} sql "from catalog"',
            f"datalake --lake {name} search --provider inhouse --limit 3",
            f"datalake --lake {name} collections list",
            f"datalake-server --base-path {name}      (then open /docs)",
        ):
            print(f"  build/bin/{command}")

    def _end_step(self) -> None:
        if self._open:
            print(f"  {_DIM}{time.monotonic() - self._begin:.1f} s{_END}", flush=True)
            self._open = False
