"""Draws a PNG in the terminal with half blocks; standard library only."""

from __future__ import annotations

import sys
import zlib
from pathlib import Path

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_COLUMNS = 40
_MAX_PIXELS = 4_000_000


def sketch(path: Path) -> str | None:
    """Forty columns of half blocks, or None: no plain 8-bit PNG, or no terminal."""
    if not sys.stdout.isatty():
        return None
    pixels = _read_png(path.read_bytes())
    if pixels is None:
        return None
    width, height = len(pixels[0]), len(pixels)
    columns = min(_COLUMNS, width)
    rows = max(1, round(height / width * columns / 2))

    def at(column: int, half_row: int) -> str:
        y = min(height - 1, half_row * height // (rows * 2))
        red, green, blue = pixels[y][column * width // columns]
        return f"{red};{green};{blue}"

    lines = []
    for row in range(rows):
        cells = (
            f"\x1b[38;2;{at(column, 2 * row)};48;2;{at(column, 2 * row + 1)}m▀"
            for column in range(columns)
        )
        lines.append("".join(cells) + "\x1b[0m")
    return "\n".join(lines)


def _read_png(data: bytes) -> list[list[tuple[int, int, int]]] | None:
    if data[:8] != _SIGNATURE:
        return None
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    depth, kind, interlaced = data[24], data[25], data[28]
    if depth != 8 or interlaced or kind not in _CHANNELS or width * height > _MAX_PIXELS:
        return None
    palette, packed, at = b"", b"", 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        name, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        palette = body if name == b"PLTE" else palette
        packed += body if name == b"IDAT" else b""
        at += 12 + length
    try:
        lines = _unfilter(zlib.decompress(packed), width, height, _CHANNELS[kind])
    except (zlib.error, IndexError):
        return None
    return [_colours(line, kind, palette) for line in lines]


def _unfilter(raw: bytes, width: int, height: int, channels: int) -> list[bytearray]:
    """Undoes the filters of PNG (ISO 15948 §9)."""
    stride, lines, above = width * channels, [], bytearray(width * channels)
    for row in range(height):
        begin = row * (stride + 1)
        method, line = raw[begin], bytearray(raw[begin + 1 : begin + 1 + stride])
        for i in range(stride):
            left = line[i - channels] if i >= channels else 0
            corner = above[i - channels] if i >= channels else 0
            if method == 1:
                line[i] = (line[i] + left) & 255
            elif method == 2:
                line[i] = (line[i] + above[i]) & 255
            elif method == 3:
                line[i] = (line[i] + (left + above[i]) // 2) & 255
            elif method == 4:
                guess = left + above[i] - corner
                near = min((left, above[i], corner), key=lambda value: abs(guess - value))
                line[i] = (line[i] + near) & 255
        lines.append(line)
        above = line
    return lines


def _colours(line: bytearray, kind: int, palette: bytes) -> list[tuple[int, int, int]]:
    step = _CHANNELS[kind]
    if kind == 3:
        return [(palette[3 * i], palette[3 * i + 1], palette[3 * i + 2]) for i in line]
    if kind in (0, 4):
        return [(line[i],) * 3 for i in range(0, len(line), step)]
    if kind == 2:
        return [(line[i], line[i + 1], line[i + 2]) for i in range(0, len(line), step)]
    blended = []
    for i in range(0, len(line), 4):
        alpha = line[i + 3]
        red, green, blue = ((c * alpha + 255 * (255 - alpha)) // 255 for c in line[i : i + 3])
        blended.append((red, green, blue))
    return blended
