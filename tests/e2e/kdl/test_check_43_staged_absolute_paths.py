"""Check 43: a staged row that names a file elsewhere never gets it; that file is untouched."""

from pathlib import Path

import pytest
from kdl_lake import KdlLake, png


def stage(kdl: KdlLake) -> Path:
    """An upload with one file beside its rows."""
    import pyarrow as pa

    kdl.lake.upload(pa.table({"image": [png(1)]}), "test", "d")
    return kdl.staged()[0]


def rewrite(staged: Path, file: str) -> None:
    """Lets the staged row name `file`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = pq.read_table(staged / "rows.parquet")
    cell = rows.column("image").to_pylist()[0]
    cell = dict.fromkeys(cell) | {"file": file, "name": file}
    column = pa.array([cell], rows.schema.field("image").type)
    pq.write_table(pa.table([column], schema=rows.schema), staged / "rows.parquet")


@pytest.mark.parametrize("form", ["absolute", "dots", "link", "linked folder"])
def test_a_file_outside_is_never_taken(kdl: KdlLake, tmp_path: Path, form: str) -> None:
    secret = tmp_path / "secret" / "key.png"
    secret.parent.mkdir()
    secret.write_bytes(png(99))
    staged = stage(kdl)
    if form == "link":
        (staged / "a.png").symlink_to(secret)
    if form == "linked folder":
        (staged / "assets").symlink_to(secret.parent)
    names = {
        "absolute": str(secret),
        "dots": "../../../../secret/key.png",
        "link": "a.png",
        "linked folder": "assets/key.png",
    }
    rewrite(staged, names[form])
    kdl.ok("process")
    (row,) = kdl.rows("d")
    assert (row["path"], row["hash"]) == (None, None)
    assert row["image"]["problem"]
    assert [path.read_bytes() for path in kdl.assets()] == [png(1)]  # put when it was staged
    assert secret.read_bytes() == png(99)
