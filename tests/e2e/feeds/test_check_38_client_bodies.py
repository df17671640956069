"""Check 38: recorded bodies of both desktop client generations are taken and no field is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from built import ROOT
from feed_lake import FeedLake

pytest_plugins = ("feed_fixtures",)

BODIES = sorted((ROOT / "tests" / "cases" / "feeds" / "desktop").glob("*.json"))


@pytest.mark.parametrize("path", BODIES, ids=lambda path: path.stem)
def test_38_body_is_taken_and_comes_back_whole(lake: FeedLake, path: Path) -> None:
    raw = path.read_bytes()
    sent = json.loads(raw)
    kind = {"Content-Type": "application/json"}
    status, _, content = lake.call("POST", "/v1/ingest/chat", raw, kind)
    assert (status, json.loads(content)) == (200, {"ingest_id": sent["ingest_id"]})
    record = lake.get(f"/v1/feeds/chat/records/{sent['ingest_id']}")
    assert record.pop("_lake")["version"] == 1
    assert record == sent
    (row,) = lake.sql("select * from feeds.chat")
    for field in ("agent_id", "source", "submitter_id", "prompt_template", "chat_template"):
        assert row[field] == sent.get(field)
    assert row["attribution"] == sent.get("network/attribution")
    assert row["conversation"][1]["content"] == sent["conversation"][1]["content"]
    assert row["conversation"][1]["rating"] == sent["conversation"][1].get("rating")


def test_38_there_are_bodies_of_both_generations() -> None:
    assert {path.stem.split("_")[0] for path in BODIES} == {"2024", "newest"}
