"""The jobs of publishing: killed with the server, cancelled, and started by the schedule."""

from __future__ import annotations

import fcntl
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from built import built
from demo_server import Server
from feed_lake import FeedLake, Json, chat

pytest_plugins = ("feed_fixtures",)


@contextmanager
def snapshots_wait(lake: FeedLake) -> Iterator[None]:
    """Another process makes a snapshot meanwhile: those of the server wait for it."""
    folder = lake.path / "withdrawals"
    folder.mkdir(exist_ok=True)
    with (folder / "chat.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def begin(lake: FeedLake) -> str:
    status, _, content = lake.call("POST", "/v1/feeds/chat/snapshots", {"license": "CC0-1.0"})
    assert status == 202, content
    return str(json.loads(content)["job_id"])


def versions(lake: FeedLake) -> list[Json]:
    found: list[Json] = lake.get("/v1/feeds/chat/snapshots")["snapshots"]
    return found


def test_a_snapshot_job_survives_the_death_of_its_server(lake: FeedLake) -> None:
    lake.post(chat("a"))
    with snapshots_wait(lake):
        job_id = begin(lake)
        assert lake.get(f"/v1/jobs/{job_id}")["status"] == "running"
        lake.kill_and_restart()
        job = lake.get(f"/v1/jobs/{job_id}")
        assert (job["status"], job["restarts"]) == ("running", 1)
        lake.kill_and_restart()
    job = lake.wait_for_job(job_id)
    assert (job["status"], job["restarts"]) == ("completed", 2)
    assert job["result"]["rows"] == 1
    assert "runs again" in lake.call("GET", f"/v1/jobs/{job_id}/log")[2].decode()
    (made,) = versions(lake)
    assert (made["version"], made["license"]) == ("v1", "CC0-1.0")
    lake.kill_and_restart()  # what is done is done
    assert len(versions(lake)) == 1


def test_a_cancelled_snapshot_job_publishes_nothing(lake: FeedLake) -> None:
    lake.post(chat("a"))
    with snapshots_wait(lake):
        job_id = begin(lake)
        assert lake.call("POST", f"/v1/jobs/{job_id}/cancel")[0] == 202
        assert lake.wait_for_job(job_id)["status"] == "cancelled"
    assert versions(lake) == []
    lake.kill_and_restart()
    assert lake.get(f"/v1/jobs/{job_id}")["status"] == "cancelled"
    assert lake.call("POST", f"/v1/jobs/{job_id}/retry")[0] in (200, 202)
    deadline = time.monotonic() + 30
    while not versions(lake):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_snapshots_are_made_by_number_of_records_and_by_time(tmp_path: Path) -> None:
    path = tmp_path / "lake"
    subprocess.run([str(built("bin/datalake")), "init", str(path)], check=True, capture_output=True)
    plan = "snapshots:\n- {feed: chat, kind: raw, every_records: 3, license: CC0-1.0}\n"
    plan += "- {feed: chat, kind: cleaned, every_hours: 24}\n"
    (path / "config" / "publish.yaml").write_text(plan)
    with Server(built("bin/datalake-server"), path) as server:
        lake = FeedLake(path, server=server)

        def wait_for(kind: str, count: int) -> list[Json]:
            deadline = time.monotonic() + 40
            while True:
                found = [made for made in versions(lake) if made["kind"] == kind]
                if len(found) == count:
                    return found
                assert time.monotonic() < deadline, found
                time.sleep(0.1)

        lake.post(chat("a"))
        assert wait_for("cleaned", 1)[0]["rows"] == 1  # there was none, so one is due
        assert wait_for("raw", 0) == []
        lake.post(chat("b"))
        lake.post(chat("c"))
        (raw,) = wait_for("raw", 1)
        assert (raw["rows"], raw["license"]) == (3, "CC0-1.0")
        for name in "def":
            lake.post(chat(name))
        assert wait_for("raw", 2)[1]["rows"] == 6
        # A day has not gone by: six new records or not, there is no other one.
        assert len(wait_for("cleaned", 1)) == 1
