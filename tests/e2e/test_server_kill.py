"""The server is killed under load, again and again: nothing acknowledged is lost or doubled.

DATALAKE_KILL_CYCLES sets how often (default 20; a release runs 200).
"""

from __future__ import annotations

import http.client
import json
import os
import random
import sys
import threading
import time
from pathlib import Path

from built import built

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "build" / "python"), str(ROOT / "examples")]
PROGRAM = built("bin/datalake-server")
CYCLES = int(os.environ.get("DATALAKE_KILL_CYCLES", "20"))
CLIENTS = 32
SEED = 20260101


def chat(number: int) -> bytes:
    turns = [
        {"content": f"question {number}", "role": "user"},
        {"content": "answer " * (number % 50), "role": "assistant", "stopped": "true"},
    ]
    body = {"ingest_id": f"kill-{number:08}", "agent_id": "m", "prompt_template": "%1"}
    return json.dumps(body | {"conversation": turns}).encode()


class Load:
    """Clients that post new chats and, after a broken connection, the same chat again."""

    def __init__(self) -> None:
        self.acknowledged: set[str] = set()
        self.sent: set[str] = set()
        self.wrong: list[str] = []
        self._lock = threading.Lock()
        self._next = 0
        self._unanswered: list[int] = []

    def run(self, address: str, until: threading.Event) -> None:
        connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=10)
        while not until.is_set():
            with self._lock:
                if self._unanswered:
                    number = self._unanswered.pop()
                else:
                    number, self._next = self._next, self._next + 1
                self.sent.add(f"kill-{number:08}")
            try:
                connection.request("POST", "/v1/ingest/chat", chat(number))
                answer = connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException):
                with self._lock:
                    self._unanswered.append(number)
                return
            with self._lock:
                if answer.status == 200:
                    self.acknowledged.add(f"kill-{number:08}")
                else:
                    self.wrong.append(f"{answer.status} {text[:200]!r}")


def test_nothing_acknowledged_is_lost_or_doubled(tmp_path: Path) -> None:
    from demo_server import Server

    import datalake

    rng = random.Random(SEED)
    lake = datalake.init(tmp_path / "lake")
    load = Load()
    server = Server(PROGRAM, tmp_path / "lake")
    for _ in range(CYCLES):
        dead = threading.Event()
        threads = [
            threading.Thread(target=load.run, args=(server.address, dead)) for _ in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        time.sleep(rng.uniform(0.02, 0.4))
        server.kill_and_restart()
        dead.set()
        for thread in threads:
            thread.join()
    with server:  # ends it with SIGTERM: what waits is sealed
        pass
    assert not load.wrong
    assert len(load.acknowledged) > CYCLES
    found = lake.sql("select ingest_id from feeds.chat").column("ingest_id").to_pylist()
    assert len(found) == len(set(found)), f"seed {SEED}: a chat is there twice"
    # feeds.chat shows each id once by definition; the table must hold each version once, too.
    rows = lake.sql(
        "select count(*) as n, count(distinct (ingest_id, version)) as versions,"
        ' count(distinct ingest_id) as ids from data."feeds/chat/raw"'
    ).to_pylist()[0]
    assert rows["n"] == rows["versions"] == rows["ids"] == len(found), f"seed {SEED}: {rows}"
    assert load.acknowledged - set(found) == set(), f"seed {SEED}: acknowledged chats are missing"
    assert set(found) <= load.sent
    wrong_text = "not starts_with(conversation[1].content, 'question')"
    texts = lake.sql(f"select count(*) as n from feeds.chat where {wrong_text}")
    assert texts.to_pylist() == [{"n": 0}]
