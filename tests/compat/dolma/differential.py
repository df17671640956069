#!/usr/bin/env python3
"""Compares the real toolkit with our program (`--compat dolma`) on random documents and configs.

    differential.py [--rounds 5] [--seed 0] [--only "tag code"] [--keep DIR]

Each round tags 1,500 random texts with every tagger, marks duplicates among them in three random
ways, and mixes 60 documents through 40 streams of random filters and span rules in JSONPath and 40
in jq. The toolkit's panics are avoided: on spans that are not integers, and its JSONPath has no
double quotes and no empty lists. A stream in jq that fails there has to fail here. Prints the seed
of a round that differs with its first differing row, then `N passed, N failed`.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests/cases"), str(Path(__file__).resolve().parent)]
import case_files  # noqa: E402
import compare  # noqa: E402
import corpora  # noqa: E402
import jobs  # noqa: E402
import toolkit  # noqa: E402

TEXTS, DOCUMENTS, STREAMS = 1500, 60, 40
NO_ORACLE = {"cld2", "url_lists"}  # jobs of taggers for which random texts say nothing
# Jobs that may differ in a few rows: «Source code is not parsed by Python's libraries».
KNOWN, MOST_KNOWN = {"starcoder"}, 0.05
WORDS = ["the", "be", "of", "a", "aa", "bb ", "the,", "#x", "é", "e\u0301", "数据", "😀", "…", "-"]
PIECES = [  # what the taggers look for
    *(
        "a@b.co",
        "(@b.co",
        "x@y",
        "me@ex.org.",
        " 206 555 0100",
        "(206)555-0100",
        "1.2.3.4",
        "256.1.1.1",
    ),
    *(
        "isbn",
        "doi",
        "ab ab ab ab",
        "aaaa",
        "12121212",
        "javascript",
        "{",
        "lorem ipsum",
        "İ",
        "ass",
    ),
    *(
        "two girls one cup",
        "3.14",
        "can't",
        "…",
        "...",
        "!",
        "?",
        '"',
        "//x",
        "# c",
        "/* copyright */",
    ),
    *(
        "*",
        "-",
        "the",
        "with",
        "_a_",
        "٣٤",
        "👍🏽",
        "日本語",
        "カタカナ",
        "한국",
        "ไทย",
        "\u200d",
        "\xa0",
        "\x00",
    ),
]
CODE = [  # lines, for the taggers of source code
    *("# c é", "// copyright 2020", "-- x", "#!/bin/sh", "import os", "x = 1  # y", "int a; // b"),
    *("/* a", " * b", " */", "/** d */ int f();", 'x = "# no"', "s = '// no'", "", "", "\t", "  "),
    *('"""doc"""', "def f():", '    """Doc\n    of f."""', "    return 1", "class A:", "    pass"),
    *("<p>a &amp; b</p>", "<!-- c -->", "<script>x = 1</script>", "<?xml version='1.0'?>", "<br>d"),
    *("var r = /[/*]/;", "`t ${a} // u`", "COPYRIGHT", "a++; b--; c = a /b/ d", "x = '\\'' # e"),
]
SPACES = [" ", " ", " ", "\n", "\n", "\n\n", "\r\n", "\t", "\u3000", "\u0085", "\u001c", "\u200b"]
VALUES = [0, 1, 1.0, 2, -1, 0.5, "x", "y", "1", "", True, False, None, [], [1, 2], {}, {"p": 1}]
KEYS = ["p", "q", "long_name", "a-b"]


def random_text(rng: random.Random) -> str:
    pool = rng.choice([WORDS, PIECES, WORDS + PIECES])
    words = rng.choices(pool, k=rng.randint(0, rng.choice([3, 10, 60])))
    text = "".join(word + rng.choice(SPACES) for word in words)
    text = rng.choice(["", "\n", "* ", "- "]) + text + rng.choice(["", "\n", "…", "end"])
    return corpora.SLOW.sub("x y", text)


def random_code(rng: random.Random) -> str:
    lines = rng.choices(CODE, k=rng.randint(0, 12))
    return corpora.SLOW.sub("x y", "\n".join(lines) + rng.choice(["", "\n", "\r\n"]))


def random_value(rng: random.Random, depth: int = 2) -> object:
    kind = rng.random()
    if depth and kind < 0.25:
        return {rng.choice(KEYS): random_value(rng, depth - 1) for _ in range(rng.randrange(4))}
    if depth and kind < 0.45:
        return [random_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    return rng.choice(VALUES)


def random_spans(rng: random.Random, length: int) -> list[object]:
    spans: list[object] = []
    for _ in range(rng.randrange(6)):
        start = rng.randrange(length + 3)
        spans.append([start, start + rng.randrange(7), rng.choice([0, 0.3, 0.5, 1, 1.0, 2])])
    return spans


STEPS = ["[*]", ".*", "[0:2]", "[1:]", "[:1]", "[-1:]", "[0,1]", "['p','q']", "..p", "..*"]
COMPARISONS = ["==", "!=", "<", ">", "<=", ">=", "~="]
OPERATORS = [*COMPARISONS, *COMPARISONS, "in", "nin", "size", "noneOf", "anyOf", "subsetOf"]
LITERALS = ["0", "1", "1.0", "0.5", "-1", "2", "'x'", "'1'", "''", "true", "null", "[1,2]", "1e1"]


def random_path(rng: random.Random, root: str) -> str:
    path = root
    for _ in range(rng.choice([1, 1, 1, 2, 2, 3])):
        step = rng.random()
        if step < 0.6:
            path += f".{rng.choice(KEYS)}"
        elif step < 0.7:
            path += f"['{rng.choice(KEYS)}']"
        elif step < 0.85:
            path += f"[{rng.randrange(3)}]"
        else:
            path += rng.choice(STEPS)
    return path


def random_test(rng: random.Random, depth: int = 2) -> str:
    kind = rng.random()
    if depth and kind < 0.25:
        operator = rng.choice(["&&", "||"])
        return f"{random_test(rng, depth - 1)} {operator} {random_test(rng, depth - 1)}"
    if depth and kind < 0.38:
        return f"{rng.choice(['', '!'])}({random_test(rng, depth - 1)})"
    path = random_path(rng, "@")
    if kind < 0.48:
        return rng.choice(["", "!"]) + path
    other = rng.choice(LITERALS) if rng.random() < 0.85 else random_path(rng, rng.choice("@$"))
    return f"{path} {rng.choice(OPERATORS)} {other}"


def random_filter(rng: random.Random) -> str:
    if rng.random() < 0.25:
        return random_path(rng, rng.choice(["$.m", "$.attributes", "$", "$@.m"]))
    root = rng.choice(["$.m", "$.m", "$@.m", "$.m.p", "$.m.q", "$", "$.m.*", "$..p"])
    return f"{root}[?({random_test(rng)})]{rng.choice(['', '', '.p', '[0]'])}"


JQ_PATHS = [
    ".m.p?",
    ".m.q?",
    '.m["a-b"]?',
    ".m.long_name?",
    ".m",
    ".m.p?[0]?",
    ".m.q?.p?",
    ".text",
    ".id",
]
JQ_PATHS += [
    ".m.p",
    ".m.x",
    ".attributes.s",
    ".attributes?.t?",
    ".attributes.s?[0]?[2]?",
    ".m.q?[]?",
]
JQ_VALUES = [
    "0",
    "1",
    "0.5",
    "-1",
    "2",
    '"x"',
    '"1"',
    '""',
    "true",
    "false",
    "null",
    "[]",
    "{}",
    "[1,2]",
]
JQ_FUNCTIONS = ["length", "type", "not", "tostring", "keys", "add", "numbers", "strings", "tojson"]
JQ_FUNCTIONS += ["arrays", "objects", "first", "last", 'has("p")', 'test("e")', 'startswith("d1")']


def random_jq(rng: random.Random, depth: int = 2) -> str:
    kind = rng.random()
    if depth and kind < 0.2:
        operator = rng.choice(["and", "or", "//"])
        return f"({random_jq(rng, depth - 1)}) {operator} ({random_jq(rng, depth - 1)})"
    if depth and kind < 0.35:
        return f"({random_jq(rng, depth - 1)} | {rng.choice(JQ_FUNCTIONS)}{rng.choice(['', '?'])})"
    if depth and kind < 0.4:
        return f"[{random_jq(rng, depth - 1)}]"
    if depth and kind < 0.45:
        return f"({random_jq(rng, depth - 1)}, {random_jq(rng, depth - 1)})"
    if kind < 0.55:
        return rng.choice(JQ_PATHS)
    if kind < 0.6:
        return rng.choice(JQ_VALUES)
    other = rng.choice(JQ_VALUES) if rng.random() < 0.8 else rng.choice(JQ_PATHS)
    return f"({rng.choice(JQ_PATHS)} {rng.choice(COMPARISONS[:6])} {other})"


def random_jq_stream(rng: random.Random, root: Path, number: int) -> jobs.Config:
    sides = rng.choice([{"include": 1}, {"include": 2, "exclude": 1}, {"exclude": 1}])
    chosen = {side: [random_jq(rng) for _ in range(count)] for side, count in sides.items()}
    stream = random_stream(rng, root, number)
    stream.pop("span_replacement", None)
    stream["filter"] = {"syntax": "jq", **chosen}
    if rng.random() < 0.3:
        span = rng.choice([".attributes.s", ".attributes.t", ".attributes.s // []", ".m.p?"])
        replacement = rng.choice(["", "<{}>", "$.id", "$.text", '$.id + "{}"', "$.m.p"])
        rule = {"span": span, "min_score": 0.3, "replacement": replacement, "syntax": "jq"}
        stream["span_replacement"] = [rule]
    return stream


def random_dedupe(rng: random.Random, root: Path, name: str) -> jobs.Config:
    """Marks of documents, paragraphs or n-grams among the texts, which are full of them."""
    unit: jobs.Config = jobs.documents(name)
    if rng.random() < 0.8:
        ngrams: dict[str, object] = {}
        if rng.random() < 0.6:
            ngrams = {
                "ngram_length": rng.choice([1, 2, 3, 5, 8]),
                "stride": rng.choice([0, 1, 2, 3, 7]),
                "overlap_threshold": rng.choice([0.0, 0.1, 0.5, 0.9, 1.0]),
                "skip_short_paragraphs": rng.random() < 0.5,
            }
        unit = jobs.paragraphs(name, rng.choice(["\n", "\n", "\n\n", " ", "a", "…"]), **ngrams)
    unit |= {"skip_empty": rng.random() < 0.5, "min_length": rng.choice([0, 0, 3, 10])}
    config = jobs.dedupe(name, unit).config
    return json.loads(json.dumps(config).replace("$ROOT", str(root)))  # type: ignore[no-any-return]


def random_stream(rng: random.Random, root: Path, number: int) -> jobs.Config:
    stream: jobs.Config = {
        "name": f"s{number:02d}",
        "documents": [str(root / "documents/*.gz")],
        "attributes": ["spans"],
        "output": {"path": str(root / "mixed"), "discard_fields": ["m"]},
    }
    if rng.random() < 0.6:
        sides = rng.choice([{"include": 1}, {"include": 2, "exclude": 1}, {"exclude": 1}])
        chosen = {side: [random_filter(rng) for _ in range(count)] for side, count in sides.items()}
        stream["filter"] = chosen
    if "filter" not in stream or rng.random() < 0.4:
        bounds = [{"min_score": 0.3}, {"max_score": 1.0}, {"min_score": 0.3, "max_score": 2.0}]
        stream["span_replacement"] = [
            {
                "span": f"$.attributes.{rng.choice(['s', 't', 'none'])}",
                "replacement": rng.choice(["", "X", "<{}>", "{}{}"]),
                **rng.choice(bounds),
            }
            for _ in range(rng.randint(1, 3))
        ]
    return stream


def write_round(rng: random.Random, root: Path) -> dict[str, jobs.Config]:
    """Writes the inputs of a round below `root`; returns configs, by command and a name."""
    texts = [random_code(rng) if rng.random() < 0.3 else random_text(rng) for _ in range(TEXTS)]
    rows = []
    for i, text in enumerate(texts):
        kind = rng.choice(["py", "js", "html", "java", "c", "sql", "txt"])
        metadata = {"ext": kind, "max_stars_count": i, "html": random_text(rng), "url": ""}
        rows.append({"id": f"t{i}", "text": text, "source": "", "metadata": metadata})
    write_rows(root / "texts/documents/0.jsonl.gz", rows)
    words = [row for row in rows if str(row["text"]).strip()]
    write_rows(root / "words/documents/0.jsonl.gz", words)
    documents, attributes = [], []
    for i in range(DOCUMENTS):
        text = random_text(rng)
        members = {key: random_value(rng) for key in KEYS if rng.random() < 0.7}
        documents.append({"id": f"d{i}", "text": text, "m": members})
        spans = {name: random_spans(rng, len(text)) for name in "st" if rng.random() < 0.8}
        attributes.append({"id": f"d{i}", "attributes": spans})
    write_rows(root / "documents/0.jsonl.gz", documents)
    write_rows(root / "attributes/spans/0.jsonl.gz", attributes)
    configs: dict[str, jobs.Config] = {}
    for job in jobs.TAG_JOBS:
        if job.megabytes == jobs.SMALL and job.name not in NO_ORACLE:
            # Texts without a word end a run of some taggers.
            folder = root / ("words" if job.name in ("pii", "starcoder") else "texts")
            config = json.dumps(job.config).replace("$ROOT", str(folder))
            configs[f"tag {job.name}"] = json.loads(config)
    for name in ("first", "second", "third"):
        configs[f"dedupe {name}"] = random_dedupe(rng, root / "texts", name)
    streams = [random_stream(rng, root, number) for number in range(STREAMS)]
    configs["mix jsonpath"] = {"streams": streams, "processes": 1}
    streams = [random_jq_stream(rng, root, number) for number in range(STREAMS, 2 * STREAMS)]
    configs["mix jq"] = {"streams": streams, "processes": 1}
    return configs


def write_rows(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    case_files.write_rows(path, [json.dumps(row, ensure_ascii=False) for row in rows])


def outputs(root: Path) -> dict[str, list[str]]:
    files = [*root.glob("texts/attributes/*/*.gz"), *root.glob("words/attributes/*/*.gz")]
    files += root.glob("mixed/*.gz")
    return {str(path.relative_to(root)): case_files.rows(path) for path in sorted(files)}


def run(command: list[str], name: str, config: jobs.Config, root: Path) -> toolkit.Done:
    path = root / "config.yaml"
    path.write_text(json.dumps(config), "utf-8")
    return toolkit.run([*command, "-c", str(path), name.split()[0]], root)


def split_streams(config: jobs.Config, root: Path) -> tuple[jobs.Config, list[jobs.Config]]:
    """A config of the streams whose outputs are in `root`, and one of each other stream."""
    streams = config["streams"]
    assert isinstance(streams, list)
    done = [s for s in streams if (root / "mixed" / f"{s['name']}-0000.json.gz").exists()]
    return {**config, "streams": done}, [
        {**config, "streams": [s]} for s in streams if s not in done
    ]


def run_round(seed: str, work: Path, program: dict[str, list[str]], only: str) -> dict[str, str]:
    """What differs, by output ('' if nothing does), in the round of `seed`, of configs `only`…."""
    theirs, ours = work / "toolkit", work / "ours"
    problems: dict[str, str] = {}
    own_configs = write_round(random.Random(seed), ours)
    for name, config in write_round(random.Random(seed), theirs).items():
        if not name.startswith(only):
            continue
        own_config = own_configs[name]
        failing: list[jobs.Config] = []
        done = run(program["toolkit"], name, config, theirs)
        if name == "mix jq":
            own_config, failing = split_streams(own_config, theirs)
        elif done.exit_code != 0:
            problems[f"toolkit {name}"] = f"exit {done.exit_code}: {done.message[-600:]}"
        for alone in failing:
            if run(program["ours"], name, alone, ours).exit_code == 0:
                problems[f"ours {name}: {alone['streams']}"] = "should fail"
        done = run(program["ours"], name, own_config, ours)
        if done.exit_code != 0:
            problems[f"ours {name}"] = f"exit {done.exit_code}: {done.message[-600:]}"
    left, right = outputs(ours), outputs(theirs)
    for output in sorted(left.keys() | right.keys()):
        got = {output: left[output]} if output in left else {}
        want = {output: right[output]} if output in right else {}
        problems[output] = case_files.difference(got, want)
        if problems[output] and Path(output).parts[-2] in KNOWN:
            count, _ = compare.differing(got, want)
            if 0 < count <= MOST_KNOWN * len(right[output]):
                print(f"known {seed} {output}: {count} of {len(right[output])} rows differ")
                problems[output] = ""
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--program", type=Path, default=toolkit.PROGRAM)
    parser.add_argument("--toolkit", type=Path, default=toolkit.TOOLKIT)
    parser.add_argument("--only", default="", help="only what begins with this: tag, mix jq, …")
    parser.add_argument("--keep", type=Path, help="keep the files of rounds that differ here")
    args = parser.parse_args()
    commands = {
        "toolkit": [str(args.toolkit)],
        "ours": [str(args.program.resolve()), "--compat", "dolma"],
    }
    passed = failed = 0
    for number in range(args.rounds):
        seed = f"{args.seed}:{number}"
        with tempfile.TemporaryDirectory(prefix="datalake-differential-") as folder:
            problems = run_round(seed, Path(folder), commands, args.only)
            if args.keep and any(problems.values()):
                shutil.copytree(folder, args.keep / seed.replace(":", "-"), dirs_exist_ok=True)
        for output, problem in problems.items():
            passed, failed = passed + (not problem), failed + bool(problem)
            if problem:
                print(f"FAIL round {seed}, {output}: {problem}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
