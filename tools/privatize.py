#!/usr/bin/env python3
"""Copies the Arrow libraries of the pyarrow wheel with every foreign symbol renamed.

The wheel's libraries export what they were linked with: libparquet a whole libcrypto and simdjson,
libarrow_compute RE2, several of them absl, protobuf and thrift. In one process with the system's
OpenSSL, our simdjson and the system's RE2, the dynamic linker binds calls across these copies: RE2
then gives wrong answers and simdjson crashes. The copies made here

- carry each such symbol as `dl_<symbol>`, in the library that defines it and in those that use it,
- are called `libdl_<name>.so.<version>` in file name, SONAME and NEEDED, so that a Python process
  which has loaded pyarrow never takes one of them for its own.

All libraries of one closure must be given in one call, because they share renamed symbols.
Needs `nm` and `c++filt` (binutils) and `patchelf` 0.18 or newer on PATH.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PREFIX = "dl_"
# C++ names that belong to libraries Arrow was linked with; its own live in arrow:: and parquet::.
FOREIGN_CPP = (
    "simdjson",
    "re2::",
    "absl::",
    "opentelemetry",
    "google::protobuf",
    "thrift",
    "snappy::",
    "grpc",
    "Aws::",
)
OWN_CPP = ("arrow::", "parquet::")
# C names that stay: Arrow's C interfaces, compiler and linker names.
OWN_C_PREFIXES = ("arrow_", "__", PREFIX)
LINKER_NAMES = frozenset({"_init", "_fini", "_end", "_edata"})


class PrivatizeError(Exception):
    """What went wrong, in one line."""


def run(*command: str, stdin: str | None = None) -> str:
    """Runs a tool and gives its standard output."""
    if shutil.which(command[0]) is None:
        raise PrivatizeError(f"tool not found on PATH: {command[0]}")
    done = subprocess.run(command, input=stdin, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise PrivatizeError(f"{command[0]} failed: {reason[0]}: {command[-1]}")
    return done.stdout


def dynamic_symbols(library: Path, kind: str) -> set[str]:
    """Names in the dynamic symbol table without versions; kind is 'defined' or 'undefined'."""
    lines = run("nm", "-D", f"--{kind}-only", str(library)).splitlines()
    return {line.split()[-1].split("@")[0] for line in lines}


def is_foreign(name: str, demangled: str) -> bool:
    """True if the symbol comes from a library that Arrow was linked with, not from Arrow."""
    if any(own in demangled for own in OWN_CPP):
        return False
    if name.startswith(OWN_C_PREFIXES) or name in LINKER_NAMES:
        return False
    return not name.startswith("_Z") or any(part in demangled for part in FOREIGN_CPP)


def foreign_symbols(names: set[str]) -> list[str]:
    """The foreign ones among `names`, sorted."""
    ordered = sorted(names)
    if not ordered:
        return []
    demangled = run("c++filt", stdin="\n".join(ordered)).splitlines()
    return [name for name, text in zip(ordered, demangled, strict=True) if is_foreign(name, text)]


def library_version(source: Path) -> str:
    """The version in `libarrow.so.<version>`, the same for all libraries of one wheel."""
    found = sorted(source.glob("libarrow.so.[0-9]*"))
    if len(found) != 1:
        raise PrivatizeError(
            f"want exactly one libarrow.so.<version>, found {len(found)}: {source}"
        )
    return found[0].name.split(".so.")[1]


def privatize(source: Path, target: Path, libraries: list[str]) -> list[Path]:
    """Writes the renamed copies of `libraries` into `target` and gives their paths.

    Each copy appears under its final name complete or not at all.
    """
    version = library_version(source)
    originals = {name: source / f"lib{name}.so.{version}" for name in libraries}
    for path in originals.values():
        if not path.is_file():
            raise PrivatizeError(f"no such library in the wheel: {path}")
    defined = {name: dynamic_symbols(path, "defined") for name, path in originals.items()}
    defined_anywhere = set().union(*defined.values())
    target.mkdir(parents=True, exist_ok=True)
    for unfinished in target.glob(".privatize-*"):  # of a run that was killed
        shutil.rmtree(unfinished, ignore_errors=True)
    results = []
    with tempfile.TemporaryDirectory(prefix=".privatize-", dir=target) as scratch:
        for name, original in originals.items():
            used = dynamic_symbols(original, "undefined") & defined_anywhere
            rename = foreign_symbols(defined[name] | used)
            copy = Path(scratch) / f"libdl_{name}.so.{version}"
            shutil.copyfile(original, copy)
            copy.chmod(0o644)
            if rename:
                symbol_map = Path(scratch) / f"{name}.map"
                symbol_map.write_text("".join(f"{old} {PREFIX}{old}\n" for old in rename))
                run("patchelf", "--rename-dynamic-symbols", str(symbol_map), str(copy))
            needed = [
                argument
                for other, path in originals.items()
                for argument in ("--replace-needed", path.name, f"libdl_{other}.so.{version}")
            ]
            run("patchelf", "--set-soname", copy.name, *needed, str(copy))
            if left := foreign_symbols(dynamic_symbols(copy, "defined")):
                raise PrivatizeError(
                    f"symbol still exported after renaming: {left[0]}: {copy.name}"
                )
            results.append(copy)
        # Published together, after the last one is finished.
        for copy in results:
            os.replace(copy, target / copy.name)
    return [target / copy.name for copy in results]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("source", type=Path, help="folder with libarrow.so.<version>")
    parser.add_argument("target", type=Path, help="folder for the copies")
    parser.add_argument("libraries", nargs="+", help="names without lib and .so: arrow parquet")
    arguments = parser.parse_args()
    try:
        for path in privatize(arguments.source, arguments.target, arguments.libraries):
            print(path)
    except (PrivatizeError, OSError) as error:
        print(f"privatize: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
