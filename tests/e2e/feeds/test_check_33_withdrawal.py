"""Check 33: withdrawn records are gone from the feed, from later snapshots, from old ones as
amended; the audit entry has no content."""

from __future__ import annotations

import json
import subprocess
import time

from built import built
from feed_lake import FeedLake, Json, chat

pytest_plugins = ("feed_fixtures",)

BASE = "/v1/feeds/chat/snapshots"


def withdraw(lake: FeedLake, **request: object) -> Json:
    status, _, content = lake.call("POST", "/v1/feeds/chat/withdrawals", request)
    assert status == 202, content
    started: Json = json.loads(content)
    job = lake.wait_for_job(started["job_id"])
    assert job["status"] == "completed", job
    return started


def exported_ids(lake: FeedLake, version: str) -> set[str]:
    content = lake.call("GET", f"{BASE}/raw/{version}/export?layout=text")[2]
    return {json.loads(line)["id"] for line in content.splitlines()}


def test_all_of_a_submitter_goes_everywhere(lake: FeedLake) -> None:
    secret = "the-marker-word-of-this-test"
    named = {"network/attribution": "Ada"}
    for i in range(3):
        turns = ({"content": secret, "role": "user"}, {"content": "a", "role": "assistant"})
        lake.post(chat(f"gone{i}", *turns, submitter_id="u-gone", **named))
    lake.post(chat("stays", submitter_id="u-stays"))
    lake.snapshot()
    assert exported_ids(lake, "v1") == {"gone0", "gone1", "gone2", "stays"}
    answer = withdraw(lake, submitter_id="u-gone")
    assert answer["records"] == 3
    assert lake.call("GET", "/v1/feeds/chat/records/gone1")[0] == 404
    assert lake.get("/v1/feeds/chat/records?count=true")["total"] == 1
    assert exported_ids(lake, "v1") == {"stays"}
    manifest = lake.get(f"{BASE}/raw/v1")
    assert manifest["rows"] == 1
    assert len(manifest["amended"]) == 1
    assert lake.get(f"{BASE}/raw/v1/files/contributors.json")["contributors"] == []
    for file in manifest["files"]:
        status, headers, _ = lake.call("GET", f"{BASE}/raw/v1/files/{file['path']}")
        assert (status, headers["etag"]) == (200, f'"{file["sha256"]}"')
    lake.snapshot()
    assert exported_ids(lake, "v2") == {"stays"}
    entries = [path.read_text() for path in (lake.path / "log").glob("*.json")]
    assert any("withdrawal" in entry for entry in entries)
    for entry in entries:
        assert secret not in entry
        assert "u-gone" not in entry
    assert not list((lake.path / "withdrawals").glob("*.json"))
    for path in (lake.path / "collections").rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


def test_a_snapshot_of_another_process_does_not_keep_what_is_withdrawn_meanwhile(
    lake: FeedLake,
) -> None:
    records = [chat(f"r{i}", submitter_id=f"u{i % 6}") for i in range(300)]
    assert lake.call("POST", "/v1/feeds/chat/records", json.dumps(records).encode())[0] == 200
    datalake = [str(built("bin/datalake")), "--lake", str(lake.path), "--json", "--quiet"]
    for round_number in range(6):
        command = [*datalake, "feed", "snapshot", "chat"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as snapshot:
            time.sleep(0.02 * round_number)  # at other points of its work
            answer = withdraw(lake, submitter_id=f"u{round_number}")
            assert answer["records"] == 50
            snapshot.wait(timeout=60)
        assert snapshot.returncode == 0
    rows = [lake.get(f"{BASE}/raw/v{version}")["rows"] for version in range(1, 7)]
    assert rows == [0] * 6
    for version in range(1, 7):
        assert exported_ids(lake, f"v{version}") == set()


def test_a_contributor_withdraws_with_the_receipt(lake: FeedLake) -> None:
    body = json.dumps(chat("mine")).encode()
    status, _, content = lake.call("POST", "/v1/feeds/chat/records", body)
    assert status in (200, 201), content
    token = json.loads(content)["receipt_token"]
    lake.post(chat("other"))
    assert withdraw(lake, ingest_id="mine", receipt_token=token)["records"] == 1
    assert lake.call("GET", "/v1/feeds/chat/records/mine")[0] == 404
    assert lake.get("/v1/feeds/chat/records/other")["_lake"]["version"] == 1
    # Sent again it is a new record, which a second withdrawal's job does not touch.
    lake.post(chat("mine", {"content": "again"}))
    assert lake.get("/v1/feeds/chat/records/mine")["conversation"] == [{"content": "again"}]


def test_wrong_withdrawals_are_named(lake: FeedLake) -> None:
    lake.post(chat("one"))
    path = "/v1/feeds/chat/withdrawals"
    assert lake.call("POST", path, {})[0] == 400
    assert lake.call("POST", path, {"ingest_id": "one", "submitter_id": "u"})[0] == 400
    assert lake.call("POST", path, {"ingest_id": "nope"})[0] == 404
    assert lake.call("POST", path, {"all": True, "receipt_token": "x"})[0] == 400
    assert lake.call("POST", "/v1/feeds/nope/withdrawals", {"ingest_id": "one"})[0] == 404
    assert lake.get("/v1/feeds/chat/records?count=true")["total"] == 1
