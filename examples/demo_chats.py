"""Posts chats as many clients at once do, through a kill of the server."""

from __future__ import annotations

import http.client
import queue
import threading
import time
from dataclasses import dataclass, field

from demo_server import Server

_RETRY_S = 0.05
_GIVE_UP_S = 60.0


@dataclass
class Posted:
    """What the clients saw. `acknowledged` holds the ingest ids that got a 200."""

    acknowledged: set[str] = field(default_factory=set)
    acknowledged_before_kill: int = 0


def post_chats(server: Server, chats: dict[str, bytes], clients: int) -> Posted:
    """Posts every chat once it can; a client whose connection breaks sends the same chat again."""
    waiting: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
    for chat in chats.items():
        waiting.put(chat)
    posted = Posted()
    lock = threading.Lock()
    halfway = threading.Event()
    failures: list[str] = []

    def client() -> None:
        connection: http.client.HTTPConnection | None = None
        while True:
            try:
                ingest_id, body = waiting.get_nowait()
            except queue.Empty:
                return
            begin = time.monotonic()
            while True:
                try:
                    if connection is None:
                        connection = http.client.HTTPConnection(
                            server.address.removeprefix("http://"), timeout=10
                        )
                    connection.request("POST", "/v1/ingest/chat", body)
                    answer = connection.getresponse()
                    text = answer.read()
                    break
                except (OSError, http.client.HTTPException):
                    connection = None
                    if time.monotonic() - begin > _GIVE_UP_S:
                        failures.append(f"no answer for {ingest_id}")
                        return
                    time.sleep(_RETRY_S)
            with lock:
                if answer.status == 200:
                    posted.acknowledged.add(ingest_id)
                else:
                    failures.append(f"{answer.status}: {text[:200]!r}")
                if len(posted.acknowledged) >= len(chats) // 2:
                    halfway.set()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    halfway.wait(timeout=_GIVE_UP_S)
    with lock:
        posted.acknowledged_before_kill = len(posted.acknowledged)
    server.kill_and_restart()
    for thread in threads:
        thread.join()
    if failures:
        raise AssertionError(f"{len(failures)} chats were refused: {failures[0]}")
    return posted
