#!/usr/bin/env python3
"""Installs what the project needs and this machine lacks; `make setup` runs it through setup.sh.

Four steps, in this order, each a no-op when its inputs and its results are unchanged:

1. Debian packages of debian-packages.txt.
2. .venv with the packages of requirements.txt, exact versions and hashes.
3. .deps: archives of downloads.toml, checked against their SHA-256 and unpacked.
4. .deps/arrow: the wheel's Arrow libraries with foreign symbols renamed (../privatize.py).

A killed run leaves no half-made result in place: files are renamed into it when complete, and the
stamp of a step is written last. Registries and certificates are the machine's own settings.
"""

from __future__ import annotations

import argparse
import fcntl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archives import ArchiveStep
from arrow_copies import ArrowStep
from debian_packages import DebianStep
from python_env import PythonStep
from step import SetupError, Step

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def only_one_at_a_time(root: Path) -> Iterator[None]:
    """Holds a lock, so that two setups of one tree run one after the other."""
    folder = root / ".deps"
    folder.mkdir(exist_ok=True)
    with (folder / ".setup-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    parser = argparse.ArgumentParser(description="Install what the project needs")
    parser.add_argument(
        "--check", action="store_true", help="only say what is missing; exit 1 if so"
    )
    parser.add_argument(
        "--skip-packages",
        action="store_true",
        help="leave Debian packages to you (a machine without apt-get)",
    )
    arguments = parser.parse_args()
    try:
        with only_one_at_a_time(ROOT):
            steps: list[Step] = [] if arguments.skip_packages else [DebianStep(ROOT)]
            steps += [PythonStep(ROOT), ArchiveStep(ROOT), ArrowStep(ROOT)]
            to_do = [step for step in steps if not step.is_done()]
            for step in to_do:
                print(f"setup: will {step.plan()}", flush=True)
            if arguments.check:
                return 1 if to_do else 0
            for step in to_do:
                start = time.monotonic()
                step.run()
                print(f"setup: {step.name} done in {time.monotonic() - start:.0f} s", flush=True)
    except (SetupError, OSError) as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: interrupted; run it again to go on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
