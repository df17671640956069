#!/usr/bin/env python3
"""Makes a folder of real pictures with captions out of Debian packages.

    make_images.py OUT [-n 1000] [--cache DIR]

  OUT/images/            pictures by label; a tenth are exact copies; a few are broken or odd
  OUT/annotations.jsonl  what a contributor would send: image, caption, label, size, licence
  OUT/expected.json      the oracle: distinct files, which are broken or odd, which are copies

A function of N and of the package versions. OUT appears when it is complete and is kept while
nothing changed. Exit code 18 and one line if packages cannot be had. Needs apt-get, dpkg-deb and
Python 3.11; downloads 42 MB once.
"""

import argparse
import hashlib
import sys
from pathlib import Path

from sample_data.packages import PackageCache, PackageError
from sample_data.picture_set import PictureSet
from sample_data.pictures import SOURCES, real_pictures
from sample_data.publish import is_up_to_date, published, recipe_of

ROOT = Path(__file__).resolve().parents[1]
UNAVAILABLE = 18


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("-n", type=int, default=1000, help="files to make (default 1000)")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache/packages")
    args = parser.parse_args()
    try:
        packages = PackageCache(args.cache).fetch(source.package for source in SOURCES)
    except PackageError as error:
        print(f"make_images.py: {error}", file=sys.stderr)
        return UNAVAILABLE
    versions = {name: package.version for name, package in packages.items()}
    recipe = recipe_of(Path(__file__), {"n": args.n, "packages": versions})
    if is_up_to_date(args.out, recipe):
        print(f"{args.out} is up to date")
        return 0
    pictures = list(real_pictures(packages))
    if len(pictures) < args.n - args.n // 10:
        sys.exit(f"make_images.py: only {len(pictures)} pictures: -n {len(pictures) * 10 // 9}")
    pictures.sort(key=lambda one: (one.label == "flag", hashlib.sha256(one.data).digest()))
    with published(args.out, recipe) as work:
        oracle = PictureSet(work).write(pictures, args.n)
    size = int(str(oracle["bytes"])) / 1e6
    print(
        f"{oracle['files']} pictures, {oracle['distinct']} distinct, {size:.1f} MB, in {args.out}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
