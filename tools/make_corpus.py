#!/usr/bin/env python3
"""Builds a real-text corpus in the Dolma layout from Debian documentation packages.

    make_corpus.py OUT [--size-mb 64] [--files 8] [--seed 0] [--no-variants] [--cache DIR]

  OUT/documents/NNNN.jsonl.gz   id, text, source, added, created, metadata
  OUT/truth.jsonl               one line per planted document: id, original id, kind, detail
  OUT/manifest.json             settings, package versions, counts and bytes

The documents depend only on the arguments and on the package versions. OUT appears when it is
complete and is kept while nothing changed. Exit code 18 and one line if packages cannot be had.
Needs apt-get, dpkg-deb and Python 3.11; downloads 36 MB once.
"""

import argparse
import collections
import hashlib
import itertools
import json
import multiprocessing
import sys
from pathlib import Path

from sample_data.documents import Document, package_documents, to_line, write_gzip_lines
from sample_data.packages import Package, PackageCache, PackageError
from sample_data.publish import is_up_to_date, published, recipe_of
from sample_data.variants import Truth, with_variants

ROOT = Path(__file__).resolve().parents[1]
UNAVAILABLE = 18
PACKAGES = {  # source -> packages; no name holds a version, so that later releases have them, too
    "man": [
        "manpages",
        "manpages-dev",
        *(f"manpages-{code}" for code in ("de", "es", "fr", "ja", "ru", "zh")),
    ],
    "help": ["gnome-user-docs"],
    "handbook": ["python-django-doc", "vim-doc", "debian-reference-en"],
}


def planned_documents(
    packages: dict[str, Package], size_mb: float, seed: int, variants: bool
) -> tuple[list[bytes], list[Document], list[Truth]]:
    """Lines, documents and truth of the corpus, in the order of a hash of `seed` and id."""
    jobs = [(source, packages[name]) for source, names in PACKAGES.items() for name in names]
    with multiprocessing.Pool() as pool:
        found = [document for part in pool.imap(package_documents, jobs) for document in part]
    found.sort(key=lambda document: hashlib.blake2b(f"{seed}:{document['id']}".encode()).digest())
    mixed = with_variants(found, seed) if variants else ((document, None) for document in found)
    lines, documents, truth = [], [], []
    total = 0
    for document, label in mixed:
        lines.append(to_line(document))
        documents.append(document)
        truth += [label] if label else []
        total += len(lines[-1])
        if total >= size_mb * 1e6:
            return lines, documents, truth
    raise SystemExit(f"make_corpus.py: the packages hold only {total / 1e6:.0f} MB; ask for less")


def write_corpus(
    out: Path, lines: list[bytes], documents: list[Document], truth: list[Truth], files: int
) -> dict[str, object]:
    """Writes the files of the corpus below `out`; returns what the manifest says of them."""
    (out / "documents").mkdir()
    parts = [(out / "documents" / f"{i:04d}.jsonl.gz", lines[i::files]) for i in range(files)]
    with multiprocessing.Pool() as pool:
        pool.starmap(write_gzip_lines, parts, chunksize=1)
    (out / "truth.jsonl").write_bytes(b"".join(map(to_line, truth)))
    languages = collections.Counter(document["metadata"]["language"] for document in documents)
    return {
        "documents": len(documents),
        "bytes": sum(map(len, lines)),
        "planted": collections.Counter(str(label["kind"]) for label in truth),
        "sources": collections.Counter(document["source"] for document in documents),
        "languages": dict(languages.most_common()),
        "documents_per_file": {path.name: len(part) for path, part in parts},
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--size-mb", type=float, default=64, help="10^6 bytes of JSONL before compression"
    )
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0, help="order and choice of variants")
    parser.add_argument("--no-variants", action="store_true", help="plant nothing")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache/packages")
    args = parser.parse_args()
    try:
        packages = PackageCache(args.cache).fetch(itertools.chain(*PACKAGES.values()))
    except PackageError as error:
        print(f"make_corpus.py: {error}", file=sys.stderr)
        return UNAVAILABLE
    settings: dict[str, object] = {
        "size_mb": args.size_mb,
        "files": args.files,
        "seed": args.seed,
        "variants": not args.no_variants,
        "packages": {name: package.version for name, package in packages.items()},
    }
    recipe = recipe_of(Path(__file__), settings)
    if is_up_to_date(args.out, recipe):
        print(f"{args.out} is up to date")
        return 0
    lines, documents, truth = planned_documents(
        packages, args.size_mb, args.seed, not args.no_variants
    )
    with published(args.out, recipe) as work:
        counts = write_corpus(work, lines, documents, truth, args.files)
        manifest = json.dumps({**settings, **counts}, indent=1)
        (work / "manifest.json").write_text(manifest + "\n", "utf-8")
    size = sum(map(len, lines)) / 1e6
    print(f"{len(documents)} documents, {size:.1f} MB, {len(truth)} planted, in {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
