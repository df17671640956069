"""Fixtures of the acceptance checks of feeds: a fresh lake with its server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from built import ROOT, built
from feed_lake import FeedLake

sys.path.insert(0, str(ROOT / "examples"))


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[FeedLake]:
    """A lake and a server that takes its records; ends with the test."""
    from demo_server import Server

    path = tmp_path / "lake"
    subprocess.run([str(built("bin/datalake")), "init", str(path)], check=True, capture_output=True)
    with Server(built("bin/datalake-server"), path) as server:
        yield FeedLake(path, server=server)
