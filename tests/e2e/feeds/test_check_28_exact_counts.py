"""Check 28: counts by day, source, agent, rating, submitter equal a full scan, before and after the
caches are gone. Random data against a scan of ours are in lake/feed_query_test.cc."""

from __future__ import annotations

import itertools
import shutil

from feed_lake import FeedLake, Json, chat

pytest_plugins = ("feed_fixtures",)

SOURCES = ("web", "desktop")
AGENTS = ("a.gguf", "b.gguf")
RATINGS = (None, "positive", "negative")


def made() -> list[Json]:
    bodies = []
    for i, (source, agent, rating) in enumerate(itertools.product(SOURCES, AGENTS, RATINGS)):
        answer = {"content": f"answer {i}", "role": "assistant", "rating": rating}
        more = {"source": source, "agent_id": agent, "submitter_id": f"u{i % 3}"}
        bodies.append(chat(f"r{i}", {"content": "q"}, answer, **more))
    return bodies


def check(lake: FeedLake, bodies: list[Json]) -> None:
    def scan(key: str, value: str) -> set[str]:
        return {b["ingest_id"] for b in bodies if b[key] == value}

    def found(query: str) -> set[str]:
        ids: set[str] = set()
        cursor = ""
        while True:
            page = lake.get(f"/v1/feeds/chat/records?{query}&limit=3&count=true&cursor={cursor}")
            ids |= {record["_lake"]["ingest_id"] for record in page["records"]}
            if page["next_cursor"] is None:
                assert page["total"] == len(ids)
                return ids
            cursor = page["next_cursor"]

    for source in SOURCES:
        assert found(f"source={source}") == scan("source", source)
    for agent in AGENTS:
        assert found(f"agent={agent}") == scan("agent_id", agent)
    assert found("submitter=u1") == scan("submitter_id", "u1")
    for rating in ("positive", "negative"):
        rated = {b["ingest_id"] for b in bodies if b["conversation"][1]["rating"] == rating}
        assert found(f"rating={rating}") == rated
        assert found(f"rating={rating}&source=web") == rated & scan("source", "web")
    assert found("text=answer%207") == {"r7"}
    day = lake.get("/v1/feeds/chat/records/r0")["_lake"]["day"]
    assert found(f"day={day}") == {b["ingest_id"] for b in bodies}
    stats = lake.get("/v1/feeds/chat/stats")
    assert stats["records"] == len(bodies)
    assert sum(group["records"] for group in stats["sources"]) == len(bodies)


def test_counts_equal_a_scan_and_do_not_need_the_caches(lake: FeedLake) -> None:
    bodies = made()
    for body in bodies:
        lake.post(body)
    check(lake, bodies)
    # Replaced records count as their newest version alone.
    bodies[0]["source"] = bodies[0]["agent_id"] = "c.gguf"
    lake.post(bodies[0])
    check(lake, bodies)
    for cache in (lake.path / "index").iterdir():
        shutil.rmtree(cache, ignore_errors=True)
    check(lake, bodies)


def test_bad_questions_are_answered_with_their_reason(lake: FeedLake) -> None:
    for query in ("day=2026-02-30", "limit=0", "limit=1001", "rating=meh", "cursor=x"):
        status, _, content = lake.call("GET", f"/v1/feeds/chat/records?{query}")
        assert status == 400, (query, content)
    assert lake.call("GET", "/v1/feeds/nope/records")[0] == 404


def test_sql_reads_feeds_and_nothing_else(lake: FeedLake) -> None:
    lake.post(chat("one", source="web"))
    status, _, content = lake.call("POST", "/v1/sql", {"sql": "select source from feeds.chat"})
    assert status == 200, content
    assert b'"rows":[["web"]]' in content
    for statement, wanted in (
        ("drop table x", 403),
        ("select * from read_csv('/etc/passwd')", 403),
        ("select * from feeds.nope", 404),
        ("selekt 1", 400),
    ):
        assert lake.call("POST", "/v1/sql", {"sql": statement})[0] == wanted, statement
    assert lake.call("POST", "/v1/sql", b"{")[0] == 400
    assert lake.get("/v1/stats")["feeds"] == [{"feed": "chat", "records": 1}]
