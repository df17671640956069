"""Check 15: POST /process while a job runs answers with that processing job's id."""

from kdl_lake import Http, KdlLake


def test_a_second_start_names_the_running_job(kdl: KdlLake, http: Http) -> None:
    import pyarrow as pa

    for n in range(30):
        kdl.lake.upload(pa.table({"n": [n]}), "test", f"d{n}")
    first = http.call("POST", "/process")[1]
    second = http.call("POST", "/process")[1]
    assert first["status"] == "started"
    assert second == {
        "job_id": first["job_id"],
        "status": "already_running",
        "message": "processing is already running",
    }
    assert first["job_id"].startswith("process_")
    assert http.finished(first["job_id"])["result"]["success"] == 30
