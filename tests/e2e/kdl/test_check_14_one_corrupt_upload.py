"""Check 14: of two uploads one is corrupt: it is set aside with its reason, the other is there."""

import json

from kdl_lake import Http, KdlLake


def test_the_good_one_is_processed(kdl: KdlLake, http: Http) -> None:
    import pyarrow as pa

    kdl.lake.upload(pa.table({"n": [1]}), "test", "good")
    kdl.lake.upload(pa.table({"n": [2]}), "test", "bad")
    bad = next(path for path in kdl.staged() if path.name.startswith("bad"))
    (bad / "rows.parquet").write_bytes(b"PAR1 not a table PAR1")
    job = http.process()
    assert job["status"] == "completed"
    assert (job["result"]["success"], job["result"]["failed"]) == (1, 1)
    (failed,) = kdl.staged("failed")
    record = json.loads((failed / "error.json").read_text())
    assert record["directory"] == bad.name
    assert record["error_type"] == "corruption"
    assert len(kdl.rows("good")) == 1
    assert http.call("GET", "/status")[1]["failed"] == 1
    (listed,) = kdl.ok_json("uploads", "list")
    assert (listed["upload"], listed["state"]) == (bad.name, "failed")
