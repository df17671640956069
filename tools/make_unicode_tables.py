#!/usr/bin/env python3
"""Writes src/datalake/text/unicode_tables.inc from Python's unicodedata.

The word rules are those of Python 3.11 (Unicode 14.0): str.split and str.isalpha, so run it
with that Python: python3.11 tools/make_unicode_tables.py src/datalake/text/unicode_tables.inc
"""

import sys
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

BLOCK_BITS = 8
BLOCK = 1 << BLOCK_BITS
LIMIT = 0x110000


def bitset_blocks(member: Callable[[str], bool]) -> tuple[list[int], list[tuple[int, ...]]]:
    """Two stages: an index of a byte a block, and the distinct blocks as 64-bit words."""
    index: list[int] = []
    blocks: list[tuple[int, ...]] = []
    known: dict[tuple[int, ...], int] = {}
    for start in range(0, LIMIT, BLOCK):
        words = tuple(
            sum(1 << bit for bit in range(64) if member(chr(start + word * 64 + bit)))
            for word in range(BLOCK // 64)
        )
        if words not in known:
            known[words] = len(blocks)
            blocks.append(words)
        index.append(known[words])
    assert len(blocks) <= 256
    return index, blocks


def rows(values: Sequence[int], per_line: int, form: Callable[[int], str]) -> list[str]:
    return [
        "    " + " ".join(form(v) + "," for v in values[i : i + per_line])
        for i in range(0, len(values), per_line)
    ]


def main(path: Path) -> None:
    index, blocks = bitset_blocks(lambda c: c.isalpha())
    numeric_index, numeric_blocks = bitset_blocks(lambda c: c.isalnum() and not c.isalpha())
    numeric_type = f"std::array<std::array<std::uint64_t, {BLOCK // 64}>, {len(numeric_blocks)}>"
    spaces = [c for c in range(LIMIT) if chr(c).isspace()]
    zeros = [c for c in range(LIMIT) if unicodedata.decimal(chr(c), None) == 0]
    assert all(unicodedata.decimal(chr(zero + i), None) == i for zero in zeros for i in range(10))
    digits = sum(unicodedata.category(chr(c)) == "Nd" for c in range(LIMIT))
    assert digits == 10 * len(zeros)
    bits_type = f"std::array<std::array<std::uint64_t, {BLOCK // 64}>, {len(blocks)}>"
    lines = [
        f"// Made by tools/make_unicode_tables.py from Unicode {unicodedata.unidata_version}.",
        f'constexpr std::string_view kUnicodeVersion = "{unicodedata.unidata_version}";',
        "",
        "// Code points that str.split takes for white space: White_Space and U+001C to U+001F.",
        f"constexpr std::array<char32_t, {len(spaces)}> kSpaces = {{",
        *rows(spaces, 12, lambda v: f"0x{v:04X}"),
        "};",
        "",
        "// The zeros of all decimal digits (general category Nd); the other nine follow each.",
        f"constexpr std::array<char32_t, {len(zeros)}> kDigitZeros = {{",
        *rows(zeros, 12, lambda v: f"0x{v:04X}"),
        "};",
        "",
        "// Letters (general category L*): block of each 256 code points, then the blocks' bits.",
        f"constexpr std::array<std::uint8_t, {len(index)}> kLetterBlock = {{",
        *rows(index, 24, str),
        "};",
        "",
        f"constexpr {bits_type} kLetterBits = {{{{",
        *["    {{" + ", ".join(f"0x{w:016X}" for w in words) + "}}," for words in blocks],
        "}};",
        "",
    ]
    lines += [
        "// What str.isalnum takes besides letters: decimal digits, digits and numbers.",
        f"constexpr std::array<std::uint8_t, {len(numeric_index)}> kNumericBlock = {{",
        *rows(numeric_index, 24, str),
        "};",
        "",
        f"constexpr {numeric_type} kNumericBits = {{{{",
        *["    {{" + ", ".join(f"0x{w:016X}" for w in words) + "}}," for words in numeric_blocks],
        "}};",
        "",
    ]
    path.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
