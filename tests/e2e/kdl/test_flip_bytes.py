"""Must show 5 of the lake core: a flipped byte is detected or harmless, never a wrong answer.
A seeded sample here; `python tests/e2e/kdl/flip_bytes.py` flips every byte."""

from pathlib import Path

from flip_bytes import run

SAMPLE = 80
SEED = 20_251_121


def test_a_sample_of_flips_gives_no_wrong_answer(tmp_path: Path) -> None:
    outcome = run(tmp_path / "lake", SAMPLE, SEED)
    assert outcome.wrong == [], f"seed {SEED}"
    assert sum(outcome.counts.values()) == SAMPLE
