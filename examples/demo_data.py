"""The demo's input: text, pictures and chats from Debian packages, or the small shipped set."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from demo_story import Story


@dataclass
class DemoData:
    documents: Path  # folder with documents/*.jsonl.gz
    documents_count: int
    exact_copies: int
    text_mb: float
    pictures: Path  # folder with images/ and annotations.jsonl
    picture_files: int
    distinct_pictures: int
    picture_word: str  # occurs in captions
    chats: dict[str, bytes]  # ingest id -> body

    @property
    def chats_count(self) -> int:
        return len(self.chats)


def prepare_data(story: Story, root: Path, small: bool) -> DemoData:
    """Makes the data with the tools (cached between runs); else takes examples/data and says so."""
    if not small:
        try:
            return _make_data(story, root)
        except subprocess.CalledProcessError as error:
            story.say(f"Debian packages cannot be had here ({error}); using the small shipped data")
    else:
        story.say("using the small shipped data of examples/data")
    folder = root / "examples" / "data"
    return _read_data(folder, folder, folder / "chats.jsonl", "ring")


def _make_data(story: Story, root: Path) -> DemoData:
    cache = root / ".cache" / "demo"
    story.say("input: text and pictures of Debian packages (cached in .cache/)")
    _tool(root, "make_corpus.py", cache / "text")
    _tool(root, "make_images.py", cache / "pictures", "-n", "1000")
    _tool(root, "make_chats.py", cache / "chats", cache / "text" / "documents", "-n", "10000")
    return _read_data(cache / "text", cache / "pictures", cache / "chats" / "chats.jsonl", "flag")


def _tool(root: Path, name: str, *arguments: str | Path) -> None:
    words = [sys.executable, str(root / "tools" / name), *map(str, arguments)]
    subprocess.run(words, check=True)


def _read_data(text: Path, pictures: Path, chats: Path, word: str) -> DemoData:
    count = 0
    size = 0
    for path in sorted((text / "documents").glob("*.jsonl.gz")):
        with gzip.open(path) as lines:
            for line in lines:
                count += 1
                size += len(line)
    truth = [json.loads(line) for line in (text / "truth.jsonl").read_text().splitlines()]
    expected = json.loads((pictures / "expected.json").read_text())
    bodies = {json.loads(line)["ingest_id"]: line for line in chats.read_bytes().splitlines()}
    return DemoData(
        documents=text,
        documents_count=count,
        exact_copies=sum(row["kind"] == "exact" for row in truth),
        text_mb=size / 1e6,
        pictures=pictures,
        picture_files=expected["files"],
        distinct_pictures=expected["distinct"],
        picture_word=word,
        chats=bodies,
    )
