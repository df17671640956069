"""tests/cases/CHECKS.md names only what exists, and every check."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
INDEX = (TESTS / "cases/CHECKS.md").read_text("utf-8")
OTHER_COMMANDS = {40, 41, 42, 43}  # of `tokens`
ROWS = re.findall(r"^\| (\d+) \|[^|]*\|([^|]*)\|$", INDEX, re.MULTILINE)


def exists(name: str) -> bool:
    file, _, test = name.partition("::")
    if test:
        return f"def {test}(" in (TESTS / file).read_text("utf-8")
    if "/" in name:
        return (TESTS / "cases" / name / "config.yaml").exists()
    suite, _, test = name.partition(".")
    return (suite, test) in unit_tests()


def unit_tests() -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for path in (TESTS.parent / "src").rglob("*_test.cc"):
        found |= set(re.findall(r"^TEST(?:_F|_P)?\((\w+), (\w+)\)", path.read_text(), re.MULTILINE))
    return found


def test_everything_named_exists() -> None:
    named = [name for _, held in ROWS for name in re.findall(r"`([^`]+)`", held)]
    assert [name for name in named if not exists(name)] == []


def test_every_check_is_held_by_something() -> None:
    numbers = [int(number) for number, _ in ROWS]
    assert numbers == sorted(set(numbers))
    assert {4, *range(7, 49)} - OTHER_COMMANDS - set(numbers) == set()
    assert all("`" in held for _, held in ROWS)


def test_named_cases_are_in_the_index() -> None:
    cases = (TESTS / "cases").glob("*/check_*/config.yaml")
    names = {f"{path.parent.parent.name}/{path.parent.name}" for path in cases}
    assert {name for name in names if f"`{name}`" not in INDEX} == set()
