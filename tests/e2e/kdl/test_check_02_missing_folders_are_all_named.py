"""Check 2: without the folders a client is one error that names every missing one."""

import shutil
from pathlib import Path

import pytest
from kdl_lake import KdlLake


def test_no_lake_is_one_error(tmp_path: Path) -> None:
    import datalake

    with pytest.raises(datalake.NotFoundError, match="no lake"):
        datalake.DatalakeClient("ada", tmp_path / "none")


def test_every_missing_folder_is_named(kdl: KdlLake) -> None:
    import datalake

    for folder in ("assets", "catalog", "staging/failed"):
        shutil.rmtree(kdl.path / folder)
    with pytest.raises(datalake.Error) as caught:
        datalake.DatalakeClient("ada", kdl.path)
    for folder in ("assets", "catalog", "staging/failed"):
        assert folder in str(caught.value)
    done = kdl.run("config", "list")
    assert done.returncode == 16
    assert "staging/failed, catalog, assets" in done.stderr
    assert len(done.stderr.splitlines()) == 1
