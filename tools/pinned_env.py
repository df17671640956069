"""Python environments beside the project's own, for peers and oracles: pinned, checked, on demand.

Each lies in .cache/<name>, holds what its list of requirements says and nothing else, and is made
again when the list changes. Registries are reached by pip alone.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def ensure(
    name: str,
    requirements: list[Path],
    *,
    python: str = "python3.11",
    source_archives: bool = False,
    finish: Callable[[Path], None] | None = None,
    finish_key: str = "",
) -> Path:
    """The folder of the environment `name`, made when it is missing or not of these lists.

    The lists are installed one after the other, every package checked against its hash;
    `source_archives` lets pip build what has no wheel, with what an earlier list installed.
    `finish` adds what is no Python package; `finish_key` stands for what it adds. Ends the program
    with a message when something cannot be installed.
    """
    folder = ROOT / ".cache" / name
    stamp = folder / ".installed.sha256"
    texts = [path.read_bytes() for path in requirements]
    digest = hashlib.sha256(b"".join(texts) + finish_key.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    install = [str(folder / "bin/python"), "-m", "pip", "--disable-pip-version-check", "install"]
    install += ["--quiet", "--no-deps", "--require-hashes"]
    install += ["--no-build-isolation"] if source_archives else ["--only-binary=:all:"]
    try:
        subprocess.run([python, "-m", "venv", str(folder)], check=True)
        for path in requirements:
            subprocess.run([*install, "-r", str(path)], check=True)
        if finish is not None:
            finish(folder)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"cannot make the environment {folder}: {error}")
    stamp.write_text(digest)
    return folder
