"""Step 1: the Debian packages of debian-packages.txt that the machine lacks."""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from step import SetupError, Step, as_root, run_logged

_LINE = re.compile(
    r"^(?P<package>[a-z0-9][a-z0-9+.-]+)"
    r"(?:\s*:\s*(?P<provider>\S+)(?:\s*>=\s*(?P<version>[0-9.]+))?)?$"
)
_PYTHON_HEADER = "Python.h"


@dataclass(frozen=True)
class Package:
    """One line of the list: a package, and what makes it unnecessary."""

    name: str
    provider: str | None = None
    at_least: tuple[int, ...] = ()


def parse(text: str) -> list[Package]:
    """Reads the package list. Raises SetupError naming the line."""
    packages = []
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.split("#", 1)[0].strip()
        if not line:
            continue
        match = _LINE.match(line)
        if match is None:
            raise SetupError(f"cannot read the package list: debian-packages.txt:{number}: {raw}")
        version = tuple(int(part) for part in (match["version"] or "").split(".") if part)
        packages.append(Package(match["package"], match["provider"], version))
    return packages


def version_in(text: str) -> tuple[int, ...]:
    """The last dotted number in the first line of a program's --version."""
    numbers = re.findall(r"\d+(?:\.\d+)+|\d+", text.splitlines()[0] if text else "")
    return tuple(int(part) for part in numbers[-1].split(".")) if numbers else ()


def is_provided(package: Package) -> bool:
    """True if the machine has what the package is wanted for from somewhere else."""
    if package.provider is None:
        return False
    if package.provider == _PYTHON_HEADER:
        return Path(sysconfig.get_path("include"), _PYTHON_HEADER).is_file()
    if shutil.which(package.provider) is None:
        return False
    if not package.at_least:
        return True
    done = subprocess.run(
        [package.provider, "--version"], capture_output=True, text=True, check=False
    )
    return done.returncode == 0 and version_in(done.stdout) >= package.at_least


def installed_packages(names: list[str]) -> set[str]:
    """Those of `names` that dpkg has installed and configured."""
    if shutil.which("dpkg-query") is None:
        return set()
    done = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Abbrev}\n", *names],
        capture_output=True,
        text=True,
        check=False,
    )
    rows = (line.split() for line in done.stdout.splitlines())
    return {row[0] for row in rows if len(row) == 2 and row[1] == "ii"}


class DebianStep(Step):
    name = "Debian packages"

    def __init__(self, root: Path, package_list: str = "debian-packages.txt") -> None:
        self._log = root / ".cache/setup/debian.log"
        wanted = parse((root / "tools/setup" / package_list).read_text())
        installed = installed_packages([package.name for package in wanted])
        self._missing = [
            package.name
            for package in wanted
            if package.name not in installed and not is_provided(package)
        ]

    def is_done(self) -> bool:
        return not self._missing

    def plan(self) -> str:
        return f"install {len(self._missing)} Debian packages: {' '.join(self._missing)}"

    def run(self) -> None:
        by_hand = f"apt-get install {' '.join(self._missing)}"
        if shutil.which("apt-get") is None:
            raise SetupError(
                "no apt-get here: install what the list above names in your system's way, "
                "then run tools/setup/setup.sh --skip-packages"
            )
        self._log.unlink(missing_ok=True)
        apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=300"]
        install = as_root(
            [*apt, "install", "-y", "--no-install-recommends", *self._missing], by_hand
        )
        run_logged(as_root([*apt, "update"], by_hand), self._log)
        try:
            run_logged(install, self._log, quiet=True)
        except SetupError:
            # Another installation was killed in the middle: finish it, then this one.
            run_logged(as_root(["dpkg", "--configure", "-a"], by_hand), self._log)
            run_logged(install, self._log)
