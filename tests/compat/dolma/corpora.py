"""Texts that both programs are run over.

`text`: real text in 42 languages with planted duplicates (tools/make_corpus.py, as in `make demo`).
`mixed`: 1 MB of it, sources of the toolkit's own environment, whose packages are pinned by hash,
and pages of it with planted addresses, numbers and links; each with the metadata that a tagger may
ask for. A corpus depends on its recipe only and is made once, in `.cache/dolma-compare/corpora`.
"""

import json
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests/cases")]
import case_files  # noqa: E402

CACHE = ROOT / ".cache/dolma-compare"
VERSION = 1  # of what this file makes
TEXT = ROOT / ".cache/demo/text"
SITE = ROOT / ".cache/dolma-venv/lib/python3.11/site-packages"
SOURCES = {"py", "js", "html", "c", "h", "pyx", "pyi", "css", "md", "sh", "f90", "json"}
SPANS = "spans"  # the folder of attributes made here
# A run of punctuation, spaces and emoji that is longer takes the toolkit's pattern for ages.
SLOW = re.compile(r"(?:[^\w\n]|_){18}\w")

Document = dict[str, object]


def folder(name: str, megabytes: float) -> Path:
    """The folder of a corpus, with documents/ and attributes/spans/; makes it if need be."""
    path = CACHE / "corpora" / f"{name}-{megabytes:g}-v{VERSION}"
    if path.exists():
        return path
    work = path.with_suffix(".tmp")
    shutil.rmtree(work, ignore_errors=True)
    for file_name, lines in MAKERS[name](megabytes):
        spans = []
        for line in lines:
            document = json.loads(line)
            made = span_attributes(document["text"], random.Random(document["id"]))
            spans.append(json.dumps({"id": document["id"], "attributes": made}))
        for kind, rows in (("documents", lines), (f"attributes/{SPANS}", spans)):
            (work / kind).mkdir(parents=True, exist_ok=True)
            case_files.write_rows(work / kind / file_name, rows)
    work.rename(path)
    return path


def text(megabytes: float) -> Iterator[tuple[str, list[str]]]:
    """The same share of each file of the demo's corpus."""
    if not (TEXT / "documents").exists():
        maker = [sys.executable, str(ROOT / "tools/make_corpus.py"), str(TEXT)]
        subprocess.run(maker, check=True)
    files = sorted((TEXT / "documents").glob("*.jsonl.gz"))
    for path in files:
        lines, room = [], megabytes * 1e6 / len(files)
        for line in case_files.rows(path):
            room -= len(line.encode())
            if room < 0:
                break
            lines.append(line)
        yield path.name, lines


def mixed(megabytes: float) -> Iterator[tuple[str, list[str]]]:
    """60 % text, 20 % sources, 20 % pages."""
    rng = random.Random(VERSION)
    texts = [json.loads(line) for _, lines in text(megabytes * 0.8) for line in lines]
    pages = [texts.pop() for _ in range(len(texts) // 4)]
    documents = [*texts, *(page(entry, rng) for entry in pages), *sources(megabytes * 0.2e6, rng)]
    for number, document in enumerate(documents):
        if SLOW.search(str(document["text"])):
            document["text"] = SLOW.sub("...x", str(document["text"]))
        metadata = document.setdefault("metadata", {})
        assert isinstance(metadata, dict)
        metadata.setdefault("ext", rng.choice(["txt", "md", "unknown"]))
        metadata.setdefault("max_stars_count", rng.randrange(1000))
        metadata.setdefault("url", random_url(rng))
        metadata.setdefault("html", "")
        document["id"] = f"{number:05d}"
    lines = [json.dumps(document, ensure_ascii=False) for document in documents]
    for number in range(4):
        yield f"{number:04d}.jsonl.gz", lines[number::4]


MAKERS = {"text": text, "mixed": mixed}


def sources(size: float, rng: random.Random) -> Iterator[Document]:
    """Source files of the pinned packages, up to `size` bytes in all."""
    files = sorted(path for path in SITE.rglob("*") if path.suffix[1:] in SOURCES)
    rng.shuffle(files)
    seen = dict.fromkeys(SOURCES, 0)
    for path in files:
        data, kind = path.read_bytes(), path.suffix[1:]
        if not 0 < len(data) < 30_000 or seen[kind] > (size if kind == "py" else size / 8):
            continue
        try:
            content = data.decode()
        except UnicodeDecodeError:
            continue
        seen[kind] += len(data)
        name = str(path.relative_to(SITE))
        yield {"id": name, "text": content, "source": "code", "metadata": {"ext": kind}}
        if sum(seen.values()) > size:
            return


DOMAINS = ["example.com", "news.example.org", "bad.net", "www.shop.test", "a.b.c.io", "wiki.de"]
LICENSES = ["by", "by-sa", "by-nc", "by-nc-nd", "by-nc-sa"]


def random_url(rng: random.Random) -> str:
    scheme, domain = rng.choice(["http", "https"]), rng.choice(DOMAINS)
    return f"{scheme}://{domain}/{rng.choice(['', 'a', 'a/b.html', 'x?q=1#f', 'Page/'])}"


def page(document: Document, rng: random.Random) -> Document:
    """`document` with words replaced by what the PII and licence taggers look for."""
    words = re.split(r"(\s+)", str(document["text"]))
    for at in range(0, len(words), 2):
        if rng.random() < 0.02:
            words[at] = planted(rng)
    links = "".join(
        f'<p><a rel="license" href="http://creativecommons.org/licenses/{rng.choice(LICENSES)}'
        f'/{rng.choice(["1.0", "2.5", "4.0"])}/{rng.choice(["", "de/", "deed.fr"])}">x</a></p>\n'
        for _ in range(rng.choice([0, 0, 1, 2, 5]))
    )
    html = f"<html><body>{links}<p>{''.join(words[:200])}</p></body></html>"
    metadata = {"url": random_url(rng), "html": html}
    return {**document, "text": "".join(words), "metadata": metadata}


def planted(rng: random.Random) -> str:
    digits = "".join(rng.choices("0123456789", k=10))
    octets = ".".join(str(rng.randrange(rng.choice([256, 400]))) for _ in range(4))
    user, domain = rng.choice(["me", "a.b", "x_y+z", "ü", "(q", "@"]), rng.choice(DOMAINS)
    return rng.choice(
        [
            f"{user}@{domain}",
            f"<{user}@{domain}>,",
            f"{user}@{domain}.",
            f"({digits[:3]}) {digits[3:6]}-{digits[6:]}",
            f"{digits[:3]}.{digits[3:6]}.{digits[6:]}",
            digits,
            octets,
            f"{octets}:80",
            rng.choice(["isbn", "doi:", "#1", "javascript", "{", "lorem ipsum"]),
            random_url(rng),
            "ha " * rng.randint(3, 6),
        ]
    )


def span_attributes(content: str, rng: random.Random) -> dict[str, object]:
    """Spans inside `content`: `lines`, some of its lines, and in half the documents `any`.

    Unsorted, overlapping and adjacent, in code points; none is empty or begins past the end.
    """
    lines, start = [], 0
    for line in content.split("\n"):
        if line and rng.random() < 0.4:
            lines.append([start, start + len(line), round(rng.random(), 2)])
        start += len(line) + 1
    rng.shuffle(lines)
    if len(content) < 2 or rng.random() < 0.5:
        return {"lines": lines}
    starts = [rng.randrange(len(content) - 1) for _ in range(rng.randrange(12))]
    spans = [[at, at + rng.randint(1, 60), rng.choice([0.05, 0.5, 1, 1.0])] for at in starts]
    return {"lines": lines, "any": spans}
