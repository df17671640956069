#!/usr/bin/env python3
"""Makes the expectations of tests/cases with the real toolkit, or checks that they still are what
it gives.

    make_expectations.py [--check] [--toolkit .cache/dolma-venv/bin/dolma] [AREA | AREA/NAME ...]

Writes expect.jsonl (expect.<folder>.jsonl for an attribute folder of another name). Where a case
has expect.error, written by hand, the toolkit has to fail. Set it up with setup_oracle.py.
"""

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests/cases"), str(Path(__file__).resolve().parent)]
import case_files  # noqa: E402
import toolkit  # noqa: E402


def run(program: Path, case: Path, work: Path) -> toolkit.Done:
    """Runs the steps of `case` with the toolkit, in the toolkit's own words."""
    done = toolkit.Done(0, "", 0.0, 0.0)
    for config in case_files.prepare(case, work):
        config.write_text(toolkit.own_config(config.read_text("utf-8"), work), "utf-8")
        done = toolkit.run([str(program), "-c", str(config), case.parent.name], work)
        if done.exit_code:
            break
    return done


def written(case: Path, work: Path) -> tuple[case_files.Outputs, str]:
    """What the toolkit wrote, or why it failed: on a panic it exits with 0 and leaves no file."""
    try:
        outputs = case_files.collect(case, work)
    except ValueError as error:
        return {}, str(error)
    return outputs, "" if outputs else "no output"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("only", nargs="*", help="areas or AREA/NAME (default: all)")
    parser.add_argument("--check", action="store_true", help="write nothing, report what differs")
    parser.add_argument("--toolkit", type=Path, default=toolkit.TOOLKIT)
    args = parser.parse_args()
    if not args.toolkit.exists():
        sys.exit(f"make_expectations.py: no toolkit: {args.toolkit}; run setup_oracle.py beside me")
    made = differing = 0
    for case in case_files.find_cases(ROOT / "tests/cases"):
        name = f"{case.parent.name}/{case.name}"
        if args.only and case.parent.name not in args.only and name not in args.only:
            continue
        with tempfile.TemporaryDirectory(prefix="dolma-case-") as folder:
            work = Path(folder) / "work"
            done = run(args.toolkit, case, work)
            outputs, problem = written(case, work)
        made += 1
        problem = done.message[-200:] if done.exit_code else problem
        if bool(problem) != (case / "expect.error").exists():
            differing += 1
            print(f"{name}: the toolkit: exit {done.exit_code}: {problem or 'expected to fail'}")
        elif problem:
            print(f"{name}: fails, as kept")
        elif args.check:
            problem = case_files.difference(outputs, case_files.expected(case))
            differing += bool(problem)
            print(f"{name}: {problem}" if problem else f"{name}: as kept")
        else:
            for folder_name, rows in outputs.items():
                text = "".join(row + "\n" for row in rows)
                case_files.expectation_path(case, folder_name).write_text(text, "utf-8", newline="")
    print(f"{made} cases, {differing} differ")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
