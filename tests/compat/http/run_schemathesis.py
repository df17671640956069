#!/usr/bin/env python3
"""Runs schemathesis (PyPI) against a server of its own, by the OpenAPI description it serves.

    run_schemathesis.py [--examples N] [--seed N] [--server build/bin/datalake-server]

Fails on any 5xx and on any status or content type that the description does not name. The program
goes into its own environment in .cache/schemathesis-venv, checked against requirements.txt; about
40 MB to download, so `make test` does not do it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import pinned_env  # noqa: E402

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,unsupported_method"
# They have no end, or end the server's own calls to itself.
LEFT_OUT = ["/events", "/v1/events"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--examples", type=int, default=30, help="requests an operation and kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--server", type=Path, default=ROOT / "build/bin/datalake-server")
    arguments = parser.parse_args()
    environment = pinned_env.ensure("schemathesis-venv", [HERE / "requirements.txt"])
    with tempfile.TemporaryDirectory() as folder:
        lake = Path(folder, "lake")
        command = [str(arguments.server), "--base-path", str(lake), "--create-dirs", "--port", "0"]
        with (Path(folder, "log")).open("w") as log:
            server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert server.stdout is not None
        address = server.stdout.readline().split()[-1]
        schemathesis = [str(environment / "bin/schemathesis"), "run", f"{address}/openapi.json"]
        options = ["--checks", CHECKS, "--max-examples", str(arguments.examples)]
        options += ["--seed", str(arguments.seed), "--request-timeout", "20", "--no-color"]
        options += ["--phases", "examples,coverage,fuzzing", "--continue-on-failure"]
        for path in LEFT_OUT:
            options += ["--exclude-path", path]
        done = subprocess.run([*schemathesis, *options], cwd=folder, check=False)
        alive = server.poll() is None
        server.terminate()
        code = server.wait(timeout=60)
        if not alive or code != 0:
            print(f"the server ended with {code}", file=sys.stderr)
            print(Path(folder, "log").read_text()[-4000:], file=sys.stderr)
            return 1
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
