"""The seed's Python quick start, word for word but for the import line, paths and address."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import pytest
from documents import pictures
from kdl_lake import Http, KdlLake, write_parquet

BASIC_USAGE = """
from core.datalake import DatalakeClient

# Initialize
client = DatalakeClient(
    user_id="user",
    base_path="/mnt/AI_NAS/datalake",
    server_url="http://localhost:8091"
)

# Upload data
client.upload_raw(
    data_source="dataset.parquet",  # or DataFrame, HF Dataset
    provider="huggingface",
    dataset="coco_2017"
)

client.upload_task(
    data_source="ocr_results.parquet", # or DataFrame, HF Dataset
    provider="huggingface", 
    dataset="coco_2017",
    task="ocr",
    variant="base_ocr",
    meta={"lang": "ko", "src": "real"}
)

# Process and build database
job_id = client.trigger_processing()
result = client.wait_for_job_completion(job_id)
client.build_db()

# Search and download
results = client.search(
    providers=["huggingface"],
    datasets=["coco_2017"],
    # tasks=["ocr"],
    # variant=["*"],
)

client.download(results, "./output", format="dataset", include_images=True)

# Or get as dataset object directly
dataset = client.to_dataset(
    search_results=results,
    include_images=True,
)

# Create managed collection for training
client.import_collection(
    data_source=results,
    name="korean_ocr_train",
    version="v1.0",
    description="Korean OCR training dataset"
)
"""  # noqa: W291 - the seed's own spaces

CREATE_COLLECTIONS = """
# From catalog search results
results = client.search(providers=["huggingface"], tasks=["ocr"])
client.import_collection(
    data_source=results,
    name="my_training_set",
    version="v1.0",
    description="OCR training data v1"
)

# Import external data
client.import_collection(
    data_source="external_data", # dataset, parquet path
    name="external_dataset", 
    version="v1.0",
    description="Test"
)
"""  # noqa: W291

USE_COLLECTIONS = """
# List all collections
collections = client.collection_manager.list_collections()

# Load collection (get as dataset object directly)
dataset = client.load_collection("my_training_set", "v1.0")

# Export collection
client.export_collection(
    name="my_training_set", 
    version="v1.0", 
    output_path="./training_data",
    format="datasets"
)
"""  # noqa: W291


@pytest.fixture
def working_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder of the user's own that the quick start runs in, with the files that it names."""
    folder = tmp_path / "work"
    write_parquet(folder / "dataset.parquet", pictures(6).to_pydict())
    ocr = pictures(4).append_column("label", [[f"text {i}" for i in range(4)]]).to_pydict()
    write_parquet(folder / "ocr_results.parquet", ocr)
    datasets.Dataset.from_dict({"n": [1, 2, 3]}).save_to_disk(str(folder / "external_data"))
    before = Path.cwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


def run(code: str, lake: Path, address: str, names: dict[str, Any]) -> dict[str, Any]:
    """Runs the seed's text with our import line, path and address."""
    code = code.replace("from core.datalake import", "from datalake import")
    code = code.replace("/mnt/AI_NAS/datalake", str(lake))
    code = re.sub(r"http://localhost:8091", address, code)
    exec(compile(code, "quick start", "exec"), names)
    return names


def test_the_quick_start(kdl: KdlLake, http: Http, working_folder: Path) -> None:
    names = run(BASIC_USAGE, kdl.path, http.server.address, {})
    assert names["result"]["status"] == "completed"
    assert names["result"]["result"]["success"] == 2
    assert isinstance(names["results"], pd.DataFrame)
    assert len(names["results"]) == 10
    downloaded = datasets.load_from_disk("./output")
    assert downloaded.num_rows == 10
    assert downloaded[0]["image"].size == (4, 3)
    assert isinstance(names["dataset"], datasets.Dataset)
    assert names["dataset"].num_rows == 10
    assert names["dataset"].features["image"] == datasets.Image()

    names = run(CREATE_COLLECTIONS, kdl.path, http.server.address, names)
    names = run(USE_COLLECTIONS, kdl.path, http.server.address, names)
    assert [found["name"] for found in names["collections"]] == [
        "external_dataset",
        "korean_ocr_train",
        "my_training_set",
    ]
    assert names["dataset"].num_rows == 4
    assert names["dataset"]["label"] == [f"text {i}" for i in range(4)]
    assert datasets.load_from_disk("./training_data")["label"] == names["dataset"]["label"]
    assert names["client"].load_collection("external_dataset")["n"] == [1, 2, 3]
    assert not (working_folder / "output.missing.jsonl").exists()


@pytest.mark.parametrize("kind", ["DataFrame", "Dataset", "Table"])
def test_every_kind_of_rows_is_taken(kdl: KdlLake, http: Http, kind: str) -> None:
    """The seed's comment: "or DataFrame, HF Dataset"."""
    import datalake

    table = pictures(3)
    rows = {
        "DataFrame": table.to_pandas(),
        "Dataset": datasets.Dataset(table).cast_column("image", datasets.Image()),
        "Table": table,
    }[kind]
    client = datalake.DatalakeClient("ada", kdl.path, http.server.address)
    assert client.upload_raw(rows, "huggingface", "d")
    client.wait_for_job_completion(client.trigger_processing())
    found = client.search(order_by=["id"])
    assert found["variant"].tolist() == ["image"] * 3
    assert client.to_dataset(found, include_images=True)[2]["image"].getpixel((0, 0)) == (0, 0, 3)
    saved = client.import_collection(rows, "direct")
    assert datasets.load_from_disk(saved)["caption"] == table.column("caption").to_pylist()


def test_the_dashboard_prints(kdl: KdlLake, http: Http, capsys: pytest.CaptureFixture[str]) -> None:
    import datalake

    client = datalake.DatalakeClient("ada", kdl.path, http.server.address)
    waiter = threading.Thread(
        target=lambda: client.wait_for_job_completion(client.trigger_processing())
    )
    waiter.start()
    waiter.join(timeout=60)
    client.show_server_dashboard()
    assert "pending 0" in capsys.readouterr().out
