"""Check 27: many small files of a day become few; same rows, same ids."""

from __future__ import annotations

import json
import time

from feed_lake import FeedLake, chat

pytest_plugins = ("feed_fixtures",)


def test_ten_thousand_small_ingests_become_few_files(lake: FeedLake) -> None:
    ids = set()
    for part in range(10):
        lines = [json.dumps(chat(f"r{part}-{i}")) for i in range(1000)]
        ids |= {f"r{part}-{i}" for i in range(1000)}
        body = "\n".join(lines).encode()
        headers = {"Content-Type": "application/x-ndjson"}
        status, _, content = lake.call("POST", "/v1/feeds/chat/records", body, headers)
        assert status in (200, 201), content[:500]
        # The job of a withdrawal seals what was taken so far: a file each time.
        lake.call("POST", "/v1/feeds/chat/withdrawals", {"ingest_id": f"r{part}-0"})
        ids.discard(f"r{part}-0")
        deadline = time.monotonic() + 60
        while any(job["status"] == "running" for job in lake.get("/jobs")["jobs"]):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def data_files() -> int:
        (row,) = lake.run("sql", "select files from catalog where provider = 'feeds'")
        return int(row["files"])

    def all_ids() -> set[str]:
        rows = lake.run("sql", "select ingest_id from feeds.chat")
        assert len(rows) == len({row["ingest_id"] for row in rows})
        return {row["ingest_id"] for row in rows}

    before = data_files()
    assert before >= 8
    (report,) = lake.run("feed", "compact", "chat")
    assert report["files_removed"] == before
    assert data_files() == report["files_added"] == 1
    assert all_ids() == ids
    assert lake.get("/v1/feeds/chat/records?count=true&limit=1")["total"] == len(ids)
