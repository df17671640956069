#!/usr/bin/env python3
"""Makes examples/data, the small set that is shipped: own text, drawn pictures, chats.

    make_example_data.py OUT            writes OUT anew
    make_example_data.py --check OUT    compares OUT with what would be written; exit code 1

The shapes are those of make_corpus.py, make_images.py and make_chats.py: documents/*.jsonl.gz and
truth.jsonl, images/ with annotations.jsonl and expected.json, chats.jsonl. No network, no package;
the contents (of the .gz files: unpacked) depend on this code alone, with labelled duplicates and
broken pictures as in the large sets.
"""

import argparse
import gzip
import random
import sys
import tempfile
from pathlib import Path

from sample_data.chats import chats_from
from sample_data.documents import to_line, write_gzip_lines
from sample_data.phrases import small_documents
from sample_data.picture_set import PictureSet
from sample_data.pictures import Picture
from sample_data.png import INSIDE, Color, shape_on_ground, write_png
from sample_data.publish import published
from sample_data.variants import with_variants

SEED, DOCUMENTS, PICTURES, CHATS, FILES = 7, 240, 90, 120, 3
COLORS: dict[str, Color] = {
    "red": (200, 40, 40),
    "green": (40, 150, 60),
    "blue": (40, 70, 190),
    "yellow": (235, 200, 50),
    "violet": (130, 60, 160),
    "white": (245, 245, 245),
}
PLACES = {
    "at the top left": (0.3, 0.3),
    "in the middle": (0.5, 0.5),
    "at the bottom right": (0.7, 0.7),
}
SIZES = [(48, 48), (64, 48), (96, 64), (120, 90)]


def drawn_pictures(count: int) -> list[Picture]:
    """Distinct pictures of one shape each; the caption says what is to be seen."""
    scenes = [
        (shape, color, ground, place)
        for shape in INSIDE
        for color in COLORS
        for ground in COLORS
        for place in PLACES
        if color != ground
    ]
    rng = random.Random(SEED)
    pictures = []
    for shape, color, ground, place in rng.sample(scenes, count):
        width, height = rng.choice(SIZES)
        shade = shape_on_ground(shape, COLORS[color], COLORS[ground], PLACES[place])
        pictures.append(
            Picture(
                data=write_png(width, height, shade),
                stem=f"{color}_{shape}_on_{ground}",
                kind="png",
                width=width,
                height=height,
                label=shape,
                caption=f"a {color} {shape} {place} on a {ground} ground",
                licence="Apache-2.0",
                package="examples",
            )
        )
    return pictures


def write_example_data(out: Path) -> None:
    """Writes the whole set below the empty folder `out`."""
    mixed = list(with_variants(small_documents(DOCUMENTS, SEED), SEED))
    lines = [to_line(document) for document, _ in mixed]
    (out / "documents").mkdir()
    for number in range(FILES):
        write_gzip_lines(out / "documents" / f"{number:04d}.jsonl.gz", lines[number::FILES])
    truth = b"".join(to_line(label) for _, label in mixed if label)
    (out / "truth.jsonl").write_bytes(truth)
    PictureSet(out).write(drawn_pictures(PICTURES), PICTURES)
    chats = chats_from(small_documents(DOCUMENTS, SEED + 1), CHATS, SEED)
    (out / "chats.jsonl").write_bytes(b"".join(map(to_line, chats)))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below `folder`, gzip unpacked because its bytes depend on the zlib version."""
    return {
        str(path.relative_to(folder)): gzip.decompress(data) if path.suffix == ".gz" else data
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "recipe.json"
        for data in [path.read_bytes()]
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    if not args.check:
        with published(args.out, {"made_by": "tools/make_example_data.py", "seed": SEED}) as work:
            write_example_data(work)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        write_example_data(Path(folder))
        want, have = contents(Path(folder)), contents(args.out)
    differing = sorted(
        name for name in want.keys() | have.keys() if want.get(name) != have.get(name)
    )
    for name in differing:
        print(f"differs: {args.out / name}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
