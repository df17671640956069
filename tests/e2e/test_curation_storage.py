"""A disk that is full at the last flush and folders that may not be written: clear errors."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from built import built

PROGRAM = built("bin/datalake")
RESOURCES_EXIT_MIN, DENIED = 14, 14
NOBODY = 65534
Config = dict[str, object]


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder that other users reach, with documents; the program runs as one of them."""
    folder = Path(tempfile.mkdtemp(prefix="datalake-storage-"))
    folder.chmod(0o755)
    rng = random.Random(47)
    documents = folder / "documents"
    documents.mkdir()
    with (documents / "a.jsonl").open("w") as file:
        for number in range(3000):
            row = {"id": str(number), "text": f"{rng.random()}", "source": "s"}
            file.write(json.dumps(row) + "\n")
    yield folder
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(folder)


def config_of(command: str, root: Path) -> Config:
    documents = [f"{root}/documents/*"]
    if command == "tag":
        return {"documents": documents, "experiment": "x", "taggers": ["char_length_v1"]}
    if command == "mix":
        output = {"path": f"{root}/out", "max_size_in_bytes": 100_000, "size_by": "uncompressed"}
        stream = {"name": "m", "documents": documents, "output": output}
        plain = {"output": "none"}
        return {"streams": [{**stream, "filter": {"include": ["$.text"]}, "compression": plain}]}
    size = {"estimated_doc_count": 1_000_000, "desired_false_positive_rate": 1e-6}
    body = {"name": "x", "documents": {"attribute_name": "x", "key": "$.text"}}
    kind = command.partition("-")[2]
    state = {"file": f"{root}/state/filter.bin", "read_only": False, "kind": kind, **size}
    small = {"output": "zst"}
    return {"documents": documents, "dedupe": body, "bloom_filter": state, "compression": small}


def limit_files(size: int) -> None:
    """No file of the process becomes longer: the same as a disk that is full."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def start(root: Path, command: str, size: int = resource.RLIM_INFINITY) -> tuple[int, str]:
    path = root / "config.yaml"
    path.write_text(json.dumps(config_of(command, root)), "utf-8")
    words = [str(PROGRAM), "--quiet", "-c", str(path), command.partition("-")[0]]
    other_user = {"user": NOBODY} if os.geteuid() == 0 else {}
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd="/",
        preexec_fn=partial(limit_files, size),
        **other_user,  # type: ignore[call-overload]
    )
    return done.returncode, done.stderr


def files_of(root: Path) -> list[str]:
    names = (str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    left_out = ("documents/", "config.yaml")
    return sorted(name for name in names if not name.startswith(left_out))


@pytest.mark.parametrize("command", ["tag", "mix", "dedupe-exact", "dedupe-bloom"])
def test_a_folder_that_may_not_be_written_is_named(root: Path, command: str) -> None:
    for folder in ("attributes", "out", "state"):
        (root / folder).mkdir(mode=0o555)
        (root / folder).chmod(0o555)
    code, said = start(root, command)
    assert code == DENIED, said
    assert "ermission denied" in said
    assert str(root) in said
    assert files_of(root) == []


@pytest.mark.parametrize("kind", ["exact", "bloom"])
def test_a_full_disk_at_the_flush_of_the_state(root: Path, kind: str) -> None:
    """The marks are there and whole, the state is not: running again completes both."""
    root.chmod(0o777)
    code, said = start(root, f"dedupe-{kind}", 40_000)
    assert code >= RESOURCES_EXIT_MIN, said
    assert "filter.bin" in said
    assert "File too large" in said
    assert not (root / "state/filter.bin").exists()
    assert [name for name in files_of(root) if name.endswith(".tmp")] == []
    code, said = start(root, f"dedupe-{kind}")
    assert code == 0, said
    assert (root / "state/filter.bin").exists()
    assert (root / "attributes/x/a.jsonl.zst").exists()


def test_a_full_disk_in_a_stream_cut_by_size_leaves_whole_outputs(root: Path) -> None:
    root.chmod(0o777)
    code, said = start(root, "mix", 60_000)
    assert code >= RESOURCES_EXIT_MIN, said
    assert "File too large" in said
    assert [name for name in files_of(root) if name.endswith(".tmp")] == []
    code, said = start(root, "mix")
    assert code == 0, said
    assert len(list((root / "out").glob("m-*"))) > 1
