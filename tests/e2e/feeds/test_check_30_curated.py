"""Check 30: a curated snapshot without duplicates, personal data and spam; raw is untouched."""

from __future__ import annotations

from feed_lake import FeedLake, chat, lines_of

pytest_plugins = ("feed_fixtures",)

GOOD = "The capital of France is Paris, which lies on the river Seine."


def test_curated_rows_are_clean_and_the_report_says_what_went(lake: FeedLake) -> None:
    def post(ingest_id: str, question: str, answer: str) -> None:
        turns = ({"content": question, "role": "user"}, {"content": answer, "role": "assistant"})
        lake.post(chat(ingest_id, *turns))

    post("good", "What is the capital of France?", GOOD)
    post("again", "what is the  capital of france?", GOOD)
    post("mail", "Whom should I ask about this?", "Write to ada@example.org, she knows it all.")
    post("spam", "hello", "buy cheap pills " * 60)
    post("short", "x", "y")
    result = lake.snapshot(kind="curated")
    report = result["report"]
    assert report["rows_in"] == 5
    assert report["rows_out"] == 2
    left_out = report["left_out"]
    assert (left_out["duplicate"], left_out["repetition"], left_out["too_short"]) == (1, 1, 1)
    assert report["masked"] == {"EMAIL_ADDRESS": 1}
    path = "/v1/feeds/chat/snapshots/curated/v1/export?layout=text"
    status, headers, content = lake.call("GET", path)
    assert status == 200
    assert headers["content-type"].startswith("application/x-ndjson")
    text = content.decode()
    assert "ada@example.org" not in text
    assert "|||EMAIL_ADDRESS|||" in text
    assert text.count(GOOD) == 1
    manifest = lake.get("/v1/feeds/chat/snapshots/curated/v1")
    assert "report.json" in {file["path"] for file in manifest["files"]}
    # Raw untouched: every record is still there as it was sent.
    record = lake.get("/v1/feeds/chat/records/mail")
    assert "ada@example.org" in record["conversation"][1]["content"]
    assert lake.get("/v1/feeds/chat/records?count=true")["total"] == 5


def test_rules_come_from_the_config(lake: FeedLake) -> None:
    lake.post(chat("one", {"content": "Hi", "role": "user"}, {"content": "Yo", "role": "bot"}))
    assert lake.snapshot(kind="curated")["rows"] == 0
    rules = {"min_chars": 1, "mask_personal_data": False}
    assert lake.snapshot(kind="curated", curation=rules)["rows"] == 1
    config = lake.path.parent / "rules.yaml"
    config.write_text("min_chars: 1\n")
    made = lake.run("-c", str(config), "feed", "snapshot", "chat", "--kind", "curated")
    assert made[0]["rows"] == 1
    out = lake.path.parent / "sft.jsonl.gz"
    lake.run("feed", "export", "chat", str(out), "--layout", "sft", "--snapshot", "curated")
    assert [line["id"] for line in lines_of(out)] == ["one"]
