"""Real pictures with the captions, or at least the names, that their authors gave them."""

import hashlib
import re
import struct
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sample_data.packages import Package


@dataclass(frozen=True)
class Picture:
    """A sound picture and what a contributor would say about it."""

    data: bytes
    stem: str
    kind: str
    width: int
    height: int
    label: str
    caption: str
    licence: str
    package: str


@dataclass(frozen=True)
class PictureSource:
    """A folder of pictures in a package."""

    package: str
    folder: str
    licence: str
    describe: Callable[[Path], Callable[[Path], tuple[str, str] | None]]


def picture_size(data: bytes) -> tuple[str, int, int] | None:
    """Kind, width and height by the file's own header; None if it is of no kind we know."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR":
        return ("png", *struct.unpack(">II", data[16:24]))
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return ("gif", *struct.unpack("<HH", data[6:10]))
    return _jpeg_size(data) if data[:2] == b"\xff\xd8" else None


def _jpeg_size(data: bytes) -> tuple[str, int, int] | None:
    at = 2
    while at + 9 < len(data):
        if data[at] != 0xFF:
            at += 1
            continue
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return "jpg", width, height
        alone = marker == 0xFF or 0xD0 <= marker <= 0xD9
        at += 2 if alone else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def words(stem: str) -> str:
    """A file name as words: `beachMalibu-01` is `beach malibu`."""
    split = re.sub(r"[_\-.]+|(?<=[a-z])(?=[A-Z])|(?<=\D)\d+$|(?<=\D)\d(?=-)", " ", stem)
    return re.sub(r"\s+", " ", split).strip().lower()


def _describe_scratch(root: Path) -> Callable[[Path], tuple[str, str] | None]:
    """Costumes and backgrounds: the folder is the label; the alphabets are left out."""

    def describe(path: Path) -> tuple[str, str] | None:
        label = path.parent.name.lower()
        letters = "Letters" in path.relative_to(root).parts
        return None if letters else (label, words(path.stem))

    return describe


def _describe_flags(_root: Path) -> Callable[[Path], tuple[str, str] | None]:
    return lambda path: ("flag", f"flag of {path.stem.upper()}")


def _describe_maps(root: Path) -> Callable[[Path], tuple[str, str] | None]:
    """Maps and flags of their divisions, with the names and capitals of the map files."""
    captions: dict[str, tuple[str, str]] = {}
    for path in sorted(root.glob("*.kgm")):
        tree = ElementTree.parse(path).getroot()
        name, divisions = tree.findtext("name", ""), tree.findtext("divisionsName", "divisions")
        captions[tree.findtext("mapFile", "")] = ("map", f"map of {name}: {divisions.lower()}")
        for division in tree.iter("division"):
            capital = division.findtext("capital")
            where = f", capital {capital}" if capital else ""
            if flag := division.findtext("flag"):
                title = f"flag of {division.findtext('name', '')}{where}"
                captions.setdefault(f"flags/{flag}", ("flag", title))
                captions.setdefault(f"flags/{name.lower()}/{flag}", ("flag", title))
    return lambda path: captions.get(str(path.relative_to(root)))


SOURCES = [
    PictureSource("scratch", "usr/share/scratch/Media", "CC-BY-SA-3.0", _describe_scratch),
    PictureSource("kgeography-data", "usr/share/kgeography", "GPL-2+", _describe_maps),
    PictureSource(
        "iso-flags-png-320x240", "usr/share/iso-flags-png-320x240", "public domain", _describe_flags
    ),
]


def real_pictures(packages: dict[str, Package]) -> Iterator[Picture]:
    """Every distinct picture of SOURCES by its bytes; the same order on every machine."""
    seen: set[str] = set()
    for source in SOURCES:
        package = packages[source.package]
        folder = package.root / source.folder
        describe = source.describe(folder)
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() not in (".png", ".jpg", ".gif") or path.is_symlink():
                continue
            data, described = path.read_bytes(), describe(path)
            size, digest = picture_size(data), hashlib.sha256(data).hexdigest()
            if size is None or described is None or digest in seen:
                continue
            seen.add(digest)
            yield Picture(
                data,
                path.stem,
                *size,
                *described,
                licence=source.licence,
                package=f"{package.name} {package.version}",
            )
