"""Fixtures of the acceptance checks of the KDL lake: a fresh lake, a server, the seed's client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from built import built
from kdl_lake import Http, KdlLake

if TYPE_CHECKING:
    import datalake


@pytest.fixture
def kdl(tmp_path: Path) -> KdlLake:
    return KdlLake(tmp_path / "lake")


@pytest.fixture
def http(kdl: KdlLake) -> Iterator[Http]:
    from demo_server import Server

    with Server(built("bin/datalake-server"), kdl.path) as server:
        yield Http(server)


@pytest.fixture
def client(kdl: KdlLake) -> datalake.DatalakeClient:
    """A client of the seed for work on the shared disk; no server runs."""
    import datalake

    return datalake.DatalakeClient("ada", kdl.path)
