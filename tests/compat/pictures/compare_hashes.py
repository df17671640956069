#!/usr/bin/env python3
"""Compares hashes.json with Python's imagehash 4.3.2 (BSD-2-Clause), of the pictures beside it.

    compare_hashes.py [--write]

Runs in an environment of its own, .cache/imagehash-venv, checked against requirements.txt. The
test tests/e2e/kdl/test_derived_columns.py holds the programs to hashes.json.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "tools"))

import pinned_env  # noqa: E402

PROGRAM = """
import json, sys
import imagehash
from PIL import Image
hashes = {}
for path in sys.argv[1:]:
    with Image.open(path) as picture:
        hashes[path.rpartition("/")[2]] = str(imagehash.phash(picture))
print(json.dumps(hashes, indent=1, sort_keys=True))
"""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="make hashes.json anew")
    args = parser.parse_args()
    environment = pinned_env.ensure(
        "imagehash-venv", [HERE / "requirements.txt"], python=sys.executable
    )
    kinds = {".png", ".jpg", ".webp"}
    pictures = sorted(str(path) for path in HERE.iterdir() if path.suffix in kinds)
    command = [str(environment / "bin" / "python"), "-c", PROGRAM, *pictures]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    kept = HERE / "hashes.json"
    if args.write:
        kept.write_text(found)
    if json.loads(found) != json.loads(kept.read_text()):
        print("imagehash gives other hashes than hashes.json")
        return 1
    print(f"{len(pictures)} pictures: as imagehash")
    return 0


if __name__ == "__main__":
    sys.exit(main())
