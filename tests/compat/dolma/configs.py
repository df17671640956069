"""Commands and configs that the comparison runs over a folder of documents.

`root` is a folder with documents/*.gz; outputs land beside it, where the toolkit puts them.
"""

import random
from pathlib import Path

EXPERIMENT, TAGGERS = "exp", ["char_length_v1", "gopher_v2"]
SPANS = "spans"  # an attribute folder that the comparison makes itself
WORD_COUNT = "@.exp__gopher_v2__word_count[0][2]"
DUPLICATE_LINES = "@.exp__gopher_v2__fraction_of_duplicate_lines[0][2]"
LETTERS = "@.exp__gopher_v2__fraction_of_words_with_alpha_character[0][2]"
TOP_BIGRAM = "@.exp__gopher_v2__fraction_of_characters_in_most_common_2grams[0][2]"

Config = dict[str, object]


def tag_arguments(root: Path) -> list[str]:
    documents = str(root / "documents/*.gz")
    names = ["--experiment", EXPERIMENT, "--taggers", *TAGGERS]
    return ["tag", "--documents", documents, *names, "--processes", "1"]


def dedupe_config(root: Path, name: str, key: str, **options: object) -> Config:
    """Marks of exact duplicates of `key`; a Bloom filter with next to no false positives."""
    return {
        "documents": [str(root / "documents/*.gz")],
        "dedupe": {"name": name, "documents": {"attribute_name": name, "key": key}, **options},
        "bloom_filter": {
            "file": str(root / f"{name}.bloom"),
            "read_only": False,
            "estimated_doc_count": 1_000_000,
            "desired_false_positive_rate": 1e-12,
        },
        "processes": 1,
    }


def dedupe_configs(root: Path) -> dict[str, Config]:
    return {
        "text": dedupe_config(root, "dup", "$.text"),
        "path": dedupe_config(root, "dup_path", "$.metadata.path"),
        "long": dedupe_config(root, "dup_long", "$.text", min_length=2000, skip_empty=True),
    }


def mix_config(root: Path, name: str, shuffle: bool = True, **stream: object) -> Config:
    """One stream over all documents with the attributes that the other commands made."""
    stream.setdefault("output", {})
    output = stream["output"]
    assert isinstance(output, dict)
    output["path"] = str(root / "mixed" / name)
    attributes = [EXPERIMENT, "dup", SPANS]
    source = {"documents": [str(root / "documents/*.gz")], "attributes": attributes}
    streams = [{"name": name, **source, **stream}]
    return {"streams": streams, "processes": 1, "shuffle": shuffle}


def mix_configs(root: Path) -> dict[str, Config]:
    return {
        "filtered": mix_config(
            root,
            "filtered",
            filter={
                "include": [f"$.attributes[?({WORD_COUNT} < 5000)]"],
                "exclude": [
                    f"$.attributes[?({WORD_COUNT} < 50)]",
                    f"$.attributes[?({DUPLICATE_LINES} > 0.3)]",
                    f"$.attributes[?({LETTERS} <= 0.6)]",
                    f"$.attributes[?({TOP_BIGRAM} > 0.2)]",
                    "$@.attributes[?(@.dup && @.dup[0] && @.dup[0][2] >= 1)]",
                ],
            },
        ),
        "float_literal": mix_config(
            root,
            "float_literal",
            filter={"exclude": ["$@.attributes[?(@.dup && @.dup[0] && @.dup[0][2] >= 1.0)]"]},
        ),
        "replaced": mix_config(
            root,
            "replaced",
            span_replacement=[
                {"span": "$.attributes.lines", "min_score": 0.5, "replacement": "<{}>"},
                {"span": "$.attributes.lines", "max_score": 0.2, "replacement": ""},
                {"span": "$.attributes.any", "min_score": 0.1, "replacement": "█"},
            ],
            output={"discard_fields": ["attributes"], "min_text_length": 400},
        ),
        "both": mix_config(
            root,
            "both",
            filter={
                "include": ["$.metadata[?(@.language == 'en')]", "$.attributes.any"],
                "exclude": ["$.metadata[?(@.part > 2)]", "$.attributes.dup"],
            },
            span_replacement=[{"span": "$.attributes.any", "min_score": 0.6, "replacement": "{}"}],
            output={"discard_fields": ["created", "source"]},
        ),
        "shards": mix_config(
            root,
            "shards",
            filter={"exclude": ["$.attributes.dup"]},
            output={"max_size_in_bytes": 100_000, "discard_fields": ["attributes"]},
        ),
        "mirrored": mix_config(
            root,
            "mirrored",
            shuffle=False,
            filter={"include": [f"$.attributes[?({WORD_COUNT} >= 300.0)]"]},
        ),
    }


def span_attributes(text: str, rng: random.Random) -> dict[str, object]:
    """Spans inside `text`: `lines`, some of its lines, and in half the documents `any`, anywhere.

    Unsorted, overlapping and adjacent, in code points; none is empty or begins past the end.
    """
    lines, start = [], 0
    for line in text.split("\n"):
        if line and rng.random() < 0.4:
            lines.append([start, start + len(line), round(rng.random(), 2)])
        start += len(line) + 1
    rng.shuffle(lines)
    if len(text) < 2 or rng.random() < 0.5:
        return {"lines": lines}
    starts = [rng.randrange(len(text) - 1) for _ in range(rng.randrange(12))]
    spans = [[at, at + rng.randint(1, 60), rng.choice([0.05, 0.5, 1, 1.0])] for at in starts]
    return {"lines": lines, "any": spans}
