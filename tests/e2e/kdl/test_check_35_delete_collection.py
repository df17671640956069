"""Check 35: one version goes, latest is set anew; the last takes the folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from documents import numbers
from kdl_lake import KdlLake

if TYPE_CHECKING:
    import datalake


def test_only_what_was_named_goes(kdl: KdlLake, client: datalake.DatalakeClient) -> None:
    import datalake

    for _ in range(3):
        client.import_collection(numbers(2), "train")
    client.import_collection(numbers(2), "other")
    folder = kdl.path / "collections" / "train"
    assert client.delete_collection("train", "v3")
    assert sorted(p.name for p in folder.iterdir()) == ["latest", "v1", "v2"]
    assert (folder / "latest").resolve().name == "v2"
    assert client.delete_collection("train", "v9") is False
    for name in ("", "..", "../train", "a/b"):
        with pytest.raises(datalake.InvalidArgumentError):
            client.delete_collection(name)
    assert kdl.path.is_dir()
    assert client.delete_collection("train")
    assert not folder.exists()
    assert client.load_collection("other").num_rows == 2
