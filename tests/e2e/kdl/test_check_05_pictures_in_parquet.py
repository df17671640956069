"""Check 5: three pictures in `image_bytes` are staged as one upload of variant `image`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from kdl_lake import KdlLake, png, write_parquet

if TYPE_CHECKING:
    import datalake


def test_image_bytes_are_staged(
    kdl: KdlLake, client: "datalake.DatalakeClient", tmp_path: Path
) -> None:
    rows = write_parquet(tmp_path / "rows.parquet", {"image_bytes": [png(n) for n in range(3)]})
    assert client.upload_raw(str(rows), "huggingface", "coco_2017")
    (staged,) = kdl.staged()
    info = json.loads((staged / "upload.json").read_text())
    assert (info["variant"], info["total_rows"], info["has_images"]) == ("image", 3, True)
    assert (info["task"], info["data_type"], info["uploaded_by"]) == ("raw", "raw", "ada")
