"""Runs the real toolkit and our program in the same words, and measures them."""

import os
import re
import resource
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TOOLKIT = ROOT / ".cache/dolma-venv/bin/dolma"
PROGRAM = ROOT / "build/bin/datalake"


# The toolkit downloads the lists of its URL taggers; this module of taggers makes it read ours.
LISTS_MODULE = """\
from dolma.core.registry import TaggerRegistry

for name, path in {lists!r}.items():
    TaggerRegistry.get(name).BLOCKLIST_PATHS = [path]
"""


def own_config(text: str, work: Path) -> str:
    """A config with our line `lists: {TAGGER: FILE, ...}` in words that the toolkit knows."""
    found = re.search(r"^lists: \{(.*)\}\n", text, re.MULTILINE)
    if not found:
        return text
    lists = dict(entry.split(": ") for entry in found[1].split(", "))
    return text.replace(found[0], f"tagger_modules: [{lists_module(lists, work)}]\n")


def lists_module(lists: dict[str, str], work: Path) -> Path:
    """Writes the module of taggers that reads `lists` below `work`; returns its path."""
    module = work / "case_lists.py"
    module.write_text(LISTS_MODULE.format(lists=lists), "utf-8")
    return module


@dataclass(frozen=True)
class Done:
    """How a command ended and what it cost."""

    exit_code: int
    message: str
    wall_s: float
    cpu_s: float


def run(command: list[str], cwd: Path) -> Done:
    """Runs one of the two programs in `cwd`.

    For the toolkit, an empty NLTK data folder keeps its import off the network, and its own
    programs come first in PATH because it starts some by name.
    """
    program = Path(command[0])
    environment = {
        **os.environ,
        "NLTK_DATA": str(program.parent.parent / "nltk_data"),
        "RUST_LOG": "error",
    }
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    after, wall_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - start
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Done(done.returncode, done.stderr.strip(), wall_s, cpu_s)
