#!/usr/bin/env python3
"""Writes the tables of src/datalake/text/word_segments.cc and the vectors of its test.

Two versions of the property Word_Break are in them, those of the two libraries that the Dolma
toolkit splits words with: Unicode 15.1 from the Rust crate unicode-segmentation 1.11.0 (dedupe),
and Unicode 16.0 from the Python package uniseg 0.10.1 (taggers). Run it where uniseg is installed
and the sources of the crate are at hand (`cargo fetch`):

    tools/make_word_break_tables.py CRATE_DIR src/datalake/text
"""

import re
import sys
from pathlib import Path

from uniseg.emoji import extended_pictographic
from uniseg.wordbreak import word_break

BLOCK_BITS = 7
BLOCK = 1 << BLOCK_BITS
LIMIT = 0x110000

# WordClass of word_segments.cc, in its order. Pictographic is no value of Word_Break: it stands for
# Other with Extended_Pictographic, PictographicLetter for ALetter with it.
CLASSES = [
    "Other", "CR", "LF", "Newline", "WSegSpace", "ALetter", "HebrewLetter", "Numeric", "Katakana",
    "ExtendNumLet", "RegionalIndicator", "MidLetter", "MidNum", "MidNumLet", "SingleQuote",
    "DoubleQuote", "Extend", "Format", "ZWJ", "Pictographic", "PictographicLetter",
]  # fmt: skip

RANGE = re.compile(r"\('\\u\{([0-9a-f]+)\}',\s*'\\u\{([0-9a-f]+)\}',\s*WC_(\w+)\)")


def class_of(name: str, pictographic: bool) -> int:
    name = name.replace("_", "")
    if pictographic and name == "Other":
        return CLASSES.index("Pictographic")
    if pictographic:
        assert name == "ALetter", name
        return CLASSES.index("PictographicLetter")
    return CLASSES.index(name)


def pairs(crate: Path) -> list[tuple[int, int]]:
    """(class in 15.1, class in 16.0) of each code point."""
    tables = (crate / "src/tables.rs").read_text(encoding="utf-8")
    old = ["Other"] * LIMIT
    for first, last, name in RANGE.findall(tables[tables.index("pub mod word") :]):
        for code_point in range(int(first, 16), int(last, 16) + 1):
            old[code_point] = name
    result = []
    for code_point in range(LIMIT):
        if 0xD800 <= code_point < 0xE000:
            result.append((0, 0))
            continue
        pictographic = bool(extended_pictographic(chr(code_point)))
        new = word_break(chr(code_point)).value
        result.append((class_of(old[code_point], pictographic), class_of(new, pictographic)))
    return result


def write_tables(values: list[tuple[int, int]], path: Path) -> None:
    plain = [(i, i) for i in range(len(CLASSES))]
    kinds = plain + sorted(set(values) - set(plain))
    number = {pair: i for i, pair in enumerate(kinds)}
    index: list[int] = []
    blocks: list[tuple[int, ...]] = []
    known: dict[tuple[int, ...], int] = {}
    for start in range(0, LIMIT, BLOCK):
        block = tuple(number[pair] for pair in values[start : start + BLOCK])
        if block not in known:
            known[block] = len(blocks)
            blocks.append(block)
        index.append(known[block])
    assert len(blocks) <= 256

    def rows(numbers: list[int]) -> list[str]:
        return [
            "    " + " ".join(f"{n}," for n in numbers[i : i + 24])
            for i in range(0, len(numbers), 24)
        ]

    lines = [
        "// Made by tools/make_word_break_tables.py from Word_Break of Unicode 15.1 and 16.0.",
        "// A kind is a pair of classes, one a version; block of each 128 code points, then kinds.",
        f"constexpr std::array<std::uint8_t, {len(kinds)}> kClassOfKind15 = {{",
        *rows([pair[0] for pair in kinds]),
        "};",
        f"constexpr std::array<std::uint8_t, {len(kinds)}> kClassOfKind16 = {{",
        *rows([pair[1] for pair in kinds]),
        "};",
        f"constexpr std::array<std::uint8_t, {len(index)}> kKindBlock = {{",
        *rows(index),
        "};",
        f"constexpr std::array<std::uint8_t, {len(blocks) * BLOCK}> kKind = {{",
        *rows([kind for block in blocks for kind in block]),
        "};",
        "",
    ]
    path.write_text("\n".join(lines), encoding="utf-8")


def write_vectors(crate: Path, path: Path) -> None:
    data = (crate / "src/testdata.rs").read_text(encoding="utf-8")
    data = data[data.index("TEST_WORD") : data.index("TEST_SENTENCE")]
    data = data[data.index("= &[") :]
    lines = ["// Made by tools/make_word_break_tables.py: WordBreakTest.txt of Unicode 15.1."]
    for _, segments in re.findall(r'\("([^"]*)",\s*&\[([^\]]*)\]\s*\)', data):
        points = [
            re.findall(r"\\u\{([0-9a-f]+)\}", word) for word in re.findall(r'"([^"]*)"', segments)
        ]
        words = [" ".join(f"{int(c, 16):04X}" for c in word) for word in points]
        lines.append('"' + " / ".join(words) + '",')
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main(crate: Path, folder: Path) -> None:
    write_tables(pairs(crate), folder / "word_break_tables.inc")
    write_vectors(crate, folder / "word_break_vectors.inc")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
