"""The rest of the seed's client: its database, its managers, its frames."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from documents import numbers, pictures, three_tables, upload
from kdl_lake import KdlLake

if TYPE_CHECKING:
    import datalake


def test_database_methods(
    kdl: KdlLake, client: datalake.DatalakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    assert client.get_db_info()["exists"] is False
    three_tables(kdl)
    assert client.build_db()
    found = client.get_partitions()
    assert list(found.columns) == ["provider", "dataset", "task", "variant", "num_samples"]
    assert found["num_samples"].tolist() == [2, 3, 4, 1]
    info = client.get_db_info()
    assert (info["total_rows"], info["partitions"], info["is_outdated"]) == (10, 4, False)
    assert info["provider_stats"] == {"aihub": 2, "opensource": 1, "test": 1}
    assert info["task_stats"] == {"ocr": 2, "raw": 2}
    assert client.check_db_processes()["processes"] == []
    (bad,) = (kdl.path / "catalog").glob("provider=opensource/**/part-*.parquet")
    bad.write_bytes(bad.read_bytes()[:-40])
    with caplog.at_level(logging.ERROR, "datalake"):
        assert client.build_db() is False
    assert bad.name in caplog.text
    assert len(client.search(providers=["aihub"])) == 5


def test_frames_keep_values(kdl: KdlLake, client: datalake.DatalakeClient) -> None:
    rows = pa.table({"n": [1, None, 2**62], "f": [0.5, None, 1.5], "t": ["a", None, ""]})
    upload(kdl, rows, "test", "d")
    found = client.search(columns=["n", "f", "t"])
    assert found["n"].tolist() == [1, None, 2**62]
    saved = client.import_collection(found, "back")
    assert kdl.lake.load_collection("back").table().to_pylist() == rows.to_pylist()
    assert Path(saved).name == "v1"
    joined = pd.DataFrame({"mixed": [None, {"a": 1}, "text", 3], "list": [np.array([1, 2])] * 4})
    client.import_collection(joined, "mixed")
    back = client.load_collection("mixed")
    assert back["mixed"][:] == [None, '{"a": 1}', "text", "3"]
    assert back["list"][0] == [1, 2]


def test_paths_become_absolute(kdl: KdlLake, client: datalake.DatalakeClient) -> None:
    upload(kdl, pictures(2), "test", "d")
    found = client.search(order_by=["id"])
    absolute = client.to_pandas(found)
    assert all(Path(path).is_file() for path in absolute["path"])
    assert client.to_pandas(found, absolute_paths=False)["path"].tolist() == found["path"].tolist()
    again = client.to_pandas(absolute)
    assert again["path"].tolist() == absolute["path"].tolist()
    assert client.to_dataset(absolute, include_images=True).num_rows == 2


def test_managers(kdl: KdlLake, client: datalake.DatalakeClient) -> None:
    import datalake

    schema = client.schema_manager
    assert schema.validate_provider("aihub")[0]
    assert not schema.validate_provider("nobody")[0]
    assert schema.get_required_fields("ocr") == ["lang", "src"]
    assert "ko" in schema.get_allowed_values("ocr", "lang")
    assert schema.validate_task_metadata("ocr", {"lang": "ko", "src": "real"}) == (True, "ok")
    assert "src" in schema.validate_task_metadata("ocr", {"lang": "ko"})[1]
    assert not schema.validate_task_metadata("ocr", None)[0]
    assert schema.add_provider("mine", "of ours")
    assert schema.add_provider("mine") is False
    assert schema.get_provider_info("mine") == {"description": "of ours"}
    assert schema.add_task("tiny", "small", ["size"], {"size": ["s", "m"]})
    assert schema.get_all_tasks()[-1] == "tiny"
    assert schema.remove_task("tiny")
    assert schema.remove_task("tiny") is False
    assert schema.remove_provider("mine")
    manager = client.collection_manager
    manager.save_collection(numbers(2), "set", description="two")
    manager.save_collection(numbers(3), "set")
    assert manager.list_versions("set") == ["v1", "v2"]
    info = manager.get_collection_info("set", "v1")
    assert (info["description"], info["num_versions"]) == ("two", 2)
    assert manager.get_metadata("set")["num_samples"] == 3
    assert manager.list_collections()[0]["path"] == str(kdl.path / "collections" / "set")
    with pytest.raises(datalake.InvalidArgumentError, match="train, test"):
        import datasets

        part = datasets.Dataset.from_dict({"n": [1]})
        client.import_collection(
            datasets.DatasetDict({"train": part, "test": part}),
            "set",
        )


def test_a_server_that_is_not_there(client: datalake.DatalakeClient) -> None:
    import datalake

    client.server_url = "http://127.0.0.1:1"
    for call in (client.get_server_status, client.list_server_jobs, client.trigger_processing):
        with pytest.raises(datalake.UnavailableError, match="is datalake-server running"):
            call()
