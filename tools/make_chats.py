#!/usr/bin/env python3
"""Makes chats from the documents of a corpus, as the GPT4All desktop client sends them.

    make_chats.py OUT DOCUMENTS [-n 10000] [--seed 0]

OUT/chats.jsonl holds one request body of POST /v1/ingest/chat per line, each with its own
ingest_id. DOCUMENTS is a folder of *.jsonl.gz, such as make_corpus.py makes. A function of its
arguments; OUT is kept while nothing changed.
"""

import argparse
import hashlib
import sys
from pathlib import Path

from sample_data.chats import chats_from
from sample_data.documents import read_documents, to_line
from sample_data.publish import is_up_to_date, published, recipe_of


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("documents", type=Path)
    parser.add_argument("-n", type=int, default=10_000, help="chats to make (default 10000)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    files = sorted(args.documents.glob("*.jsonl.gz"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    recipe = recipe_of(Path(__file__), {"n": args.n, "seed": args.seed, "documents": digest})
    if is_up_to_date(args.out, recipe):
        print(f"{args.out} is up to date")
        return 0
    try:
        chats = list(chats_from(read_documents(args.documents), args.n, args.seed))
    except ValueError as error:
        sys.exit(f"make_chats.py: {error}: {args.documents}")
    with published(args.out, recipe) as work:
        (work / "chats.jsonl").write_bytes(b"".join(map(to_line, chats)))
    print(f"{len(chats)} chats in {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
