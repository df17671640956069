#!/usr/bin/env python3
"""Runs the parts of `make test` and adds up what they counted.

Every part prints its own output, then its counts and time. The last line is `N passed, N failed`
over all parts; a part that counted no test has failed. Parts can be named to run only those.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = str(ROOT / ".venv/bin/python")
# Test programs of the short sanitizer run: parsers of outside bytes, the WAL, threads.
SANITIZED = {
    "asan": r"^(json|format|text|io|wal)_|_fuzz$",
    "tsan": r"^(base_thread_pool|base_ordered_pipeline|wal)_",
}


@dataclass(frozen=True)
class Counts:
    """How many tests passed and failed."""

    passed: int = 0
    failed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.passed + other.passed, self.failed + other.failed)


def run(command: list[str], **environment: str) -> int:
    """Runs a command in the project's root with its output on ours; gives the exit code."""
    sys.stdout.flush()
    environ = os.environ | environment
    return subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode


def counted(exit_code: int, counts: Counts) -> Counts:
    """The counts, with a failure added if the tool failed without counting one."""
    return counts + Counts(failed=1) if exit_code != 0 and counts.failed == 0 else counts


def junit_counts(report: Path) -> Counts:
    """Counts of a JUnit report, as pytest and GoogleTest write it; skipped tests are left out."""
    total = failed = skipped = 0
    for suite in ET.parse(report).getroot().iter("testsuite"):
        total += int(suite.get("tests", 0))
        failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped += int(suite.get("skipped", 0)) + int(suite.get("disabled", 0))
    return Counts(total - failed - skipped, failed)


def ctest(preset: str, *arguments: str) -> Counts:
    """Runs a preset's tests; a GoogleTest program counts its cases, any other counts one."""
    with tempfile.TemporaryDirectory(prefix="ctest-") as folder:
        report = Path(folder) / "ctest.xml"
        cases = Path(folder) / "cases"
        command = [
            "ctest",
            "--test-dir",
            f"build/{preset}",
            "--output-on-failure",
            "--no-tests=error",
        ]
        command += ["--output-junit", str(report), "-j", str(os.cpu_count() or 1), *arguments]
        exit_code = run(command, GTEST_OUTPUT=f"xml:{cases}/")
        if not report.exists():
            return Counts(failed=1)
        counts = Counts()
        for test in ET.parse(report).getroot().iter("testcase"):
            passed = test.get("status") == "run"
            inner = cases / f"{test.get('name')}.xml"
            try:
                counts += counted(0 if passed else 1, junit_counts(inner))
            except (OSError, ET.ParseError):  # no GoogleTest program, or one that crashed
                counts += Counts(passed=int(passed), failed=int(not passed))
        return counted(exit_code, counts)


def unit_tests() -> Counts:
    targets = ["datalake_tests", "datalake_benchmarks"]
    if run(["cmake", "--build", "--preset", "release", "--target", *targets]) != 0:
        return Counts(failed=1)
    return ctest("release")


def cases() -> Counts:
    return counting_tool("tests/cases/run_cases.py") + counting_tool("tests/cases/hostile.py")


def python_tests() -> Counts:
    with tempfile.TemporaryDirectory(prefix="pytest-") as folder:
        report = Path(folder) / "pytest.xml"
        exit_code = run([PYTHON, "-m", "pytest", "-q", f"--junitxml={report}"])
        return counted(exit_code, junit_counts(report) if report.exists() else Counts())


def snippets() -> Counts:
    return counting_tool("tools/run_snippets.py")


def layers() -> Counts:
    exit_code = run([PYTHON, "tools/check_layers.py"])
    return Counts(passed=int(exit_code == 0), failed=int(exit_code != 0))


def formatting() -> Counts:
    return counting_tool("tools/check_format.py")


def counting_tool(script: str) -> Counts:
    """Runs a script of ours that closes with `N passed, N failed`."""
    done = subprocess.run(
        [PYTHON, script], cwd=ROOT, text=True, stdout=subprocess.PIPE, check=False
    )
    sys.stdout.write(done.stdout)
    closing = re.search(r"(\d+) passed, (\d+) failed\s*\Z", done.stdout)
    counts = Counts(int(closing[1]), int(closing[2])) if closing else Counts()
    return counted(done.returncode, counts)


def sanitizers() -> Counts:
    """The short run: what reads outside bytes and what must be durable."""
    return sum((sanitized(preset, wanted) for preset, wanted in SANITIZED.items()), Counts())


def sanitized(preset: str, wanted: str = "") -> Counts:
    """Builds and runs the preset's test programs whose names match the pattern."""
    if run(["cmake", "--preset", preset, "--log-level=NOTICE"]) != 0:
        return Counts(failed=1)
    names = test_programs(preset, wanted)
    if not names or run(["cmake", "--build", "--preset", preset, "--target", *names]) != 0:
        return Counts(failed=1)
    return ctest(preset, "-R", f"^({'|'.join(names)})$")


def test_programs(preset: str, wanted: str) -> list[str]:
    """Names of the preset's ctest programs that match the pattern."""
    command = ["ctest", "--test-dir", f"build/{preset}", "--show-only"]
    listed = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False).stdout
    names = re.findall(r"Test +#\d+: (\S+)", listed)
    return [name for name in names if re.search(wanted, name) and not name.startswith("linkage")]


PARTS: dict[str, Callable[[], Counts]] = {
    "layers": layers,
    "format": formatting,
    "unit": unit_tests,
    "cases": cases,
    "python": python_tests,
    "snippets": snippets,
    "sanitizers": sanitizers,
}
# Run only when named: every unit test under one sanitizer.
LONG_PARTS: dict[str, Callable[[], Counts]] = {
    "asan": lambda: sanitized("asan"),
    "tsan": lambda: sanitized("tsan"),
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the project's tests and checks")
    parts = PARTS | LONG_PARTS
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(parts)}")
    chosen = parser.parse_args().parts or list(PARTS)
    if unknown := [name for name in chosen if name not in parts]:
        parser.error(f"unknown part: {unknown[0]}; there are {', '.join(parts)}")
    total = Counts()
    lines = []
    for name in chosen:
        print(f"== {name}", flush=True)
        start = time.monotonic()
        counts = parts[name]()
        if counts == Counts():
            print(f"{name}: no test was run", flush=True)
            counts = Counts(failed=1)
        seconds = time.monotonic() - start
        lines.append(
            f"  {name:<11}{counts.passed:>6} passed{counts.failed:>5} failed{seconds:>7.0f} s"
        )
        total += counts
    print("\n".join(["", *lines]))
    print(f"{total.passed} passed, {total.failed} failed", flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
