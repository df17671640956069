"""PNG files written with zlib alone, and simple pictures drawn into them."""

import struct
import zlib
from collections.abc import Callable

Color = tuple[int, int, int]
Shader = Callable[[float, float], Color]


def write_png(width: int, height: int, shade: Shader) -> bytes:
    """An 8-bit RGB file; `shade` gives the colour at x, y, both from 0 to 1."""
    rows = bytearray()
    for row in range(height):
        rows.append(0)  # filter: none
        for column in range(width):
            rows += bytes(shade((column + 0.5) / width, (row + 0.5) / height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _inside_circle(x: float, y: float) -> bool:
    return x * x + y * y <= 1


def _inside_square(x: float, y: float) -> bool:
    return max(abs(x), abs(y)) <= 0.9


def _inside_triangle(x: float, y: float) -> bool:
    return y <= 0.9 and abs(x) <= (y + 1) / 2


def _inside_ring(x: float, y: float) -> bool:
    return 0.3 <= x * x + y * y <= 1


def _inside_cross(x: float, y: float) -> bool:
    return min(abs(x), abs(y)) <= 0.3 and max(abs(x), abs(y)) <= 1


def _inside_diamond(x: float, y: float) -> bool:
    return abs(x) + abs(y) <= 1


INSIDE: dict[str, Callable[[float, float], bool]] = {
    "circle": _inside_circle,
    "square": _inside_square,
    "triangle": _inside_triangle,
    "ring": _inside_ring,
    "cross": _inside_cross,
    "diamond": _inside_diamond,
}


def shape_on_ground(shape: str, color: Color, ground: Color, center: tuple[float, float]) -> Shader:
    """A shape of radius 0.3 around `center`, on a ground that darkens downwards."""
    inside = INSIDE[shape]

    def shade(x: float, y: float) -> Color:
        if inside((x - center[0]) / 0.3, (y - center[1]) / 0.3):
            return color
        fade = 1 - 0.4 * y
        red, green, blue = (int(part * fade) for part in ground)
        return red, green, blue

    return shade
