"""Dolma documents out of unpacked packages, and files of them."""

import datetime
import gzip
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypedDict

from sample_data.packages import Package
from sample_data.pages import FORMATS, tidy

MIN_CHARS, MAX_CHARS = 200, 24_000  # shorter pages are dropped, longer ones cut at a line end
_MIN_FILES = 20  # of one format in a package
_SKIP = re.compile(
    r"/(?:genindex|search|index-all|allclasses|\w*modindex)[^/]*$|/class-use/|changelog|copyright"
    r"|legal\.xml"
)
_LANGUAGE = re.compile(r"/(?:man|help|manual)/([a-z]{2}(?:[_-]\w\w)?)/")


class Metadata(TypedDict):
    package: str
    path: str
    language: str
    part: int


class Document(TypedDict):
    id: str
    text: str
    source: str
    added: str
    created: str
    metadata: Metadata


def package_documents(job: tuple[str, Package]) -> list[Document]:
    """All documents of one (source, package), in path order."""
    source, package = job
    files, to_text = _pages(package.root)
    documents: list[Document] = []
    for path in files:
        data = path.read_bytes()
        try:
            page = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
        except UnicodeDecodeError:
            continue
        name = str(path.relative_to(package.root))
        created = datetime.datetime.fromtimestamp(int(path.stat().st_mtime), datetime.UTC)
        for part, text in enumerate(_parts(tidy(to_text(page)))):
            key = f"{package.name}/{name}#{part}"
            documents.append(
                {
                    "id": hashlib.blake2b(key.encode(), digest_size=12).hexdigest(),
                    "text": text,
                    "source": source,
                    "added": "2024-01-01T00:00:00.000Z",
                    "created": created.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                    "metadata": {
                        "package": package.name,
                        "path": name,
                        "language": _language(name),
                        "part": part,
                    },
                }
            )
    return documents


def _pages(root: Path) -> tuple[list[Path], Callable[[str], str]]:
    paths = [
        path
        for path in sorted(root.rglob("*"))
        if not _SKIP.search(str(path)) and path.is_file() and not path.is_symlink()
    ]
    for pattern, to_text in FORMATS:
        files = [path for path in paths if pattern.search(str(path))]
        if len(files) >= _MIN_FILES:
            return files, to_text
    return [], str


def _parts(text: str) -> Iterator[str]:
    while len(text) >= MIN_CHARS:
        cut = len(text)
        if cut > MAX_CHARS:
            cut = text.rfind("\n", MAX_CHARS // 2, MAX_CHARS) + 1 or MAX_CHARS
        yield text[:cut].strip()
        text = text[cut:]


def _language(name: str) -> str:
    """Language code of a page by its folder; regions are kept where they change the language."""
    found = _LANGUAGE.search(f"/{name}")
    code = found.group(1).replace("_", "-").lower() if found else "en"
    return code if code[:2] in ("zh", "pt") else code[:2]


def to_line(document: object) -> bytes:
    """One JSON line, compact, characters unescaped."""
    return (json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def write_gzip_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Writes `lines` as gzip -6 without a time stamp."""
    path.write_bytes(gzip.compress(b"".join(lines), 6, mtime=0))


def read_documents(folder: Path) -> Iterator[Document]:
    """All documents of `folder`/*.jsonl.gz, in file and line order."""
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
            for line in lines:
                document: Document = json.loads(line)
                yield document
