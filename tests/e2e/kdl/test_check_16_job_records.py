"""Check 16: an ended job shows its counts, is forgotten once; a running one cannot be."""

from kdl_lake import Http, KdlLake


def test_jobs_are_shown_and_forgotten(kdl: KdlLake, http: Http) -> None:
    import pyarrow as pa

    for n in range(30):
        kdl.lake.upload(pa.table({"n": [n]}), "test", f"d{n}")
    job_id = http.call("POST", "/process")[1]["job_id"]
    assert http.call("DELETE", f"/jobs/{job_id}")[0] == 400
    job = http.finished(job_id)
    assert job["status"] == "completed"
    assert job["completed_at"] is not None
    assert (job["result"]["success"], job["result"]["failed"]) == (30, 0)
    assert http.call("DELETE", f"/jobs/{job_id}")[0] == 200
    assert http.call("GET", f"/jobs/{job_id}")[0] == 404
    assert http.call("DELETE", f"/jobs/{job_id}")[0] == 404
