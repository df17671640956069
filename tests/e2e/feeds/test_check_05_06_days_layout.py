"""Checks 5 and 6: the seed's files by day, their columns and footer. Check 14: one current file."""

from __future__ import annotations

import datetime
from pathlib import Path

import pyarrow.parquet as pq
from feed_lake import FeedLake, chat

pytest_plugins = ("feed_fixtures",)


def test_the_file_of_a_chat_lies_where_the_seed_put_it(lake: FeedLake, tmp_path: Path) -> None:
    edited = {"content": "5", "role": "assistant", "rating": "negative", "edited_content": "4"}
    lake.post(chat("one", {"content": "2+2?", "role": "user"}, edited, submitter_id="u-1"))
    day = datetime.datetime.now(datetime.UTC).strftime("%Y_%m_%d")
    report = lake.run("feed", "export", "chat", str(tmp_path / "dump"), "--layout", "days")
    assert report[0]["files"] == 1
    path = tmp_path / "dump" / "data" / day / "chats" / "one.parquet"
    table = pq.read_table(path)
    types = {field.name: str(field.type) for field in table.schema}
    assert types == {
        "turn": "int32",
        "content": "string",
        "role": "string",
        "rating": "string",
        "stopped": "bool",
        "edited_content": "string",
    }
    assert table.to_pylist()[1] == {"turn": 1, "stopped": False} | edited
    footer = pq.read_metadata(path).metadata
    assert footer[b"ingest_id"] == b"one"
    assert footer[b"submitter_id"] == b"u-1"
    assert footer[b"prompt_template"] == b"%1"
    assert footer[b"agent_id"] == b"m.gguf"


def test_the_same_id_twice_is_one_file_with_the_second_content(
    lake: FeedLake, tmp_path: Path
) -> None:
    lake.post(chat("one", {"content": "first"}, submitter_id="u"))
    lake.post(chat("one", {"content": "second"}, submitter_id="u"))
    lake.run("feed", "export", "chat", str(tmp_path / "dump"))
    files = list((tmp_path / "dump").rglob("*.parquet"))
    assert len(files) == 1
    assert pq.read_table(files[0])["content"].to_pylist() == ["second"]
