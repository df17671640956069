"""Check 34: the newest, `latest`, an unknown version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from documents import numbers
from kdl_lake import KdlLake

if TYPE_CHECKING:
    import datalake


def test_newest_latest_unknown(client: datalake.DatalakeClient) -> None:
    import datalake

    for count in (1, 2, 3):
        client.import_collection(numbers(count), "train")
    client.import_collection(numbers(4), "train", version="older-name")
    assert client.load_collection("train").num_rows == 4
    assert client.load_collection("train", "latest").num_rows == 4
    assert client.load_collection("train", "v2")["id"] == [0, 1]
    for name, version in (("train", "v9"), ("nothing", None)):
        with pytest.raises(datalake.NotFoundError):
            client.load_collection(name, version)


def test_a_damaged_version_never_makes_an_older_one_the_newest(
    kdl: KdlLake, client: datalake.DatalakeClient
) -> None:
    import datalake

    client.import_collection(numbers(1), "train")
    client.import_collection(numbers(2), "train")
    metadata = kdl.path / "collections/train/v2/metadata.json"
    metadata.write_text(metadata.read_text().replace('"num_samples": 2', '"num_samples": 3'))
    for version in (None, "latest", "v2"):
        with pytest.raises(datalake.CorruptionError, match=r"metadata\.json"):
            client.load_collection("train", version)
    assert client.load_collection("train", "v1").num_rows == 1
    assert len(kdl.lake.list_collections()[0]["problems"]) == 1
    (kdl.path / "collections/train/v1/metadata.json").write_text("{")
    assert client.collection_manager.list_collections()[0]["num_versions"] == 0
    assert kdl.run("collections", "list").returncode == 1
    assert kdl.run("verify").returncode == 1
