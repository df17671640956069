#!/usr/bin/env python3
"""Fails if the dynamic linker binds a foreign symbol between an Arrow library and another one.

Starts each program with all symbols bound at once and the linker's own report of every binding.
Foreign is what tools/privatize.py renames (OpenSSL, simdjson, RE2, absl, ...): Arrow's copies of
these and the system's have the same names, and a call that crosses over gives wrong answers.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import privatize

_BINDING = re.compile(
    r"binding file (?P<user>\S+) \[\d+\] to (?P<definer>\S+) \[\d+\]: "
    r"\w+ symbol `(?P<symbol>[^']+)'"
)
_ARROW = re.compile(r"^lib(dl_)?(arrow|parquet)\w*\.so\b")
# The C and C++ runtimes and the sanitizers, which everyone shares on purpose.
_RUNTIME = re.compile(
    r"^(lib(c|m|dl|rt|pthread|gcc_s|stdc\+\+|asan|ubsan|tsan|lsan)|ld-linux\S*)\.so"
)


@dataclass(frozen=True, order=True)
class Binding:
    """A symbol that `user` calls and the linker found in `definer`."""

    user: str
    definer: str
    symbol: str

    def __str__(self) -> str:
        return f"{self.user} -> {self.definer}: {self.symbol}"


def bindings_in(report: Iterable[str]) -> Iterator[Binding]:
    """The bindings in the linker's report, files by their names alone."""
    for line in report:
        if match := _BINDING.search(line):
            user, definer = Path(match["user"]).name, Path(match["definer"]).name
            yield Binding(user, definer, match["symbol"])


def crossings(bindings: Iterable[Binding], shared: frozenset[str] | set[str]) -> list[Binding]:
    """The foreign bindings between an Arrow library and another file, sorted.

    `shared` are the names of the C library, which a program may define for all (environ, stdout).
    """
    candidates = sorted(
        {
            binding
            for binding in bindings
            if bool(_ARROW.match(binding.user)) != bool(_ARROW.match(binding.definer))
            and not _RUNTIME.match(binding.user)
            and not _RUNTIME.match(binding.definer)
            and binding.symbol not in shared
        }
    )
    foreign = set(privatize.foreign_symbols({binding.symbol for binding in candidates}))
    return [binding for binding in candidates if binding.symbol in foreign]


def report_of(program: Path) -> list[str]:
    """The linker's report of one start of the program, which lists its tests or its version."""
    argument = "--gtest_list_tests" if program.name.startswith("linkage") else "--version"
    with tempfile.TemporaryDirectory(prefix="bindings-") as folder:
        linker = {"LD_DEBUG": "bindings", "LD_BIND_NOW": "1", "LD_DEBUG_OUTPUT": f"{folder}/report"}
        subprocess.run(
            [str(program), argument],
            env=os.environ | linker,
            stdout=subprocess.DEVNULL,
            timeout=120,
            check=False,
        )
        return [
            line
            for path in Path(folder).iterdir()
            for line in path.read_text(errors="replace").splitlines()
        ]


def c_library_names() -> set[str]:
    """Every name that the C library defines."""
    listed = subprocess.run(["ldd", sys.executable], capture_output=True, text=True, check=True)
    match = re.search(r"libc\.so\.6 => (\S+)", listed.stdout)
    return privatize.dynamic_symbols(Path(match[1]), "defined") if match else set()


def main() -> int:
    shared = c_library_names()
    failed = False
    into_arrow = 0
    for program in map(Path, sys.argv[1:]):
        if not program.is_file():
            print(f"check_bindings: no such program: {program}", file=sys.stderr)
            return 1
        bindings = list(bindings_in(report_of(program)))
        arrow = sum(1 for binding in bindings if _ARROW.match(binding.definer))
        found = crossings(bindings, shared)
        for binding in found[:20]:
            print(binding)
        print(
            f"{program.name}: {len(bindings)} bindings, {arrow} into Arrow, {len(found)} crossings"
        )
        failed = failed or bool(found)
        into_arrow += arrow
    if into_arrow == 0:
        print("check_bindings: no program uses Arrow, so nothing was checked", file=sys.stderr)
    return 1 if failed or into_arrow == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
