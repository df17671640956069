"""Counts are read from reports, and a part that fails or counts nothing never passes."""

from __future__ import annotations

from pathlib import Path

import pytest
import run_tests
from run_tests import Counts


def test_junit_report_counts_all_suites(tmp_path: Path) -> None:
    report = tmp_path / "r.xml"
    report.write_text(
        '<testsuites tests="9"><testsuite tests="6" failures="1" errors="1" skipped="1"/>'
        '<testsuite tests="3" failures="0" disabled="1"/></testsuites>'
    )
    assert run_tests.junit_counts(report) == Counts(passed=5, failed=2)


def test_failing_tool_without_a_counted_failure_adds_one() -> None:
    assert run_tests.counted(1, Counts(3, 0)) == Counts(3, 1)
    assert run_tests.counted(1, Counts(3, 2)) == Counts(3, 2)
    assert run_tests.counted(0, Counts(3, 0)) == Counts(3, 0)


@pytest.mark.parametrize(
    ("counts", "exit_code", "closing"),
    [
        (Counts(4, 0), 0, "4 passed, 0 failed"),
        (Counts(4, 1), 1, "4 passed, 1 failed"),
        (Counts(0, 0), 1, "0 passed, 1 failed"),
    ],
)
def test_closing_line_and_exit_code(
    counts: Counts,
    exit_code: int,
    closing: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(run_tests, "PARTS", {"only": lambda: counts})
    monkeypatch.setattr("sys.argv", ["run_tests.py"])
    assert run_tests.main() == exit_code
    assert capsys.readouterr().out.splitlines()[-1] == closing
