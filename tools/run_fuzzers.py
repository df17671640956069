#!/usr/bin/env python3
"""Runs the targets of fuzz/ under libFuzzer, each for a while, starting from its corpus.

New inputs are kept in .cache/fuzz/<target>/, so that the next run goes on from there; a finding is
left in .cache/fuzz/findings/ and makes the exit code 1. Needs clang, which it installs.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools/setup"))

from debian_packages import DebianStep  # noqa: E402
from step import SetupError  # noqa: E402

PRESET = "fuzz"
CACHE = ROOT / ".cache/fuzz"
MAX_INPUT_BYTES = 1 << 16


@dataclass(frozen=True)
class Outcome:
    """What a target did."""

    name: str
    exit_code: int
    executions: int
    seconds: float
    tail: str


def targets() -> list[str]:
    """Names in fuzz/CMakeLists.txt, in their order."""
    text = (ROOT / "fuzz/CMakeLists.txt").read_text()
    return re.findall(r"datalake_fuzz\(NAME (\w+)", text)


def build(names: list[str]) -> None:
    clang = DebianStep(ROOT, "debian-packages-fuzz.txt")
    if not clang.is_done():
        print(f"fuzz: will {clang.plan()}", flush=True)
        clang.run()
    subprocess.run(["cmake", "--preset", PRESET], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", f"build/{PRESET}", *names], cwd=ROOT, check=True)


def run(name: str, seconds: int) -> Outcome:
    kept = CACHE / name
    findings = CACHE / "findings"
    for folder in (kept, findings):
        folder.mkdir(parents=True, exist_ok=True)
    command = [
        str(ROOT / f"build/{PRESET}/tests/{name}"),
        f"-max_total_time={seconds}",
        f"-max_len={MAX_INPUT_BYTES}",
        "-timeout=30",
        "-rss_limit_mb=4096",
        "-print_final_stats=1",
        f"-artifact_prefix={findings}/{name}-",
        str(kept),
        str(ROOT / "fuzz/corpus" / name.removesuffix("_fuzz")),
    ]
    start = time.monotonic()
    done = subprocess.run(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=os.environ
        | {
            "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
            "LSAN_OPTIONS": f"suppressions={ROOT}/cmake/lsan.supp:print_suppressions=0",
        },
        check=False,
    )
    said = done.stderr.decode(errors="replace")
    count = re.search(r"stat::number_of_executed_units:\s*(\d+)", said)
    return Outcome(
        name,
        done.returncode,
        int(count[1]) if count else 0,
        time.monotonic() - start,
        "\n".join(said.splitlines()[-40:]),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("targets", nargs="*", help="names (default: all)")
    parser.add_argument("--seconds", type=int, default=600, help="for each target (600)")
    parser.add_argument("--jobs", type=int, default=2, help="targets at a time (2)")
    arguments = parser.parse_args()
    names = arguments.targets or targets()
    unknown = sorted(set(names) - set(targets()))
    if unknown:
        print(
            f"no such target: {' '.join(unknown)}; there are {' '.join(targets())}", file=sys.stderr
        )
        return 2
    try:
        build(names)
    except (SetupError, subprocess.CalledProcessError) as error:
        print(f"fuzz: {error}", file=sys.stderr)
        return 1
    failed = 0
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for outcome in pool.map(lambda name: run(name, arguments.seconds), names):
            is_clean = outcome.exit_code == 0
            failed += not is_clean
            print(
                f"{outcome.name:<20} {'no finding' if is_clean else 'FINDING':<12}"
                f"{outcome.executions:>12} runs {outcome.seconds:>6.0f} s",
                flush=True,
            )
            if not is_clean:
                print(outcome.tail, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
