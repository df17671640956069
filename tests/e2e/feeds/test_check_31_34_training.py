"""Checks 31 and 34: preference pairs from edits; one text a chat with "Turn n" lines."""

from __future__ import annotations

from pathlib import Path

from feed_lake import FeedLake, chat, lines_of

pytest_plugins = ("feed_fixtures",)


def test_the_edit_is_chosen_and_the_original_rejected(lake: FeedLake, tmp_path: Path) -> None:
    lake.post(
        chat(
            "one",
            {"content": "2+2?", "role": "user"},
            {"content": "5", "role": "assistant", "rating": "negative", "edited_content": "4"},
        )
    )
    lake.post(chat("two"))
    out = tmp_path / "pairs.jsonl"
    lake.run("feed", "export", "chat", str(out), "--layout", "pairs")
    (pair,) = lines_of(out)
    assert pair["prompt"] == [{"role": "user", "content": "2+2?"}]
    assert pair["chosen"] == [{"role": "assistant", "content": "4"}]
    assert pair["rejected"] == [{"role": "assistant", "content": "5"}]


def test_one_text_a_chat_of_any_number_of_turns(lake: FeedLake, tmp_path: Path) -> None:
    for count in (0, 1, 3, 8):
        turns = [
            {"content": f"c{i}", "role": "user" if i % 2 == 0 else "bot"} for i in range(count)
        ]
        lake.post(chat(f"r{count}", *turns, conversation=turns))
    out = tmp_path / "text.jsonl.gz"
    lake.run("feed", "export", "chat", str(out), "--layout", "text")
    texts = {line["id"]: line for line in lines_of(out)}
    assert texts["r0"]["text"] == ""
    assert texts["r3"]["text"] == "Turn 0:\nc0\nTurn 1:\nc1\nTurn 2:\nc2"
    assert texts["r3"]["metadata"]["roles"] == ["user", "bot", "user"]
    assert texts["r8"]["text"].count("Turn ") == 8


def test_messages_and_sharegpt(lake: FeedLake, tmp_path: Path) -> None:
    lake.post(chat("one"))
    for layout, key in (("sft", "messages"), ("sharegpt", "conversations")):
        out = tmp_path / f"{layout}.jsonl"
        lake.run("feed", "export", "chat", str(out), "--layout", layout)
        (line,) = lines_of(out)
        assert len(line[key]) == 2
