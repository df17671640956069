"""datalake feed withdraw: on a lake without a server, and through one."""

from __future__ import annotations

import json
import subprocess

from built import built
from feed_lake import FeedLake, Json, chat

pytest_plugins = ("feed_fixtures",)


def withdraw(lake: FeedLake, *options: str, server: bool = True) -> tuple[int, list[Json], str]:
    where = ["--server", lake.address] if server else ["--lake", str(lake.path)]
    done = subprocess.run(
        [str(built("bin/datalake")), *where, "--json", "--yes", "feed", "withdraw", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def fill(lake: FeedLake) -> str:
    """Four records in a snapshot; the receipt of `mine` and `too`."""
    lake.post(chat("a", submitter_id="u1"))
    lake.post(chat("b", submitter_id="u2"))
    body = json.dumps([chat("mine"), chat("too")]).encode()
    status, _, content = lake.call("POST", "/v1/feeds/chat/records", body)
    assert status == 200, content
    lake.snapshot()
    return str(json.loads(content)["receipt_token"])


def published(lake: FeedLake) -> set[str]:
    rows = lake.sql('select ingest_id from collections."chat-raw/v1"')
    return {row["ingest_id"] for row in rows}


def test_through_a_server(lake: FeedLake) -> None:
    receipt = fill(lake)
    code, lines, _ = withdraw(lake, "chat", "--submitter", "u1", "--reason", "request 17")
    assert (code, lines[0]["records"]) == (0, 1)
    assert published(lake) == {"b", "mine", "too"}
    code, lines, _ = withdraw(lake, "chat", "--id", "mine", "--receipt", receipt)
    assert (code, lines[0]["records"]) == (0, 1)
    code, lines, _ = withdraw(lake, "chat", "--receipt", receipt)
    assert (code, lines[0]["records"]) == (0, 1)
    assert published(lake) == {"b"}
    assert lake.get("/v1/feeds/chat/records?count=true")["total"] == 1
    code, _, error = withdraw(lake, "chat", "--id", "nope")
    assert (code, "nope" in error) == (11, True)
    code, _, error = withdraw(lake, "chat", server=False)
    assert (code, "--id, --submitter or --receipt" in error) == (10, True)
    # Beside the server that has the feed it says how.
    code, _, error = withdraw(lake, "chat", "--id", "b", server=False)
    assert (code, "give its address as --server" in error) == (18, True)
    assert any("request 17" in path.read_text() for path in (lake.path / "log").glob("*.json"))


def test_on_the_lake_itself(lake: FeedLake) -> None:
    receipt = fill(lake)
    lake.stop()
    code, lines, error = withdraw(lake, "chat", "--id", "a", "b", server=False)
    assert code == 0, error
    assert [line["records"] for line in lines[:2]] == [1, 1]
    assert (lines[2]["snapshots_amended"], lines[2]["rows_removed"]) == (2, 2)
    code, _, error = withdraw(lake, "chat", "--id", "too", "--receipt", "x" * 32, server=False)
    assert (code, "not of this record" in error) == (14, True)
    assert published(lake) == {"mine", "too"}
    code, lines, error = withdraw(lake, "chat", "--receipt", receipt, server=False)
    assert (code, lines[0]["records"]) == (0, 2), error
    assert published(lake) == set()
    assert lake.sql("select * from feeds.chat") == []
    assert not list((lake.path / "withdrawals").glob("*.json"))
