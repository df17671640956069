#!/usr/bin/env python3
"""Downloads a source archive from the package index without running anything in it.

`pip download` asks a source archive for its metadata, which runs the archive's own build code. This
uses the same pip (its index, certificates and proxies, as the machine has them set), and stops at
the file. Run by the Python of .venv, whose pip is pinned in requirements.txt, because these are
pip's inner functions.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pip._internal.commands.download import DownloadCommand
from pip._vendor.packaging.specifiers import SpecifierSet


def fetch(package: str, version: str, target: Path) -> None:
    """Writes the source archive of `package` at `version` to the file `target`."""
    command = DownloadCommand("download", "Download one source archive")
    options, _ = command.parse_args(["--no-deps", "--no-binary", package, package])
    with command.main_context():
        session = command.get_default_session(options)
        finder = command._build_package_finder(options, session)
        found = finder.find_best_candidate(package, SpecifierSet(f"=={version}")).best_candidate
        if found is None:
            raise LookupError(f"no source archive in the package index: {package}=={version}")
        answer = session.get(
            found.link.url_without_fragment, headers={"Accept-Encoding": "identity"}
        )
        answer.raise_for_status()
        target.write_bytes(answer.content)


def main() -> int:
    parser = argparse.ArgumentParser(description="Download one source archive, running nothing")
    parser.add_argument("package")
    parser.add_argument("version")
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    try:
        fetch(arguments.package, arguments.version, arguments.target)
    except Exception as error:  # pip's own errors have no common base
        print(f"fetch_sdist: {error or type(error).__name__}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
