"""Check 42: names with `..` or `/` are refused at the door and in staging folders made by hand."""

import json
import shutil
from pathlib import Path

import pytest
from kdl_lake import Http, KdlLake

NAMES = ["../../x", "a/b", "..", "", "/etc", "a\x00b", "x'y", "a b", ".hidden", "-x"]


def everything(folder: Path) -> set[str]:
    """Every path below a folder but those of the server's own work."""
    return {str(p) for p in folder.rglob("*") if "/lake/jobs" not in str(p)}


@pytest.mark.parametrize("name", NAMES)
def test_names_are_checked_at_upload(kdl: KdlLake, name: str) -> None:
    import pyarrow as pa

    import datalake

    before = everything(kdl.path.parent)
    for request in (("test", name), (name, "d")):
        with pytest.raises((datalake.InvalidArgumentError, datalake.NotFoundError)):
            kdl.lake.upload(pa.table({"n": [1]}), *request)
    if name:
        with pytest.raises(datalake.InvalidArgumentError):
            kdl.lake.upload(pa.table({"n": [1]}), "test", "d", variant=name)
    assert everything(kdl.path.parent) == before


@pytest.mark.parametrize("key", ["provider", "dataset", "task", "variant"])
def test_names_are_checked_in_hand_made_staging(kdl: KdlLake, http: Http, key: str) -> None:
    import pyarrow as pa

    upload = Path(kdl.lake.upload(pa.table({"n": [1]}), "test", "d")["id"])
    staged = kdl.path / "staging" / "pending" / upload
    info = json.loads((staged / "upload.json").read_text())
    info[key] = "../../../../x"
    (staged / "upload.json").write_text(json.dumps(info))
    shutil.move(staged, staged.with_name("made by ' hand"))
    before = everything(kdl.path.parent.parent) - everything(kdl.path)
    job = http.process()
    assert (job["status"], job["result"]["success"]) == ("completed", 0)
    after = everything(kdl.path.parent.parent) - everything(kdl.path)
    assert after == before
    assert list((kdl.path / "catalog").rglob("*.parquet")) == []
