"""Check 1: a server started once with --create-dirs makes every folder and answers /health."""

from pathlib import Path

from built import built
from kdl_lake import ROOT, Http  # noqa: F401 - ROOT: the import path of the package


def test_a_server_makes_the_lake_it_is_told_to(tmp_path: Path) -> None:
    from demo_server import Server

    (tmp_path / "base").mkdir()
    with Server(built("bin/datalake-server"), tmp_path / "base", "--create-dirs") as server:
        status, body = Http(server).call("GET", "/health")
        assert (status, body["status"]) == (200, "healthy")
    folders = ("staging/pending", "staging/processing", "staging/failed", "catalog", "assets")
    for folder in (*folders, "collections", "config", "log"):
        assert (tmp_path / "base" / folder).is_dir(), folder
