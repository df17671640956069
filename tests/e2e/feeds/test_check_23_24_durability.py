"""Checks 23 and 24 in short; tests/e2e/test_server_kill.py kills under load for longer."""

from __future__ import annotations

import json
import threading

from feed_lake import FeedLake, chat

pytest_plugins = ("feed_fixtures",)


def test_23_parallel_posts_are_all_there_and_whole(lake: FeedLake) -> None:
    def post(number: int) -> None:
        lake.post(chat(f"p{number}", {"content": "x" * 5000}))

    threads = [threading.Thread(target=post, args=(number,)) for number in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = lake.sql(
        "select count(*) as n, count(distinct ingest_id) as ids,"
        " min(length(conversation[1].content)) as least from feeds.chat"
    )
    assert found == [{"n": 200, "ids": 200, "least": 5000}]


def test_24_acknowledged_records_survive_a_kill(lake: FeedLake) -> None:
    lines = b"\n".join(json.dumps(chat(f"k{i}")).encode() for i in range(500))
    kind = {"Content-Type": "application/x-ndjson"}
    assert lake.call("POST", "/v1/feeds/chat/records", lines, kind)[0] == 200
    lake.kill_and_restart()
    assert lake.get("/v1/feeds/chat/records/k499")["ingest_id"] == "k499"
    status, _, content = lake.call("POST", "/v1/feeds/chat/records", lines, kind)
    assert status == 200
    assert json.loads(content)["replayed"] == 500
