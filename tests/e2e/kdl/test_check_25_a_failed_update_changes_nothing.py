"""Check 25: a rebuild that fails leaves the answers as they were (there is nothing to rebuild)."""

from kdl_lake import KdlLake
from search_rows import fill, ids


def test_answers_stay_after_a_failed_update(kdl: KdlLake) -> None:
    fill(kdl)
    log = next((kdl.path / "catalog/provider=inhouse").rglob("_delta_log/*0001.json"))
    log.write_text("torn")
    assert kdl.run("db", "update").returncode == 1
    assert ids(kdl.ok_json("search", "--provider", "huggingface")) == [1, 2, 3, 4, 5]
