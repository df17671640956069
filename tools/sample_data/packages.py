"""Debian packages as a source of real data: fetched once, unpacked, kept in a cache folder.

The cache holds one folder per package, `<package>/`, published by rename after it is complete, so
a killed download leaves nothing behind that a later run could take for a package.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_VERSION_FILE = ".version"
_LEFTOVER_PREFIX = ".partial-"
_LEFTOVER_AGE_S = 3600


class PackageError(Exception):
    """Why packages cannot be had and what to do, in one line."""


@dataclass(frozen=True)
class Package:
    """An unpacked package; `root` holds its files as they would lie below /."""

    name: str
    version: str
    root: Path


class PackageCache:
    """A folder of unpacked packages. Several processes may use it at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def fetch(self, names: Iterable[str]) -> dict[str, Package]:
        """The packages called `names`; those that the cache lacks are downloaded in one go.

        Raises PackageError if one of them cannot be had; the others are kept for the next call.
        """
        wanted = list(dict.fromkeys(names))
        missing = [name for name in wanted if not self._holds(name)]
        if missing:
            self._download(missing)
        return {name: self._load(name) for name in wanted}

    def _holds(self, name: str) -> bool:
        return (self._folder / name / _VERSION_FILE).exists()

    def _load(self, name: str) -> Package:
        root = self._folder / name
        return Package(name, (root / _VERSION_FILE).read_text("utf-8").strip(), root)

    def _download(self, names: list[str]) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._remove_leftovers()
            with tempfile.TemporaryDirectory(dir=self._folder, prefix=_LEFTOVER_PREFIX) as work:
                # apt stops at a name it does not know but fetches what it can when a download
                # fails, so what arrived is unpacked before the failure is reported.
                option = ["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else []
                problem = _run(["apt-get", "-q", *option, "download", *names], Path(work))
                for archive in sorted(Path(work).glob("*.deb")):
                    problem = self._unpack(archive, Path(work)) or problem
        except OSError as error:
            raise PackageError(f"cannot write the package cache: {error}") from error
        if lacking := [name for name in names if not self._holds(name)]:
            raise PackageError(
                f"cannot fetch packages: {' '.join(lacking)}: {problem or 'not downloaded'}; "
                "try apt-get update, and see that the package mirror can be reached"
            )

    def _unpack(self, archive: Path, work: Path) -> str:
        root = work / archive.stem
        if problem := _run(["dpkg-deb", "-x", str(archive), str(root)], work):
            return problem
        name, version, *_ = archive.stem.split("_")
        (root / _VERSION_FILE).write_text(version.replace("%3a", ":") + "\n", "utf-8")
        try:
            root.rename(self._folder / name)
        except OSError:  # another process was faster
            if not self._holds(name):
                raise
        return ""

    def _remove_leftovers(self) -> None:
        """Folders of runs that were killed; a run that is under way is younger."""
        for folder in self._folder.glob(f"{_LEFTOVER_PREFIX}*"):
            if time.time() - folder.stat().st_mtime > _LEFTOVER_AGE_S:
                shutil.rmtree(folder, ignore_errors=True)


def _run(command: list[str], folder: Path) -> str:
    """Runs `command` in `folder`; returns '' or its last words."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
    except OSError as error:
        return f"{command[0]}: {error.strerror}"
    if done.returncode == 0:
        return ""
    errors = [line for line in done.stderr.splitlines() if line.startswith("E:")]
    last = (errors or done.stderr.splitlines() or ["no message"])[0]
    return f"{command[0]}: {last.removeprefix('E:').strip()}"
