"""The Python client's read side of feeds, and withdrawal, against a real server."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from door_server import datalake as command
from door_server import door
from feed_lake import FeedLake, chat

import datalake

pytest_plugins = ("feed_fixtures",)


@pytest.fixture
def chats(lake: FeedLake) -> datalake.FeedClient:
    for i in range(7):
        rating = {"rating": "negative"} if i % 2 else {}
        turn = {"content": f"answer {i}", "role": "assistant"} | rating
        lake.post(chat(f"r{i}", turn, submitter_id=f"u{i % 2}", source="web"))
    return datalake.FeedClient(lake.address)


def test_records_are_read_page_by_page(chats: datalake.FeedClient) -> None:
    records = list(chats.records(page_size=3))
    assert [record["ingest_id"] for record in records] == [f"r{i}" for i in range(7)]
    assert all(record["_lake"]["version"] == 1 for record in records)
    assert [r["ingest_id"] for r in chats.records(rating="negative")] == ["r1", "r3", "r5"]
    assert chats.count() == 7
    assert chats.count(submitter="u1", text="answer 3") == 1
    assert chats.record("r2")["conversation"][0]["content"] == "answer 2"
    assert chats.stats(source="web")["records"] == 7
    with pytest.raises(datalake.NotFoundError):
        chats.record("nope/../r2")
    with pytest.raises(datalake.InvalidArgumentError, match="known: agent"):
        chats.count(name="x")


def test_a_snapshot_is_downloaded_and_read(chats: datalake.FeedClient, tmp_path: Path) -> None:
    import datasets

    made = chats.make_snapshot(license="CC-BY-4.0")
    assert (made["kind"], made["version"], made["rows"]) == ("raw", "v1", 7)
    assert [s["version"] for s in chats.snapshots()] == ["v1"]
    folder = chats.download_snapshot(tmp_path)
    assert folder == tmp_path / "chat-raw-v1"
    data = next(f for f in chats.snapshot()["files"] if f["path"].endswith(".arrow"))
    path = folder / data["path"]
    # What is whole stays, what was cut goes on, what is wrong is fetched again.
    inode = path.stat().st_ino
    chats.download_snapshot(tmp_path)
    assert path.stat().st_ino == inode
    whole = path.read_bytes()
    path.unlink()
    (folder / f".{path.name}.part").write_bytes(whole[:100])
    chats.download_snapshot(tmp_path)
    assert path.read_bytes() == whole
    path.write_bytes(whole[:-1] + b"x")
    (folder / f".{path.name}.part").write_bytes(b"y" * 100)
    chats.download_snapshot(tmp_path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == data["sha256"]
    assert datasets.load_from_disk(str(folder)).num_rows == 7
    with pytest.raises(datalake.NotFoundError):
        chats.download_snapshot(tmp_path, kind="curated")


def test_withdrawal_ends_when_the_records_are_gone_everywhere(
    chats: datalake.FeedClient, lake: FeedLake
) -> None:
    chats.make_snapshot()
    assert chats.withdraw(submitter_id="u1", reason="request 17") == 3
    assert chats.count() == 4
    assert chats.snapshot()["rows"] == 4
    entries = [path.read_text() for path in (lake.path / "log").glob("*.json")]
    assert any("request 17" in entry for entry in entries)
    with pytest.raises(datalake.NotFoundError):
        chats.withdraw(ingest_id="r1")


def test_the_clients_sql_and_jobs(chats: datalake.FeedClient, lake: FeedLake) -> None:
    client = datalake.DatalakeClient("me", lake.path, lake.address)
    rows = client.sql("select source, count(*) as n from feeds.chat group by source")
    assert rows == [{"source": "web", "n": "7"}] or rows == [{"source": "web", "n": 7}]
    with pytest.raises(datalake.InvalidArgumentError, match="more than 3 rows"):
        client.sql("select * from feeds.chat", limit=3)
    assert client.feed("chat").count() == 7
    job = client.feed().calls.wait_for_job(chats.calls.post("/v1/feeds/chat/snapshots")["job_id"])
    assert chats.calls.job(job["job_id"])["status"] == "completed"
    assert job["job_id"] in [one["job_id"] for one in chats.calls.jobs()]


def test_sql_shows_a_token_what_its_scope_contains(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    command(lake, "init", str(lake))
    secrets = {
        name: command(lake, "token", "create", name, "--role", role, *scope)
        for name, role, *scope in (
            ("admin", "admin"),
            ("reader", "read"),
            ("votes", "read", "--feed", "votes"),
            ("giver", "contribute"),
        )
    }
    with door(lake, "--require-tokens") as server:
        of = {name: datalake.ServerCalls(server.address, token) for name, token in secrets.items()}
        definition = {"fields": [{"name": "vote", "type": "text", "required": True}]}
        with of["admin"].open("PUT", "/v1/feeds/votes", json.dumps(definition).encode()):
            pass
        of["admin"].post("/v1/feeds/votes/records", {"vote": "yes"})
        of["admin"].post("/v1/feeds/chat/records", chat("c"))
        with of["admin"].open(
            "POST", "/v1/feeds/chat/records?ack=store", json.dumps(chat("d")).encode()
        ):
            pass
        count = "select count(*)::int as n from {}"
        assert of["admin"].sql(count.format('data."feeds/chat/raw"')) == [{"n": 2}]
        assert of["reader"].sql(count.format("feeds.chat")) == [{"n": 2}]
        assert of["votes"].sql(count.format("feeds.votes")) == [{"n": 1}]
        assert of["votes"].sql("select distinct dataset from catalog") in (
            [],
            [{"dataset": "votes"}],
        )
        hidden = {
            "reader": ['data."feeds/chat/raw"'],
            "votes": ["feeds.chat", 'data."feeds/votes/raw"', "jobs", 'data."feeds/chat/raw"'],
        }
        for name, views in hidden.items():
            for view in views:
                with pytest.raises(datalake.NotFoundError, match="no such view"):
                    of[name].sql(count.format(view))
        with pytest.raises(datalake.InvalidArgumentError, match="receipt"):
            of["reader"].sql("select receipt from feeds.chat")
        assert "chat" not in json.dumps(of["votes"].sql("show tables"))
        with pytest.raises(datalake.PermissionDeniedError):
            of["giver"].sql("select 1")
