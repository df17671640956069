"""Checks 14 to 19: ids, owners, empty conversations, limits."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path

import pytest
from built import built
from feed_lake import FeedLake, chat

pytest_plugins = ("feed_fixtures",)

INGEST = "/v1/ingest/chat"
RECORDS = "/v1/feeds/chat/records"


def post(lake: FeedLake, body: object, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    status, _, content = lake.call("POST", INGEST, body, headers)
    return status, content


def files_of(path: Path) -> set[str]:
    return {found.name for found in path.rglob("*")}


def test_14_same_id_twice_is_one_record_with_the_second_content(lake: FeedLake) -> None:
    lake.post(chat("a", submitter_id="s"))
    lake.post(chat("a", {"content": "second"}, submitter_id="s"))
    found = lake.sql("select conversation[1].content as text from feeds.chat")
    assert found == [{"text": "second"}]


@pytest.mark.parametrize("bad", ["../../x", "/etc/x", "a/b", "", "x" * 10_000, "..", "a\0b"])
def test_16_ids_that_are_no_names_touch_no_file(lake: FeedLake, bad: str) -> None:
    before = files_of(lake.path.parent)
    status, content = post(lake, chat(bad))
    assert status == 422, content
    assert json.loads(content)["detail"][0]["loc"] == ["body", "ingest_id"]
    assert files_of(lake.path.parent) == before


def test_17_another_submitter_needs_the_owners_token(lake: FeedLake) -> None:
    status, headers, _ = lake.call("POST", INGEST, chat("a", submitter_id="s1"))
    assert status == 200
    token = headers["receipt-token"]
    theirs = chat("a", {"content": "theirs"}, submitter_id="s2")
    assert post(lake, theirs)[0] == 409
    assert post(lake, theirs, {"Receipt-Token": "x" * 36})[0] == 409
    assert lake.get(f"{RECORDS}/a")["submitter_id"] == "s1"
    assert post(lake, theirs, {"Receipt-Token": token})[0] == 200
    assert lake.get(f"{RECORDS}/a")["submitter_id"] == "s2"


def test_18_empty_conversation_is_taken_unless_a_rule_refuses_it(lake: FeedLake) -> None:
    body = chat("a") | {"conversation": []}
    assert post(lake, body)[0] == 200
    definition = {"rules": {"empty_conversation": "refuse"}, "shape": "chat"}
    status, _, content = lake.call("PUT", "/v1/feeds/chat", definition)
    assert status == 200, content
    status, content = post(lake, body | {"ingest_id": "b"})
    assert status == 422
    assert b"empty_conversation" in content


def test_19_body_above_the_limit_is_refused_before_it_is_read(lake: FeedLake) -> None:
    import socket

    host, port = lake.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        head = f"POST {INGEST} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 999999999\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_19_record_above_the_feeds_limit_is_refused(lake: FeedLake) -> None:
    definition = {"limits": {"max_record_bytes": 1000}, "shape": "chat"}
    assert lake.call("PUT", "/v1/feeds/chat", definition)[0] == 200
    assert post(lake, chat("a", {"content": "x" * 2000}))[0] == 413
    assert post(lake, chat("a", {"content": "x"}))[0] == 200


def test_19_compressed_bomb_is_refused_by_its_inflated_size(lake: FeedLake) -> None:
    bomb = gzip.compress(b" " * 200_000_000)
    headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
    status, _, content = lake.call("POST", RECORDS, bomb, headers)
    assert status == 413, content


def test_feeds_take_lines_arrays_and_compressed_bodies(lake: FeedLake) -> None:
    lines = b"\n".join(json.dumps(chat(f"l{i}")).encode() for i in range(3)) + b'\n{"broken'
    kind = {"Content-Type": "application/x-ndjson"}
    status, _, content = lake.call("POST", RECORDS, lines, kind)
    answer = json.loads(content)
    assert status == 207
    assert (answer["stored"], answer["refused"]) == (3, 1)
    assert [record["status"] for record in answer["records"]] == ["stored"] * 3 + ["refused"]
    assert len(answer["receipt_token"]) >= 22
    status, _, content = lake.call("POST", f"{RECORDS}?mode=all", lines + b"\n", kind)
    assert status == 207 or json.loads(content)["stored"] == 0
    packed = gzip.compress(json.dumps([chat("g1"), chat("g2")]).encode())
    status, _, content = lake.call(
        "POST", f"{RECORDS}?mode=all&ack=store", packed, {"Content-Encoding": "gzip"}
    )
    assert status == 200, content
    assert lake.sql("select count(*) as n from feeds.chat") == [{"n": 5}]


def test_idempotency_key_gives_the_same_ids(lake: FeedLake) -> None:
    body = [chat("x") | {"ingest_id": None}] * 2
    headers = {"Idempotency-Key": "key-1"}
    first = json.loads(lake.call("POST", RECORDS, body, headers)[2])
    again = json.loads(lake.call("POST", RECORDS, body, headers)[2])
    ids = [record["ingest_id"] for record in first["records"]]
    assert ids == [record["ingest_id"] for record in again["records"]]
    assert again["replayed"] == 2
    assert lake.call("POST", RECORDS, body[:1], headers)[0] == 409


def test_feed_of_ones_own_by_command(lake: FeedLake) -> None:
    program = str(built("bin/datalake"))
    make = [program, "--lake", str(lake.path), "feed", "create", "votes"]
    subprocess.run(
        [*make, "--field", "vote=yes,no", "--optional-field", "weight", "--type", "weight=number"],
        check=True,
        capture_output=True,
    )
    assert lake.get("/v1/feeds/votes/schema")["required"] == ["vote"]
    status, _, content = lake.call("POST", "/v1/feeds/votes/records", [{"vote": "yes"}, {}])
    assert status == 207, content
    assert lake.sql("select vote from feeds.votes") == [{"vote": "yes"}]
    assert lake.call("POST", "/v1/feeds/vote/records", {})[0] == 404
