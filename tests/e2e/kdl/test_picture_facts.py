"""Links tell how a picture is turned and how many pictures a file has, read from its headers."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import deltalake
import polars as pl
import pyarrow as pa
from kdl_lake import KdlLake, png
from PIL import Image

OLD_LINK = pa.struct(
    [
        ("sha256", pa.string()),
        ("path", pa.string()),
        ("media_type", pa.string()),
        ("bytes", pa.int64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("problem", pa.string()),
    ]
)


def saved(kind: str, frames: int = 1, **options: Any) -> bytes:
    pictures = [Image.new("RGB", (4, 3), (10 * i, 0, 99)) for i in range(frames)]
    made = io.BytesIO()
    more = {"save_all": True, "append_images": pictures[1:]} if frames > 1 else {}
    pictures[0].save(made, kind, **more, **options)
    return made.getvalue()


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def make(folder: Path) -> None:
    folder.mkdir()
    files = {
        "a.jpg": saved("JPEG", exif=turned(6)),
        "b.jpg": saved("JPEG"),
        "c.gif": saved("GIF", 5),
        "d.png": saved("PNG", 3),  # APNG
        "e.png": saved("PNG", exif=turned(3)),
        "f.webp": saved("WEBP", 4),
        "g.tiff": saved("TIFF", 2),
        "h.webp": saved("WEBP", exif=turned(8)),
        "i.jpg": saved("JPEG")[:30],  # cut off
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)


FACTS = [  # width, height as displayed, orientation, frames
    (3, 4, 6, 1),
    (4, 3, None, 1),
    (4, 3, None, 5),
    (4, 3, None, 3),
    (4, 3, 3, 1),
    (4, 3, None, 4),
    (4, 3, None, 2),
    (3, 4, 8, 1),
]


def facts(link: dict[str, Any]) -> tuple[int | None, ...]:
    return link["width"], link["height"], link["orientation"], link["frames"]


def test_links_have_orientation_and_frames(kdl: KdlLake, tmp_path: Path) -> None:
    make(tmp_path / "pictures")
    kdl.ok("upload", tmp_path / "pictures", "--provider", "test", "--dataset", "d")
    kdl.ok("process")
    links = [row["image"] for row in kdl.rows("d")]
    by_hash = {link["sha256"]: facts(link) for link in links if not link["problem"]}
    assert sorted(by_hash.values(), key=str) == sorted(FACTS, key=str)
    broken = [link for link in links if link["problem"]]
    assert len(broken) == 1 and broken[0]["orientation"] is None

    path = str(kdl.path / "catalog/provider=test/dataset=d/task=raw")
    theirs = deltalake.DeltaTable(path).to_pyarrow_table().column("image").to_pylist()
    assert {link["sha256"]: facts(link) for link in theirs if not link["problem"]} == by_hash
    read = pl.read_delta(path).get_column("image").to_list()
    assert {link["sha256"]: facts(link) for link in read if not link["problem"]} == by_hash


def test_a_table_of_older_links_keeps_their_form(kdl: KdlLake, tmp_path: Path) -> None:
    names = ["provider", "dataset", "task", "variant"]
    link = {"sha256": "0" * 64, "media_type": "image/png", "width": 1, "height": 2}
    old = pa.table(
        {
            "image": pa.array([link], OLD_LINK),
            "n": pa.array([0], pa.int64()),
            "path": pa.array(["00/00/x.png"], pa.string()),
            "hash": pa.array(["0" * 64], pa.string()),
        }
        | {
            name: [value]
            for name, value in zip(names, ["test", "old", "raw", "image"], strict=True)
        }
    )
    path = kdl.path / "catalog/provider=test/dataset=old/task=raw"
    deltalake.write_deltalake(str(path), old, partition_by=names)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(png(1))
    (tmp_path / "in" / "metadata.csv").write_text("image,n\na.png,1\n")
    for dataset in ("old", "new"):
        kdl.ok("upload", tmp_path / "in", "--provider", "test", "--dataset", dataset)
    kdl.ok("process")
    table = deltalake.DeltaTable(str(path))
    rows = sorted(table.to_pyarrow_table().to_pylist(), key=lambda row: row["n"])
    assert [row["image"]["width"] for row in rows] == [1, 4]
    assert "frames" not in rows[1]["image"]
    assert table.version() == 1

    import datalake

    both = datalake.open(kdl.path).search(providers=["test"], order_by=["n", "dataset"])
    found = [(row["n"], row["image"]["width"], row["image"]["frames"]) for row in both.to_pylist()]
    assert found == [(0, 1, None), (1, 4, 1), (1, 4, None)]
