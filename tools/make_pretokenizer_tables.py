#!/usr/bin/env python3
"""Writes src/datalake/text/pretokenizer_tables.inc: the character classes of Hugging Face's
tokenizers 0.19.1 (Oniguruma), by which the Dolma toolkit's olmo_pretokenizer taggers split. Run it
where that package is installed:

    tools/make_pretokenizer_tables.py src/datalake/text/pretokenizer_tables.inc
"""

import sys
from pathlib import Path

from tokenizers import Regex
from tokenizers.pre_tokenizers import Split

BLOCK_BITS = 7
BLOCK = 1 << BLOCK_BITS
LIMIT = 0x110000
# In the order of PieceClass in pretokenizer.cc, behind kOther. A later one wins.
PATTERNS = (r"\s", r"\p{L}", r"\p{N}", r"\d", "[[:punct:]]")


def rows(values: list[int]) -> list[str]:
    return [
        "    " + " ".join(f"{v}," for v in values[i : i + 24]) for i in range(0, len(values), 24)
    ]


def classes() -> list[int]:
    values = [0] * LIMIT
    points = [c for c in range(LIMIT) if not 0xD800 <= c < 0xE000]
    for number, pattern in enumerate(PATTERNS, start=1):
        splitter = Split(Regex(f"({pattern})+"), behavior="removed")
        for first in range(0, len(points), 4096):
            chunk = points[first : first + 4096]
            kept: set[int] = set()
            for _, (begin, end) in splitter.pre_tokenize_str("".join(map(chr, chunk))):
                kept.update(range(begin, end))
            for at, point in enumerate(chunk):
                if at not in kept:
                    values[point] = number
    return values


def main(path: Path) -> None:
    values = classes()
    index: list[int] = []
    blocks: list[tuple[int, ...]] = []
    known: dict[tuple[int, ...], int] = {}
    for start in range(0, LIMIT, BLOCK):
        block = tuple(values[start : start + BLOCK])
        if block not in known:
            known[block] = len(blocks)
            blocks.append(block)
        index.append(known[block])
    bits = [value for block in blocks for value in block]
    lines = [
        "// Made by tools/make_pretokenizer_tables.py.",
        f"// Block of each {BLOCK} code points, then the classes of the distinct blocks.",
        f"constexpr std::array<std::uint8_t, {len(index)}> kPieceBlock = {{",
        *rows(index),
        "};",
        "",
        f"constexpr std::array<std::uint8_t, {len(bits)}> kPieceClass = {{",
        *rows(bits),
        "};",
        "",
    ]
    assert len(blocks) <= 256
    path.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
