#!/usr/bin/env python3
"""Installs the real Dolma toolkit (PyPI dolma 1.2.1) as the oracle of the tests beside this file.

    setup_oracle.py [--python python3.11]

Goes into its own environment in .cache/dolma-venv, checked against requirements.txt; about 100 MB
to download, so `make test` does not do it. The toolkit needs numpy < 2, tokenizers <= 0.19 and
s3fs 2023.6.0, and its import asks the network for an NLTK data set that none of the commands
under test uses; an empty folder in its place keeps it quiet. Does nothing when nothing changed.
"""

import argparse
import platform
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "tools"))

import pinned_env  # noqa: E402


def make_quiet(environment: Path) -> None:
    (environment / "nltk_data/tokenizers/punkt").mkdir(parents=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default="python3.11", help="a CPython 3.11 (its wheels)")
    args = parser.parse_args()
    if platform.machine() != "x86_64":
        sys.exit("setup_oracle.py: the pinned wheels are for x86-64")
    environment = pinned_env.ensure(
        "dolma-venv", [HERE / "requirements.txt"], python=args.python, finish=make_quiet
    )
    print(f"the toolkit is in {environment}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
