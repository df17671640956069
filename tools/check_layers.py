#!/usr/bin/env python3
"""Checks who includes whom: the layers of docs/architecture.md and the owners of libraries.

Prints `file:line: rule: what is wrong` for every breach and exits 1 if there is one. The tables
below are the rules; a new module or library is one line in them.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# A module includes itself and modules of lower rows, never sideways or up.
ROWS: tuple[tuple[str, ...], ...] = (
    ("base",),
    ("json", "text", "io", "picture"),
    ("format",),
    ("table", "assets", "wal", "query"),
    ("lake", "curate", "hub"),
    ("job",),
    ("server",),
    ("apps", "python"),
)
# Shared by tests of all modules; may include every module, nothing that ships may include it.
TEST_SUPPORT = "testing"
NOT_SHIPPED = frozenset({"tests", "benchmarks", "fuzz"})


@dataclass(frozen=True)
class Library:
    """A third-party library: how its includes begin, and the modules that may use it.

    Headers of the modules in `in_headers` may include it too, all others only .cc files.
    """

    name: str
    prefix: str
    owners: frozenset[str] | None
    in_headers: frozenset[str] = frozenset()


def _library(name: str, prefix: str, owners: str = "", in_headers: str = "") -> Library:
    return Library(name, prefix, frozenset(owners.split()) or None, frozenset(in_headers.split()))


# The first line whose prefix fits decides. No owners: any module's .cc files.
LIBRARIES: tuple[Library, ...] = (
    _library("simdjson", r"simdjson", "json", "json"),
    _library("jq", r"j[qv]\.h", "json"),
    _library("nlohmann-json", r"nlohmann/json_fwd\.hpp", "", "json"),
    _library("nlohmann-json", r"nlohmann/", "", "json"),
    _library("duckdb", r"duckdb", "query", "query"),
    _library("boost", r"boost/", "server", "server"),
    _library("parquet", r"parquet/", "format"),
    _library("arrow", r"arrow/((io/)?type_fwd\.h|c/abi\.h)$", "", "*"),
    # What arrow_status.h, the one adapter of errors, turns into ours; light.
    _library("arrow", r"arrow/(status|result)\.h$", "", "format"),
    _library("arrow ipc", r"arrow/(ipc|csv|io)/", "format"),
    _library("arrow", r"arrow/"),
    _library("isa-l", r"(isa-l|isa-l\.h|igzip)", "base io"),
    _library("zstd", r"zstd", "io"),
    _library("libdeflate", r"libdeflate", "io"),
    _library("xxhash", r"xxhash", "base"),
    _library("argon2", r"argon2\.h", "server"),
    _library("openssl", r"openssl/", "base server"),
    _library("curl", r"curl/", "hub io"),
    _library("turbojpeg", r"turbojpeg", "picture"),
    _library("libpng", r"png\.h", "picture"),
    _library("libwebp", r"webp/", "picture"),
    _library("re2", r"re2/"),
    _library("cld2", r"cld2/", "curate"),
    _library("icu", r"unicode/", "text"),
    _library("spdlog", r"spdlog/", "base"),
    _library("yaml-cpp", r"yaml-cpp/", "lake curate apps"),
    _library("CLI11", r"CLI/", "apps", "apps"),
    _library("fmt", r"fmt/"),
    _library("googletest", r"(gtest|gmock)/", "testing", "testing"),
    _library("nanobind", r"nanobind/", "python", "python"),
)

# x_test.cc, and what several tests of a module share: x_test_support.h.
_TEST_NAME = re.compile(r"_(test|benchmark|fuzz)(_support)?$")
_ROW_OF = {module: row for row, modules in enumerate(ROWS) for module in modules}
_INCLUDE = re.compile(r'^\s*#\s*include\s+(?P<quote>["<])(?P<path>[^">]+)[">]', re.MULTILINE)
_FORBIDDEN_INCLUDES = {"regex": "std::regex is slow and recursive: use RE2", "iostream": "streams"}
_FORBIDDEN_CODE = (
    (re.compile(r"\busing\s+namespace\b"), "using-namespace", "`using namespace` is not used"),
    (re.compile(r"\bthrow\b"), "no-throw", "nothing under src/ throws: return a Status"),
    (re.compile(r"\bstd::(cout|cerr)\b"), "no-streams", "the library prints nothing: log instead"),
)
_TOKENS = re.compile(
    r"""
      (?P<comment> //[^\n]* | /\*.*?\*/ )
    | (?P<raw> R"(?P<fence>[^\s()\\]{0,16})\(.*?\)(?P=fence)" )
    | (?P<text> "(?:[^"\\\n]|\\.)*" )
    | (?P<char> (?<![0-9A-Za-z_]) '(?:[^'\\\n]|\\.)+' )
    """,
    re.VERBOSE | re.DOTALL,
)
_CMAKE_MODULE = re.compile(r"datalake_module\(\s*NAME\s+(?P<name>\w+)(?P<rest>[^)]*)\)")


@dataclass(frozen=True)
class Breach:
    """One place that breaks a rule."""

    path: Path
    line: int
    rule: str
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.what}"


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def without_comments(source: str, *, blank_strings: bool) -> str:
    """The source with comments (and, if asked, literals) as blanks; offsets stay the same."""

    def replace(match: re.Match[str]) -> str:
        if match.lastgroup == "comment" or match["comment"] is not None:
            return _blank(match[0])
        return _blank(match[0]) if blank_strings else match[0]

    return _TOKENS.sub(replace, source)


@dataclass(frozen=True)
class SourceFile:
    """A C++ file and the role that its place gives it."""

    path: Path  # from the root of the project
    module: str  # a module, or apps, python, tests, benchmarks, fuzz
    is_test: bool
    is_header: bool

    @staticmethod
    def at(path: Path) -> SourceFile:
        parts = path.parts
        module = parts[2] if parts[:2] == ("src", "datalake") else parts[0]
        is_test = module in NOT_SHIPPED or _TEST_NAME.search(path.stem) is not None
        return SourceFile(path, module, is_test, path.suffix in {".h", ".hpp"})


def _check_module(file: SourceFile, included: str) -> str | None:
    """What is wrong with an include of module `included`, if anything."""
    if included == TEST_SUPPORT:
        allowed = file.is_test or file.module == TEST_SUPPORT
        return None if allowed else "only tests may include testing/"
    if included not in _ROW_OF:
        return f"unknown module {included}: give it a row in tools/check_layers.py"
    if file.module in NOT_SHIPPED or file.module in {included, TEST_SUPPORT}:
        return None
    if file.module not in _ROW_OF:
        return f"unknown module {file.module}: give it a row in tools/check_layers.py"
    if _ROW_OF[included] < _ROW_OF[file.module]:
        return None
    where = "beside" if _ROW_OF[included] == _ROW_OF[file.module] else "above"
    return f"{file.module} may not include {included}, which is {where} it"


def _check_library(file: SourceFile, include: str) -> str | None:
    """What is wrong with an include of a third-party header, if anything."""
    library = next((item for item in LIBRARIES if re.match(item.prefix, include)), None)
    if library is None or file.is_test or file.module == TEST_SUPPORT:
        return None
    is_free = library.owners is None or file.module in library.owners
    if not is_free:
        owners = " and ".join(sorted(library.owners or ()))
        return f"{library.name} is used only in {owners}, not in {file.module}: <{include}>"
    if file.is_header and not library.in_headers & {file.module, "*"}:
        hint = "; headers name Arrow by <arrow/type_fwd.h>" if library.name == "arrow" else ""
        return f"{library.name} may not be included in a header of {file.module}{hint}: <{include}>"
    return None


def check_source(file: SourceFile, source: str) -> Iterator[Breach]:
    """All breaches in one C++ file."""
    code = without_comments(source, blank_strings=False)
    for match in _INCLUDE.finditer(code):
        line = code.count("\n", 0, match.start("path")) + 1
        include = match["path"]
        if include.startswith("datalake/"):
            if problem := _check_module(file, include.split("/")[1]):
                yield Breach(file.path, line, "layers", problem)
        elif problem := _check_library(file, include):
            yield Breach(file.path, line, "libraries", problem)
        if include in _FORBIDDEN_INCLUDES and file.path.parts[0] == "src" and not file.is_test:
            what = f"<{include}> is not used: {_FORBIDDEN_INCLUDES[include]}"
            yield Breach(file.path, line, "libraries", what)
    if file.path.parts[0] != "src" or file.is_test:
        return
    code = without_comments(source, blank_strings=True)
    for pattern, rule, what in _FORBIDDEN_CODE:
        for match in pattern.finditer(code):
            yield Breach(file.path, code.count("\n", 0, match.start()) + 1, rule, what)


def check_cmake(path: Path, text: str) -> Iterator[Breach]:
    """Breaches in the module dependencies that a CMakeLists.txt declares."""
    for match in _CMAKE_MODULE.finditer(text):
        file = SourceFile(path, match["name"], is_test=False, is_header=False)
        words = match["rest"].split()
        declared = words[words.index("DEPS") + 1 :] if "DEPS" in words else []
        for name in (word for word in declared if word in _ROW_OF or word == TEST_SUPPORT):
            if problem := _check_module(file, name):
                line = text.count("\n", 0, match.start()) + 1
                yield Breach(path, line, "layers", problem.replace("include", "link"))


def check_tree(root: Path) -> tuple[int, list[Breach]]:
    """Checks every C++ and module CMake file below `root`; gives how many, and the breaches."""
    breaches: list[Breach] = []
    count = 0
    for folder in ("src", "apps", "python", *sorted(NOT_SHIPPED)):
        for path in sorted((root / folder).rglob("*")):
            relative = path.relative_to(root)
            if path.suffix in {".h", ".hpp", ".cc", ".cpp"}:
                count += 1
                breaches += check_source(SourceFile.at(relative), path.read_text("utf-8"))
            elif path.name == "CMakeLists.txt":
                breaches += check_cmake(relative, path.read_text("utf-8"))
    return count, breaches


def main() -> int:
    parser = argparse.ArgumentParser(description="Check the layers of the source tree")
    parser.add_argument("root", type=Path, nargs="?", default=Path(__file__).resolve().parents[1])
    count, breaches = check_tree(parser.parse_args().root)
    for breach in breaches:
        print(breach)
    if count == 0:
        print("check_layers: no source files found", file=sys.stderr)
        return 1
    print(f"layers: {count} files, {len(breaches)} breaches")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
