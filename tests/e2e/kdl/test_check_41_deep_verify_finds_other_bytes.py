"""Check 41: changed bytes of an asset are found by a deep verification, and only by it."""

import json

from kdl_lake import KdlLake, png


def test_mismatch_is_reported(kdl: KdlLake) -> None:
    import pyarrow as pa

    kdl.lake.upload(pa.table({"image": [png(n) for n in range(5)]}), "test", "d")
    kdl.ok("process")
    path = kdl.assets()[2]
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    assert kdl.run("verify").returncode == 0
    done = kdl.run("--json", "verify", "--deep")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["summary"]["mismatched_count"] == 1
    assert report["summary"]["missing_count"] == 0
    assert [item["hash"] for item in report["missing_files"]] == [path.stem]
    assert report["missing_files"][0]["problem"] == "mismatched"
    in_python = kdl.lake.verify(deep=True)
    assert in_python["summary"] == report["summary"]
    assert in_python["missing_files"] == report["missing_files"]
    assert kdl.lake.verify()["summary"]["mismatched_count"] == 0
