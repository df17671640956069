"""Check 40: 3 of 1,000 files removed are found, 99.7 %; the report has the seed's keys; a sample of
10 % is 100 rows. In the program and on the server."""

import json
from pathlib import Path

from kdl_lake import Http, KdlLake


def fill(kdl: KdlLake, rows: int = 1000) -> None:
    import pyarrow as pa

    pictures = [f"picture {n}".encode() for n in range(rows)]
    kdl.lake.upload(pa.table({"image_bytes": pictures, "n": list(range(rows))}), "test", "d")
    kdl.ok("process")
    assert len(kdl.assets()) == rows


def test_verify(kdl: KdlLake, tmp_path: Path) -> None:
    fill(kdl)
    for path in kdl.assets()[:3]:
        path.unlink()
    report_file = tmp_path / "report.json"
    done = kdl.run("verify", "--report", report_file)
    assert done.returncode == 1, done.stderr
    report = json.loads(report_file.read_text())
    assert report.keys() >= {"timestamp", "summary", "missing_files"}
    summary = report["summary"]
    assert (summary["total_items"], summary["checked_items"]) == (1000, 1000)
    assert (summary["missing_count"], summary["integrity_rate"]) == (3, 99.7)
    assert len(report["missing_files"]) == 3
    assert report["missing_files"][0].keys() >= {"hash", "path", "file_exists", "checked_path"}
    sample = json.loads(kdl.run("--json", "verify", "--sample", "10%").stdout)["summary"]
    assert sample["checked_items"] == 100
    nothing = json.loads(kdl.run("--json", "verify", "--dataset", "other").stdout)["summary"]
    assert nothing["total_items"] == 0


def test_server(kdl: KdlLake, http: Http) -> None:
    fill(kdl, 100)
    pairs = [{"hash": row["hash"], "path": row["path"]} for row in kdl.rows("d")]
    for path in kdl.assets()[:3]:
        path.unlink()
    body = {"user_id": "ada", "search_data": pairs}
    status, answer = http.call("POST", "/validate-assets", body)
    assert (status, answer["status"]) == (200, "started")
    assert answer["job_id"].startswith("validate_")
    result = http.finished(answer["job_id"])["result"]
    assert (result["total_items"], result["checked_items"]) == (100, 100)
    assert (result["missing_count"], result["integrity_rate"]) == (3, 97)
    assert len(result["missing_files"]) == 3
    _, answer = http.call("POST", "/validate-assets", {**body, "sample_percent": 0.1})
    assert http.finished(answer["job_id"])["result"]["checked_items"] == 10
    assert http.call("POST", "/validate-assets", {"search_data": 1})[0] == 422
