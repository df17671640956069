"""What the steps of setup share: their interface, stamps, and running tools."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path


class SetupError(Exception):
    """What is wrong and what to do, in one line."""


class Step(ABC):
    """One thing that setup makes. is_done() is cheap: no network, no program of more than 0.1 s."""

    name: str

    @abstractmethod
    def is_done(self) -> bool:
        """True if run() has nothing to do."""

    @abstractmethod
    def plan(self) -> str:
        """What run() is going to install, to be read after "will"."""

    @abstractmethod
    def run(self) -> None:
        """Does it; safe to call again after it was killed. Raises SetupError."""


class Stamp:
    """A file that says from which inputs a step's results were made, and how large they were.

    Written after the results; results that are missing or of another size make it invalid.
    """

    def __init__(self, path: Path, root: Path) -> None:
        self._path = path
        self._root = root

    def holds(self, inputs: str) -> bool:
        try:
            stamp = json.loads(self._path.read_text())
            return stamp["inputs"] == inputs and all(
                (self._root / name).stat().st_size == size
                for name, size in stamp["results"].items()
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return False

    def write(self, inputs: str, results: Iterable[Path]) -> None:
        sizes = {str(path.relative_to(self._root)): path.stat().st_size for path in results}
        text = json.dumps({"inputs": inputs, "results": sizes}, indent=1)
        write_whole(self._path, text.encode())

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Puts `content` at `path` in one step: readers see the old file or the new one.

    A file with this content already stays as it is, so that nothing is rebuilt for it.
    """
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        scratch.write_bytes(content)
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)


def digest_of(*parts: str | bytes | Path) -> str:
    """One hash over texts and the contents of files."""
    total = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, Path) else part
        content = content.encode() if isinstance(content, str) else content
        total.update(f"{len(content)}:".encode())
        total.update(content)
    return total.hexdigest()


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def run_logged(
    command: list[str],
    log: Path,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    quiet: bool = False,
) -> None:
    """Runs a tool with its output in `log`; shows the end of it on failure, unless `quiet`.

    Raises SetupError.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        output.write(f"\n$ {' '.join(command)}\n".encode())
        output.flush()
        done = subprocess.run(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=cwd,
            env=env,
            check=False,
        )
    if done.returncode != 0:
        if not quiet:
            lines = log.read_text(errors="replace").splitlines()
            print("\n".join(lines[-8:]), file=sys.stderr)
        tool = next(word for word in command if word not in {"sudo", "env"} and "=" not in word)
        raise SetupError(
            f"{Path(tool).name} failed with exit code {done.returncode}; "
            f"the whole output is in {log}"
        )


def as_root(command: list[str], why: str) -> list[str]:
    """`command` as root: as it is, or through sudo. Raises SetupError if neither is possible."""
    if os.geteuid() == 0:
        return command
    if shutil.which("sudo") is None:
        raise SetupError(f"not root and no sudo; as root, {why}")
    return ["sudo", *command]
