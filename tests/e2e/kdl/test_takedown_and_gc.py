"""Takedown and collection of garbage as a user has them."""

import json

from kdl_lake import KdlLake, png


def test_a_picture_is_taken_down_everywhere(kdl: KdlLake) -> None:
    import pyarrow as pa

    bad, good = png(1), png(2)
    kdl.lake.upload(pa.table({"image": [bad, good], "n": [1, 2]}), "test", "d")
    kdl.ok("process")
    kdl.ok("collections", "save", "train", "--dataset", "d")
    sha256 = next(row["hash"] for row in kdl.rows("d") if row["n"] == 1)
    words = ["takedown", "--asset", sha256, "--reason", "request 7"]
    assert kdl.run(*words).returncode == 10  # no terminal to ask on
    counted = kdl.ok_json(*words, "--dry-run")[0]
    assert sum(place["rows"] for place in counted["places"]) == 2
    done = kdl.ok_json(*words, "--yes")[0]
    assert done["removed_assets"] == [sha256]
    assert [row["n"] for row in kdl.rows("d")] == [2]
    assert len(kdl.assets()) == 1
    assert kdl.ok_json("collections", "info", "train")[0]["num_samples"] == 1
    kdl.lake.upload(pa.table({"image": [bad], "n": [3]}), "test", "d")
    kdl.ok("process")
    assert len(kdl.assets()) == 1
    record = kdl.ok_json("takedown", "--list")[0]["record"]
    assert record["reason"] == "request 7"
    assert kdl.run("verify", "--deep").returncode == 0
    for path in kdl.path.rglob("*"):
        assert not path.is_file() or bad not in path.read_bytes()


def test_garbage_is_collected_in_two_phases(kdl: KdlLake) -> None:
    import pyarrow as pa

    kdl.lake.upload(pa.table({"image": [png(1)]}), "test", "d")
    kdl.ok("process")
    data = png(99)
    import hashlib

    name = hashlib.sha256(data).hexdigest()
    orphan = kdl.path / "assets" / name[:2] / name[2:4] / f"{name}.png"
    orphan.parent.mkdir(parents=True, exist_ok=True)
    orphan.write_bytes(data)
    dry = kdl.ok_json("gc")[0]
    assert (dry["orphans"], dry["orphan_bytes"], dry["condemned"]) == (1, len(data), 0)
    first = kdl.ok_json("gc", "--apply")[0]
    assert (first["condemned"], first["swept"], orphan.exists()) == (1, 0, True)
    second = kdl.ok_json("gc", "--apply", "--grace", "0s")[0]
    assert (second["swept"], second["swept_bytes"], orphan.exists()) == (1, len(data), False)
    third = kdl.ok_json("gc", "--apply", "--trash", "0s")[0]
    assert third["deleted"] == 1
    assert json.loads(kdl.run("--json", "verify", "--deep").stdout)["summary"]["missing_count"] == 0
    assert kdl.run("gc", "--grace", "soon").returncode == 10
