"""Plants labelled copies, junk and personal data among documents; what was done is the truth file.

Kinds: exact (same text), near (a share of the words edited), contains (the text of `original`
inside that of `host`), junk (a piece of `original` repeated), pii (an original with one planted
line of personal data; `spans` = [start, end, type] in code points).
"""

import hashlib
import random
import re
from collections.abc import Iterable, Iterator

from sample_data.documents import Document

Truth = dict[str, object]

SHARES = {"exact": 0.20, "near": 0.15, "contains": 0.05, "junk": 0.03}  # of all documents
PII_SHARE = 0.02  # of the originals; such a document is never copied
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|\w+")  # a CJK character counts as a word
_PII_FORMS = [
    ("EMAIL_ADDRESS", "jane.{n}@mail{n}.example.org"),
    ("PHONE_NUMBER", "(206) 555-{n:04d}"),
    ("IP_ADDRESS", "192.0.2.{m}"),
]


def with_variants(
    originals: Iterable[Document], seed: int
) -> Iterator[tuple[Document, Truth | None]]:
    """The originals in order, mixed with variants of earlier ones by SHARES."""
    share = sum(SHARES.values())
    bases: list[Document] = []
    for original in originals:
        rng = random.Random(f"{seed}:{original['id']}")
        if rng.random() < PII_SHARE:
            yield _with_pii(original, rng)
        else:
            bases.append(original)
            yield original, None
        if bases and rng.random() < share / (1 - share):
            kind = rng.choices(list(SHARES), list(SHARES.values()))[0]
            key = hashlib.blake2b(f"{seed}:{kind}:{original['id']}".encode(), digest_size=12)
            yield _variant(kind, key.hexdigest(), rng.choice(bases), rng.choice(bases), rng)


def _variant(
    kind: str, key: str, base: Document, host: Document, rng: random.Random
) -> tuple[Document, Truth]:
    text, lines = base["text"], host["text"].split("\n")
    detail: Truth = {}
    if kind == "near":
        share = round(rng.uniform(0.02, 0.08), 4)
        text, detail = _edit_words(text, share, rng), {"edited": share}
    elif kind == "contains":
        half = len(lines) // 2
        text, detail = "\n".join([*lines[:half], text, *lines[half:]]), {"host": host["id"]}
    elif kind == "junk":
        line = rng.choice(text.split("\n")).strip() or "Home"
        piece = rng.choice([line, rng.choice(_WORD.findall(text)), "-=" * 20])
        text = (piece + rng.choice("\n ")) * rng.randint(20, 200)
    copy: Document = {**base, "id": key, "text": text}
    return copy, {"id": key, "original": base["id"], "kind": kind, **detail}


def _edit_words(text: str, share: float, rng: random.Random) -> str:
    """Replaces (60 %), deletes (20 %) or doubles (20 %) `share` of the words by words of `text`."""
    spans = [match.span() for match in _WORD.finditer(text)]
    words = [text[start:end] for start, end in spans]
    out: list[str] = []
    last = 0
    for i in sorted(rng.sample(range(len(spans)), max(1, round(share * len(spans))))):
        action = rng.random()
        edited = f"{words[i]} {words[i]}"
        if action < 0.8:
            edited = rng.choice(words) if action < 0.6 else ""
        out += [text[last : spans[i][0]], edited]
        last = spans[i][1]
    return "".join(out) + text[last:]


def _with_pii(original: Document, rng: random.Random) -> tuple[Document, Truth]:
    text = original["text"]
    number, octet = rng.randrange(10_000), rng.randrange(1, 255)
    at = text.find("\n", rng.randrange(len(text))) + 1
    line = "Contact:"
    spans: list[list[object]] = []
    for kind, form in _PII_FORMS:
        value = form.format(n=number, m=octet)
        start = at + len(line) + 1
        spans.append([start, start + len(value), kind])
        line += f" {value} ,"
    planted: Document = {**original, "text": f"{text[:at]}{line}\n{text[at:]}"}
    truth: Truth = {"id": original["id"], "original": original["id"], "kind": "pii", "spans": spans}
    return planted, truth
