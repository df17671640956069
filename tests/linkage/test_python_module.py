"""Our module and pyarrow share a process, each with Arrow libraries of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from check_bindings import Binding, bindings_in, c_library_names, crossings

PACKAGE = Path(__file__).resolve().parents[2] / "build/python"
COPY = re.compile(r"libdl_(arrow|parquet)\.so|_core\.")
WHEEL = re.compile(r"lib(arrow|parquet)\w*\.so")


def bindings_of(statement: str, folder: Path) -> list[Binding]:
    linker = {"LD_DEBUG": "bindings", "LD_BIND_NOW": "1", "LD_DEBUG_OUTPUT": str(folder / "report")}
    environment = os.environ | linker | {"PYTHONPATH": str(PACKAGE)}
    subprocess.run([sys.executable, "-c", statement], env=environment, check=True, timeout=120)
    reports = [path.read_text(errors="replace") for path in folder.glob("report*")]
    return [binding for text in reports for binding in bindings_in(text.splitlines())]


@pytest.mark.parametrize(
    "modules", ["pyarrow.parquet, datalake", "datalake, pyarrow.parquet"], ids=["second", "first"]
)
def test_module_and_pyarrow_stay_apart(modules: str, tmp_path: Path) -> None:
    bindings = bindings_of(f"import {modules}", tmp_path)
    assert any(COPY.match(binding.definer) for binding in bindings)
    assert any(WHEEL.match(binding.definer) for binding in bindings)
    mixed = [
        binding
        for binding in bindings
        if (COPY.match(binding.user) and WHEEL.match(binding.definer))
        or (WHEEL.match(binding.user) and COPY.match(binding.definer))
    ]
    assert mixed == []
    python_api = re.compile(r"_?Py")
    foreign = crossings(bindings, c_library_names())
    assert [binding for binding in foreign if not python_api.match(binding.symbol)] == []
