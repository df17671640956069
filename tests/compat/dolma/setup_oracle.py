#!/usr/bin/env python3
"""Installs the real Dolma toolkit (PyPI dolma 1.2.1) as the oracle of the tests beside this file.

    setup_oracle.py [--python python3.11]

Goes into its own environment in .cache/dolma-venv, checked against requirements.txt; about 100 MB
to download, so `make test` does not do it. The toolkit needs numpy < 2, tokenizers <= 0.19 and
s3fs 2023.6.0, and its import asks the network for an NLTK data set that none of the commands
under test uses; an empty folder in its place keeps it quiet. Does nothing when nothing changed.
"""

import argparse
import hashlib
import platform
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE.parents[2] / ".cache/dolma-venv"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default="python3.11", help="a CPython 3.11 (its wheels)")
    args = parser.parse_args()
    if platform.machine() != "x86_64":
        sys.exit("setup_oracle.py: the pinned wheels are for x86-64")
    requirements = HERE / "requirements.txt"
    stamp = ENVIRONMENT / ".requirements.sha256"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        print(f"{ENVIRONMENT} is up to date")
        return 0
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    pip = [str(ENVIRONMENT / "bin/python"), "-m", "pip", "--disable-pip-version-check"]
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    try:
        subprocess.run([args.python, "-m", "venv", str(ENVIRONMENT)], check=True)
        subprocess.run([*pip, "install", *options, "-r", str(requirements)], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"setup_oracle.py: cannot install the toolkit: {error}")
    (ENVIRONMENT / "nltk_data/tokenizers/punkt").mkdir(parents=True)
    stamp.write_text(digest)
    print(f"the toolkit is in {ENVIRONMENT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
