"""The Python package over a lake in this process: uploads, search, SQL, collections, errors."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import pyarrow as pa
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "build" / "python"))

import datalake  # noqa: E402


@pytest.fixture
def lake(tmp_path: Path) -> datalake.Lake:
    return datalake.init(tmp_path / "lake")


def upload(lake: datalake.Lake, table: pa.Table, dataset: str = "d") -> None:
    lake.upload(table, "test", dataset)
    report = lake.process()
    assert report["failed"] == 0, report


def numbers(count: int) -> pa.Table:
    return pa.table({"id": pa.array(range(count)), "text": [f"row {i}" for i in range(count)]})


def test_rows_come_back_as_they_went_in(lake: datalake.Lake) -> None:
    upload(lake, numbers(1000))
    found = lake.search(["test"], columns=["id", "text"], order_by=["id"])
    assert found.column("id").to_pylist() == list(range(1000))
    assert found.column("text").to_pylist() == numbers(1000).column("text").to_pylist()


def test_search_narrows_by_level_text_where_and_limit(lake: datalake.Lake) -> None:
    upload(lake, numbers(30), "one")
    upload(lake, numbers(30), "two")
    assert lake.search(datasets=["o*"]).num_rows == 30
    assert lake.search(datasets=["one", "two"], where="id < 5").num_rows == 10
    assert lake.search(text_search={"column": "text", "text": "row 29"}).num_rows == 2
    assert lake.search(text_search={"column": "text", "text": "%"}).num_rows == 0
    assert lake.search(limit=7, offset=57).num_rows == 3
    assert lake.search(["nobody"]).num_rows == 0
    assert lake.search(["' OR '1'='1"]).num_rows == 0


def test_search_hands_out_rows_without_a_copy(lake: datalake.Lake) -> None:
    upload(lake, numbers(10))
    stream, _, _ = lake._core.search(["test"], [], [], [], "", "", "", "", ["id"], [], -1, 0, -1)
    capsule = stream.__arrow_c_stream__()
    assert "arrow_array_stream" in repr(capsule)
    with pytest.raises(datalake.InvalidArgumentError, match="read already"):
        stream.__arrow_c_stream__()


def test_collection_is_loaded_whole_and_in_batches(lake: datalake.Lake) -> None:
    saved = lake.save_collection(numbers(1000), "train", description="numbers")
    assert (saved.name, saved.version, len(saved)) == ("train", "v1", 1000)
    assert lake.save_collection(numbers(10), "train").version == "v2"
    assert lake.save_collection(numbers(10), "train", version="v1.0").version == "v1.0"
    loaded = lake.load_collection("train", "v1")
    assert loaded.table().column("id").to_pylist() == list(range(1000))
    sizes = [batch.num_rows for batch in loaded.batches(300)]
    assert sizes == [300, 300, 300, 100]
    ids = [value for batch in loaded.batches(7) for value in batch.column("id").to_pylist()]
    assert ids == list(range(1000))
    assert lake.load_collection("train").version == "v1.0", "the newest"
    with pytest.raises(datalake.AlreadyExistsError):
        lake.save_collection(numbers(1), "train", version="v1.0")
    listed = lake.list_collections()
    assert [v["version"] for v in listed[0]["versions"]] == ["v1", "v2", "v1.0"]
    assert lake.delete_collection("train", "latest") == "v1.0"


def test_a_reader_outlives_its_lake(tmp_path: Path) -> None:
    datalake.init(tmp_path / "lake").save_collection(numbers(5000), "train")

    def readers() -> list[pa.RecordBatchReader]:
        lake = datalake.open(tmp_path / "lake")
        name = lake.load_collection("train").version
        upload(lake, numbers(3000))
        return [lake.load_collection("train", name).reader(), lake.search_reader(["test"])]

    opened = readers()
    gc.collect()
    assert [reader.read_all().num_rows for reader in opened] == [5000, 3000]


def test_errors_are_classes_by_code(lake: datalake.Lake, tmp_path: Path) -> None:
    with pytest.raises(datalake.NotFoundError, match="did you mean huggingface"):
        lake.upload(numbers(1), "hugginface", "d")
    with pytest.raises(datalake.InvalidArgumentError, match="dataset name"):
        lake.upload(numbers(1), "test", "../d")
    with pytest.raises(datalake.NotFoundError):
        lake.load_collection("none")
    with pytest.raises(datalake.PermissionDeniedError):
        lake.sql("copy (select 1) to 'x.csv'")
    with pytest.raises(datalake.Error) as raised:
        datalake.open(tmp_path / "nothing")
    assert raised.value.code == "not_found"
    with pytest.raises(datalake.InvalidArgumentError, match="list of names"):
        lake.search("test")


def test_a_pending_key_is_refused_and_overwritten_on_request(lake: datalake.Lake) -> None:
    lake.upload(numbers(1), "test", "d")
    with pytest.raises(datalake.AlreadyExistsError):
        lake.upload(numbers(2), "test", "d")
    lake.upload(numbers(3), "test", "d", overwrite=True)
    assert lake.process()["success"] == 1
    assert lake.search(["test"]).num_rows == 3


def test_a_task_upload_gets_its_fields_as_columns(lake: datalake.Lake) -> None:
    with pytest.raises(datalake.InvalidArgumentError, match="src"):
        lake.upload(numbers(2), "test", "d", "ocr", "base", fields={"lang": "ko"})
    fields = {"lang": "ko", "src": "real"}
    lake.upload(numbers(2), "test", "d", "ocr", "base", fields=fields)
    assert lake.process()["failed"] == 0
    rows = lake.search(tasks=["ocr"], columns=["lang", "src", "variant"]).to_pylist()
    assert rows == [{"lang": "ko", "src": "real", "variant": "base"}] * 2


def test_the_client_says_when_no_server_answers(tmp_path: Path) -> None:
    client = datalake.DatalakeClient("u", tmp_path / "lake", "http://127.0.0.1:1", create_dirs=True)
    with pytest.raises(datalake.UnavailableError, match="is datalake-server running"):
        client.get_server_status()
    assert client.upload_raw(numbers(1), "test", "d") is not False
    assert client.upload_raw(numbers(1), "test", "d") is False
