"""Check 32: attribution names are credited; anonymous records carry no stable id."""

from __future__ import annotations

from pathlib import Path

from feed_lake import FeedLake, chat

pytest_plugins = ("feed_fixtures",)


def test_contributors_are_listed_and_nobody_else_is_recognisable(lake: FeedLake) -> None:
    install = "7e1c9a52-stable-install-id"
    for i in range(3):
        lake.post(chat(f"a{i}", submitter_id=install))
    named = {"network/attribution": "Ada Lovelace"}
    lake.post(chat("n0", submitter_id="other-install", **named))
    for kind in ("raw", "cleaned", "curated"):
        lake.snapshot(kind=kind)
        base = f"/v1/feeds/chat/snapshots/{kind}/v1"
        credit = lake.get(f"{base}/files/contributors.json")
        assert credit["contributors"] == [{"name": "Ada Lovelace", "records": 1}]
        assert credit["anonymous_records"] == 3
        card = lake.call("GET", f"{base}/files/README.md")[2].decode()
        assert "Ada Lovelace (1 records)" in card
        folder: Path = lake.path / "collections" / f"chat-{kind}" / "v1"
        for path in folder.iterdir():
            assert b"install" not in path.read_bytes(), path
