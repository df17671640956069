"""What compare.py runs with both programs: one command over one corpus each.

In a config `$ROOT` stands for the folder that holds documents/, lists/ and the attributes that the
job needs; outputs land beside them, where the toolkit puts them.
"""

from dataclasses import dataclass

Config = dict[str, object]
DOCUMENTS = "$ROOT/documents/*.gz"
SMALL, BIG = 1.7, 52.0  # MB of JSON lines


@dataclass(frozen=True)
class Job:
    """`needs` are jobs whose attributes, as the toolkit made them, are there beside the documents.

    `differs` is the heading of docs/dolma-compat.md that says why we differ without --compat, and
    with it in at most `rows` rows.
    """

    name: str
    command: str
    config: Config
    corpus: str = "mixed"
    megabytes: float = SMALL
    needs: tuple[str, ...] = ()
    differs: str = ""
    rows: int = 0


def tag(
    name: str,
    taggers: list[str],
    megabytes: float = SMALL,
    differs: str = "",
    rows: int = 0,
    **options: object,
) -> Job:
    corpus = "mixed" if megabytes == SMALL else "text"
    config = {"documents": [DOCUMENTS], "experiment": name, "taggers": taggers, **options}
    body = {**config, "processes": 1}
    return Job(name, "tag", body, corpus, megabytes, differs=differs, rows=rows)


URL_TAGGERS = ["link_blocklist_phishing_v1", "domain_blocklist_utp_v1", "blocklist_project_ads_v1"]
LIST = "# a list\nexample.com\nbad.net/a\n||a.b.c.io^\n0.0.0.0 www.shop.test\nwiki.de/a/b.html\n"

TAG_JOBS = [
    tag(
        "lengths",
        [
            "char_length_v1",
            "char_length_strip_ws_v1",
            "char_length_with_paragraphs_v1",
            "bytes_length_v1",
            "doc_count_v1",
        ],
    ),
    tag(
        "words",
        ["whitespace_tokenizer_v1", "whitespace_tokenizer_with_paragraphs_v1"],
        differs="`whitespace_tokenizer_*` counts words and runs of symbols",
    ),
    tag(
        "uniseg",
        [
            "uniseg_length_v1",
            "uniseg_length_paragraphs_v1",
            "uniseg_length_paragraphs_with_empty_v1",
            "uniseg_length_paragraphs_with_doc_length_v1",
        ],
    ),
    tag("olmo", ["olmo_pretokenizer_v1", "olmo_pretokenizer_with_paragraphs_v1"]),
    tag("gopher", ["gopher_v1", "gopher_v2"]),
    tag("c4", ["c4_v1", "c4_v2"]),
    tag("pii", ["pii_regex_v1", "pii_regex_v2", "pii_regex_with_counts_v2"]),
    tag(
        "pii_fast",
        ["pii_regex_with_counts_fast_v2"],
        differs="Personal data: texts without a word, URLs, the part of the text",
    ),
    tag("repetitions", ["repetitions_v1", "paragraph_repetitions_v1"]),
    tag("not_alphanum", ["not_alphanum_paragraph_v1"]),
    tag(
        "code",
        ["code_redpajama_taggers_v1", "code_copyright_comments_v1"],
        differs="Leading comments end where they end",
    ),
    tag(
        "starcoder",
        ["code_starcoder_taggers_v1", "code_starcoder_taggers_v2"],
        differs="Source code is not parsed by Python's libraries",
        rows=5,
    ),
    tag("licenses", ["cc_re", "cc_re_fast"]),
    tag(
        "cld2",
        [
            "cld2_doc_v2",
            "cld2_en_doc_v2",
            "cld2_paragraph_v2",
            "cld2_en_paragraph_v2",
            "cld2_en_paragraph_with_doc_score_v2",
        ],
        differs="Types of `cld2_*` are codes of languages",
    ),
    tag("url_lists", URL_TAGGERS, lists=dict.fromkeys(URL_TAGGERS, "$ROOT/lists/list.txt")),
    tag("big_gopher", ["gopher_v2"], BIG),
    tag("big_c4", ["c4_v2"], BIG, differs="Offsets of `c4_v2` are those of the text"),
]


def dedupe(name: str, unit: Config, megabytes: float = BIG, differs: str = "") -> Job:
    """Marks; a Bloom filter with next to no false positives."""
    config = {
        "documents": [DOCUMENTS],
        "dedupe": {"name": name, **unit},
        "bloom_filter": {
            "file": f"$ROOT/{name}.bloom",
            "read_only": False,
            "estimated_doc_count": 6_000_000,
            "desired_false_positive_rate": 1e-12,
        },
        "processes": 1,
    }
    corpus = "mixed" if megabytes == SMALL else "text"
    return Job(name, "dedupe", config, corpus, megabytes, differs=differs)


def documents(name: str, key: str = "$.text") -> Config:
    return {"documents": {"attribute_name": name, "key": key}}


def paragraphs(name: str, separator: str = "\n", **ngrams: object) -> Config:
    by_ngram = {"by_ngram": ngrams} if ngrams else {}
    return {"paragraphs": {"attribute_name": name, "paragraph_separator": separator, **by_ngram}}


