#!/usr/bin/env python3
"""Compares the real toolkit with our program (`--compat dolma`) on random documents and configs.

    differential.py [--rounds 5] [--seed 0] [--keep DIR]

Each round tags 1,500 random texts, marks duplicates among them, and mixes 60 documents through 40
streams of random filters and span rules. Only what the toolkit survives is made: it panics on
spans that are not integers, and its grammar has no double quotes and no empty lists. Prints the
seed of a round that differs with its first differing row, then `N passed, N failed`.
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
import configs  # noqa: E402
import toolkit  # noqa: E402

TEXTS, DOCUMENTS, STREAMS = 1500, 60, 40
WORDS = ["the", "be", "of", "a", "aa", "bb ", "the,", "#x", "é", "e\u0301", "数据", "😀", "…", "-"]
SPACES = [" ", " ", " ", "\n", "\n", "\n\n", "\r\n", "\t", "\u3000", "\u0085", "\u001c", "\u200b"]
VALUES = [0, 1, 1.0, 2, -1, 0.5, "x", "y", "1", "", True, False, None, [], [1, 2], {}, {"p": 1}]
KEYS = ["p", "q", "long_name", "a-b"]


def random_text(rng: random.Random) -> str:
    words = rng.choices(WORDS, k=rng.randint(0, rng.choice([3, 10, 60])))
    text = "".join(word + rng.choice(SPACES) for word in words)
    return rng.choice(["", "\n", "* ", "- "]) + text + rng.choice(["", "\n", "…", "end"])


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


def random_stream(rng: random.Random, root: Path, number: int) -> configs.Config:
    stream: configs.Config = {
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


def write_round(rng: random.Random, root: Path) -> list[list[str]]:
    """Writes the inputs of a round below `root`; returns the commands to run, less the program."""
    texts = [random_text(rng) for _ in range(TEXTS)]
    rows = [{"id": f"t{i}", "text": text, "source": ""} for i, text in enumerate(texts)]
    write_rows(root / "texts/documents/0.jsonl.gz", rows)
    documents, attributes = [], []
    for i in range(DOCUMENTS):
        text = random_text(rng)
        members = {key: random_value(rng) for key in KEYS if rng.random() < 0.7}
        documents.append({"id": f"d{i}", "text": text, "m": members})
        spans = {name: random_spans(rng, len(text)) for name in "st" if rng.random() < 0.8}
        attributes.append({"id": f"d{i}", "attributes": spans})
    write_rows(root / "documents/0.jsonl.gz", documents)
    write_rows(root / "attributes/spans/0.jsonl.gz", attributes)
    streams = [random_stream(rng, root, number) for number in range(STREAMS)]
    mix: configs.Config = {"streams": streams, "processes": 1}
    dedupe = configs.dedupe_config(root / "texts", "dup", "$.text", skip_empty=rng.random() < 0.5)
    (root / "mix.yaml").write_text(json.dumps(mix, indent=1), "utf-8")
    (root / "dedupe.yaml").write_text(json.dumps(dedupe), "utf-8")
    return [
        configs.tag_arguments(root / "texts"),
        ["-c", str(root / "dedupe.yaml"), "dedupe"],
        ["-c", str(root / "mix.yaml"), "mix"],
    ]


def write_rows(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    case_files.write_rows(path, [json.dumps(row, ensure_ascii=False) for row in rows])


def outputs(root: Path) -> dict[str, list[str]]:
    files = [*root.glob("texts/attributes/*/*"), *root.glob("mixed/*")]
    return {str(path.relative_to(root)): case_files.rows(path) for path in sorted(files)}


def run_round(seed: str, work: Path, commands: dict[str, list[str]]) -> dict[str, str]:
    """What differs, by output ('' if nothing does), in the round of `seed`."""
    found = []
    for name, command in commands.items():
        root = work / name
        for arguments in write_round(random.Random(seed), root):
            done = toolkit.run([*command, *arguments], root)
            if done.exit_code != 0:
                return {f"{name} {arguments[-1]}": f"exit {done.exit_code}: {done.message[-600:]}"}
        found.append(outputs(root))
    theirs, ours = found
    problems = {}
    for output in sorted(theirs.keys() | ours.keys()):
        got = {output: ours[output]} if output in ours else {}
        want = {output: theirs[output]} if output in theirs else {}
        problems[output] = case_files.difference(got, want)
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--program", type=Path, default=toolkit.PROGRAM)
    parser.add_argument("--toolkit", type=Path, default=toolkit.TOOLKIT)
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
            problems = run_round(seed, Path(folder), commands)
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
