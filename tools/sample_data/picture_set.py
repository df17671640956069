"""A folder of pictures as a contributor would send it: with copies, broken files and odd names.

  images/<label>/<number>_<stem>.<ext>, images/copies/…     annotations.jsonl     expected.json

annotations.jsonl does not tell which files are broken; expected.json is the oracle that does.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from sample_data.pictures import Picture

# Each comes `oddity_count` times, at the end of the originals; the first four are broken files.
ODDITIES = (
    "truncated",
    "flipped_byte",
    "empty",
    "not_a_picture",
    "wrong_extension",
    "odd_name",
    "upper_case_extension",
)
_ODD_NAMES = (
    *("изображение {}", "画像_{}", "صورة {}", "cafe\u0301 {}", "na\u00efve-{}", "🐧 {}"),
    *("it's {}", "100% {}", "a=b {}", "semi;colon {}", 'quo"te {}', " lead {}", "trail {} "),
    *("{}.tar", "dash--{}", "#hash {}"),
)


def oddity_count(total: int) -> int:
    """Files of each oddity in a set of `total`: one in 400, at least one."""
    return max(1, total // 400)


@dataclass
class PictureSet:
    """Writes one set below `root`, an existing empty folder."""

    root: Path
    rows: list[dict[str, object]] = field(default_factory=list)
    oddities: dict[str, list[str]] = field(default_factory=dict)
    copies: dict[str, str] = field(default_factory=dict)
    digests: list[str] = field(default_factory=list)

    def write(self, pictures: list[Picture], total: int) -> dict[str, object]:
        """Makes `total` files: a tenth exact copies, the rest `pictures`; returns the oracle."""
        originals = total - total // 10
        few = oddity_count(total)
        sound = originals - len(ODDITIES) * few
        for number, picture in enumerate(pictures[:originals]):
            oddity = ODDITIES[(number - sound) // few] if number >= sound else ""
            self._put_original(number, picture, oddity)
        for number in range(total - originals):
            self._put_copy(number, number * sound // (total - originals), pictures)
        return self._finish()

    def _put_original(self, number: int, picture: Picture, oddity: str) -> None:
        stem = re.sub(r"[^A-Za-z0-9]+", "_", picture.stem)[:60].strip("_")
        name, extension = f"{number:06d}_{stem}", picture.kind
        if oddity == "odd_name":
            name = _ODD_NAMES[number % len(_ODD_NAMES)].format(f"{number:06d}")
        elif oddity == "wrong_extension":
            extension = "jpg" if picture.kind == "png" else "png"
        elif oddity == "upper_case_extension":
            extension = picture.kind.upper()
        path = f"images/{picture.label}/{name}.{extension}"
        self._put(path, replace(picture, data=_spoil(picture.data, oddity)))
        if oddity:
            self.oddities.setdefault(oddity, []).append(path)

    def _put_copy(self, number: int, of: int, pictures: list[Picture]) -> None:
        picture = pictures[of]
        path = f"images/copies/{number:06d}.{picture.kind}"
        self._put(path, replace(picture, caption=f"{picture.caption} again"))
        self.copies[path] = str(self.rows[of]["image"])

    def _put(self, path: str, picture: Picture) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(picture.data)
        self.digests.append(hashlib.sha256(picture.data).hexdigest())
        self.rows.append(
            {
                "image": path,
                "caption": picture.caption,
                "label": picture.label,
                "width": picture.width,
                "height": picture.height,
                "licence": picture.licence,
                "package": picture.package,
            }
        )

    def _finish(self) -> dict[str, object]:
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in self.rows)
        (self.root / "annotations.jsonl").write_text(lines, "utf-8")
        oracle: dict[str, object] = {
            "files": len(self.rows),
            "distinct": len(set(self.digests)),
            "bytes": sum((self.root / str(row["image"])).stat().st_size for row in self.rows),
            "oddities": self.oddities,
            "copies": self.copies,
        }
        text = json.dumps(oracle, ensure_ascii=False, indent=1) + "\n"
        (self.root / "expected.json").write_text(text, "utf-8")
        return oracle


def _spoil(data: bytes, oddity: str) -> bytes:
    if oddity == "truncated":
        return data[: max(24, len(data) * 6 // 10)]
    if oddity == "flipped_byte":
        half = len(data) // 2
        return data[:half] + bytes([data[half] ^ 0x55]) + data[half + 1 :]
    if oddity == "empty":
        return b""
    if oddity == "not_a_picture":
        return b"<!DOCTYPE html><title>404 " + hashlib.sha256(data).hexdigest()[:8].encode()
    return data
