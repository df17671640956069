#!/usr/bin/env python3
"""Installs PySpark and delta-spark as one more reader and writer for matrix.py --spark.

    setup_spark.py

Goes into its own environment in .cache/spark-venv: Python packages checked against
requirements-spark.txt, two jars from Maven Central checked against the hashes below; about 450 MB
to download, so `make test` does not do it. Needs Java 17 or newer and Maven (Debian:
openjdk-17-jre-headless, maven). Does nothing when nothing changed.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "tools"))

import pinned_env  # noqa: E402

JARS = {
    "io.delta:delta-spark_2.13:4.0.0": "538511702aae0ef6973a6a70af3d4543"
    "c9009f8edbed786a00737e2d3cd7f04e",
    "io.delta:delta-storage:4.0.0": "9bdb9fb450f1e119eba53feb427f331b"
    "0d09072d26485b8273883ad72c9a2e1d",
}


def fetch_jar(artifact: str, digest: str, folder: Path) -> None:
    """Copies one jar into `folder` by Maven's own client and checks it."""
    goal = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
    command = ["mvn", "-q", "-B", goal, f"-Dartifact={artifact}", f"-DoutputDirectory={folder}"]
    subprocess.run(command, check=True)
    _, name, version = artifact.split(":")
    jar = folder / f"{name}-{version}.jar"
    if hashlib.sha256(jar.read_bytes()).hexdigest() != digest:
        jar.unlink()
        sys.exit(f"setup_spark.py: wrong checksum: {artifact}")


def fetch_jars(environment: Path) -> None:
    for artifact, digest in JARS.items():
        fetch_jar(artifact, digest, environment / "jars")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default="python3.11", help="a CPython 3.11 (its wheels)")
    args = parser.parse_args()
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            sys.exit(f"setup_spark.py: needs {program}: apt install openjdk-17-jre-headless maven")
    # pyspark comes as a source archive: setuptools of the first list packs it, offline.
    environment = pinned_env.ensure(
        "spark-venv",
        [HERE / "requirements-spark-build.txt", HERE / "requirements-spark.txt"],
        python=args.python,
        source_archives=True,
        finish=fetch_jars,
        finish_key=repr(JARS),
    )
    print(f"Spark is in {environment}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
