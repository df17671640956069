"""Step 2: .venv with the packages of requirements.txt."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from step import SetupError, Stamp, Step, digest_of, run_logged


class PythonStep(Step):
    name = "Python environment"

    def __init__(self, root: Path) -> None:
        self._venv = root / ".venv"
        self._requirements = root / "tools/setup/requirements.txt"
        self._log = root / ".cache/setup/python.log"
        self._stamp = Stamp(self._venv / "setup-stamp.json", self._venv)
        # There while packages are being installed: what such a run leaves is not to be trusted.
        self._half_done = self._venv / "setup-unfinished"
        self._python = self._venv / "bin/python"

    def is_done(self) -> bool:
        return self._stamp.holds(self._inputs()) and self._has_pip()

    def plan(self) -> str:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        lines = self._requirements.read_text().splitlines()
        count = sum("==" in line for line in lines)
        verb = "update" if self._is_usable() else "make"
        return f"{verb} .venv with Python {version} and {count} packages (hashes checked)"

    def run(self) -> None:
        self._log.unlink(missing_ok=True)
        self._stamp.remove()
        if not self._is_usable():
            shutil.rmtree(self._venv, ignore_errors=True)
            self._venv.mkdir(exist_ok=True)
            self._half_done.touch()
            run_logged([sys.executable, "-m", "venv", str(self._venv)], self._log)
        self._half_done.touch()
        install = [str(self._python), "-m", "pip", "install", "--quiet", "--require-hashes"]
        install += ["--only-binary", ":all:", "--requirement", str(self._requirements)]
        run_logged(install, self._log)
        self._half_done.unlink()
        self._stamp.write(self._inputs(), [self._venv / "pyvenv.cfg"])

    def _is_usable(self) -> bool:
        """True if .venv is whole and of a Python that still works and is new enough."""
        return not self._half_done.exists() and self._has_pip()

    def _has_pip(self) -> bool:
        """True if .venv's Python is new enough and has its packages, not so once replaced."""
        probe = (
            "import importlib.util, sys; "
            "sys.exit(sys.version_info < (3, 11) or importlib.util.find_spec('pip') is None)"
        )
        try:
            done = subprocess.run([self._python, "-c", probe], capture_output=True, check=False)
        except OSError:
            return False
        return done.returncode == 0

    def _inputs(self) -> str:
        try:
            configuration = (self._venv / "pyvenv.cfg").read_text()
        except OSError:
            configuration = ""
        return digest_of(self._requirements, configuration)


def site_packages(root: Path) -> Path:
    """The folder of .venv with its packages. Raises SetupError."""
    found = sorted((root / ".venv/lib").glob("python3*/site-packages"))
    if len(found) != 1:
        raise SetupError(
            f"want one site-packages in .venv, found {len(found)}: remove .venv, try again"
        )
    return found[0]