TAILS = "Spans of paragraphs are exact"
DEDUPE_JOBS = [
    dedupe("dup", documents("dup")),
    dedupe("dup_path", documents("dup_path", "$.metadata.path")),
    dedupe("dup_long", {**documents("dup_long"), "min_length": 2000, "skip_empty": True}),
    dedupe("par", paragraphs("par"), differs=TAILS),
    dedupe("par_blank", {**paragraphs("par_blank", "\n\n"), "skip_empty": True}, differs=TAILS),
    dedupe("par_dots", {**paragraphs("par_dots", ". "), "min_length": 20}, SMALL, TAILS),
    dedupe(
        "ngrams",
        paragraphs("ngrams", ngram_length=13, stride=0, overlap_threshold=0.5),
        differs=TAILS,
    ),
    dedupe(
        "ngrams_stride",
        paragraphs(
            "ngrams_stride",
            ngram_length=8,
            stride=3,
            overlap_threshold=0.2,
            skip_short_paragraphs=True,
        ),
        differs=TAILS,
    ),
]


def mix(
    name: str,
    needs: tuple[str, ...],
    attributes: tuple[str, ...] = (),
    megabytes: float = SMALL,
    shuffle: bool = True,
    differs: str = "",
    **stream: object,
) -> Job:
    """One stream over all documents with the attributes of other jobs, and the made ones."""
    stream.setdefault("output", {})
    output = stream["output"]
    assert isinstance(output, dict)
    output["path"] = f"$ROOT/mixed/{name}"
    source = {"documents": [DOCUMENTS], "attributes": [*needs, *attributes]}
    streams = [{"name": name, **source, **stream}]
    config: Config = {"streams": streams, "processes": 1, "shuffle": shuffle}
    corpus = "mixed" if megabytes == SMALL else "text"
    return Job(f"mix_{name}", "mix", config, corpus, megabytes, needs, differs)


GOPHER = "@.big_gopher__gopher_v2__"
WORD_COUNT = f"{GOPHER}word_count[0][2]"
WORDS_JQ = ".attributes.big_gopher__gopher_v2__word_count[0][2]"
LETTERS_JQ = ".attributes.big_gopher__gopher_v2__fraction_of_words_with_alpha_character[0][2]"
SPANS = ("spans",)
NUMBERS = "Numbers are compared as numbers"
EXAMPLE_FILTER: Config = {
    "include": [f"$.attributes[?({WORD_COUNT} < 5000)]"],
    "exclude": [
        f"$.attributes[?({WORD_COUNT} < 50)]",
        f"$.attributes[?({GOPHER}fraction_of_duplicate_lines[0][2] > 0.3)]",
        f"$.attributes[?({GOPHER}fraction_of_words_with_alpha_character[0][2] <= 0.6)]",
        f"$.attributes[?({GOPHER}fraction_of_characters_in_most_common_2grams[0][2] > 0.2)]",
        "$@.attributes[?(@.dup && @.dup[0] && @.dup[0][2] >= 1)]",
    ],
}
MIX_JOBS = [
    mix("filtered", ("big_gopher", "dup"), megabytes=BIG, filter=EXAMPLE_FILTER),
    mix(
        "float_literal",
        ("dup",),
        megabytes=BIG,
        differs=NUMBERS,
        filter={"exclude": ["$@.attributes[?(@.dup && @.dup[0] && @.dup[0][2] >= 1.0)]"]},
    ),
    mix(
        "jq",
        ("big_gopher", "dup"),
        megabytes=BIG,
        filter={
            "syntax": "jq",
            "include": [
                f"{WORDS_JQ} >= 50 and {WORDS_JQ} < 5000",
                f"({LETTERS_JQ} > 0.6) and (.metadata.language | IN_NONE)".replace(
                    "IN_NONE", 'test("^(en|de|fr|ja)")'
                ),
            ],
            "exclude": [
                ".attributes.dup and (.attributes.dup | length > 0) and .attributes.dup[0][2] >= 1",
                '.source == "handbook"',
            ],
        },
    ),
    mix(
        "replaced",
        ("par", "big_c4"),
        megabytes=BIG,
        span_replacement=[
            {"span": "$.attributes.par", "min_score": 0.5, "replacement": ""},
            {
                "span": "$.attributes.big_c4__c4_v2__lines_with_too_few_words",
                "min_score": 0.5,
                "replacement": "",
            },
        ],
        output={"discard_fields": ["attributes"], "min_text_length": 400},
    ),
    mix(
        "lines",
        (),
        SPANS,
        span_replacement=[
            {"span": "$.attributes.lines", "min_score": 0.5, "replacement": "<{}>"},
            {"span": "$.attributes.lines", "max_score": 0.2, "replacement": ""},
            {"span": "$.attributes.any", "min_score": 0.1, "replacement": "█"},
        ],
        output={"discard_fields": ["attributes"], "min_text_length": 400},
    ),
    mix(
        "lines_jq",
        (),
        SPANS,
        span_replacement=[
            {
                "span": ".attributes.lines | map(select(.[2] > 0.7))",
                "min_score": 0.0,
                "replacement": "$.metadata.url",
                "syntax": "jq",
            },
            {
                "span": ".attributes.any // []",
                "max_score": 1.0,
                "replacement": '$.id + "{}"',
                "syntax": "jq",
            },
        ],
    ),
    mix(
        "both",
        (),
        SPANS,
        filter={
            "include": ["$.metadata[?(@.language == 'en')]", "$.attributes.any"],
            "exclude": ["$.metadata[?(@.max_stars_count > 900)]"],
        },
        span_replacement=[{"span": "$.attributes.any", "min_score": 0.6, "replacement": "{}"}],
        output={"discard_fields": ["created", "source"]},
    ),
    mix(
        "shards",
        (),
        SPANS,
        filter={"exclude": ["$.attributes.any"]},
        output={"max_size_in_bytes": 200_000, "discard_fields": ["attributes"]},
    ),
    mix("mirrored", (), SPANS, shuffle=False, filter={"include": ["$.attributes.any"]}),
]

JOBS = {job.name: job for job in [*TAG_JOBS, *DEDUPE_JOBS, *MIX_JOBS]}
