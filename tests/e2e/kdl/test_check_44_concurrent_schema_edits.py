"""Check 44: providers added at once are all there; a kill while writing leaves a valid file."""

import os
import random
import signal
import subprocess
import time

from built import built
from kdl_lake import KdlLake

KILLS = 30


def start(kdl: KdlLake, name: str) -> "subprocess.Popen[bytes]":
    """A process that adds a provider."""
    command = [str(built("bin/datalake")), "--lake", str(kdl.path)]
    command += ["config", "provider", "create", name]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def names(kdl: KdlLake) -> set[str]:
    return {row["provider"] for row in kdl.ok_json("config", "provider", "list")}


def test_no_edit_is_lost(kdl: KdlLake) -> None:
    added = {f"p{n}" for n in range(12)}
    for process in [start(kdl, name) for name in sorted(added)]:
        assert process.wait(timeout=60) == 0
    assert added <= names(kdl)


def test_a_killed_edit_is_whole_or_absent(kdl: KdlLake) -> None:
    rng = random.Random(44)
    schema = kdl.path / "config" / "schema.yaml"
    schema.write_text(schema.read_text() + "# a comment that stays\n")
    for n in range(KILLS):
        process = start(kdl, f"k{n}")
        time.sleep(rng.uniform(0, 0.02))
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=60)
        assert len(names(kdl)) >= 5
    assert "# a comment that stays" in schema.read_text()
    kdl.ok("config", "provider", "create", "after")
    assert "after" in names(kdl)
