"""Blocks of a document run in order, in a scratch folder, and a failing one is counted."""

from __future__ import annotations

from pathlib import Path

import pytest
import run_snippets

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    (tmp_path / "data.txt").write_text("shipped\n")
    return tmp_path


def run(project: Path, text: str) -> tuple[int, int]:
    document = project / "README.md"
    document.write_text(text)
    return run_snippets.run_document(document, project)


def test_blocks_share_a_folder_that_shows_the_project(project: Path) -> None:
    text = "```sh\ncat data.txt > made\n```\ntext\n```python\nassert open('made').read()\n```\n"
    assert run(project, text) == (2, 0)
    assert not (project / "made").exists()


def test_failing_block_is_counted_and_shown(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(project, "# x\n\n```sh\necho told; false | true\n```\n") == (0, 1)
    output = capsys.readouterr().out
    assert "README.md:3: FAILED" in output
    assert "told" in output


def test_marked_and_other_blocks_are_left_out(project: Path) -> None:
    text = "<!-- not run: takes minutes -->\n```sh\nfalse\n```\n```text\nfalse\n```\n"
    assert run(project, text) == (0, 0)
