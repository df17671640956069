#!/usr/bin/env python3
"""Writes src/datalake/text/regex_tables.inc: which code points the Python package `regex` takes
for \\w, \\s and [[:punct:]]. Taggers of the Dolma toolkit count with these. Run it where that
package is installed: tools/make_regex_tables.py src/datalake/text/regex_tables.inc
"""

import sys
from pathlib import Path

import regex

BLOCK_BITS = 7
BLOCK = 1 << BLOCK_BITS
LIMIT = 0x110000
# Bits of the table, in the order of kWord, kSpace and kPunct in regex_classes.cc.
PATTERNS = (r"\w", r"\s", "[[:punct:]]")


def rows(values: list[int]) -> list[str]:
    return [
        "    " + " ".join(f"{v}," for v in values[i : i + 24]) for i in range(0, len(values), 24)
    ]


def main(path: Path) -> None:
    every = "".join(chr(c) for c in range(LIMIT) if not 0xD800 <= c < 0xE000)
    values = [0] * LIMIT
    for bit, pattern in enumerate(PATTERNS):
        for char in regex.findall(pattern, every):
            values[ord(char)] |= 1 << bit
    index: list[int] = []
    blocks: list[list[int]] = []
    for start in range(0, LIMIT, BLOCK):
        block = values[start : start + BLOCK]
        if block not in blocks:
            blocks.append(block)
        index.append(blocks.index(block))
    assert len(blocks) <= 256
    lines = [
        f"// Made by tools/make_regex_tables.py from the Python package regex {regex.__version__}.",
        "// Block of each 128 code points, then the blocks: bits \\w, \\s, [[:punct:]].",
        f"constexpr std::array<std::uint8_t, {len(index)}> kClassBlock = {{",
        *rows(index),
        "};",
        f"constexpr std::array<std::uint8_t, {len(blocks) * BLOCK}> kClassBits = {{",
        *rows([value for block in blocks for value in block]),
        "};",
        "",
    ]
    path.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
