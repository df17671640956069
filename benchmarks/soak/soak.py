#!/usr/bin/env python3
"""A server under mixed load for an hour: does memory, open files or latency creep?

    soak.py [--minutes 60] [--rate 500] [--folder DIR] [--out DIR]

Writers post chats (every fifth in a bulk of 20 lines, every tenth again under its old id), readers
ask for pages, single records and statistics, and a snapshot is made every 5 minutes, each awaited.
Every second counts: resident memory, open files, latency of durable posts. At the end every
acknowledged id is looked for in the feed. Writes OUT/samples.csv and OUT/soak.png, prints the
slope of memory after the first sixth of the time; exit code 1 when something acknowledged is
missing or an answer was wrong.
"""

import argparse
import contextlib
import csv
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
sys.path.insert(0, str(REPOSITORY / "tools"))

import pinned_env  # noqa: E402

PROGRAMS = REPOSITORY / "build/bin"
WRITERS = 8
READERS = 2
BULK = 20
SNAPSHOT_SECONDS = 300
SAMPLE_SECONDS = 5
WORDS = (REPOSITORY / "README.md").read_text("utf-8").split()


@dataclass
class Shared:
    port: int
    rate: float
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    latencies_ms: list[float] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    reads: int = 0
    snapshots: int = 0


class Client:
    """One connection that is kept; a request that finds it closed opens it again."""

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.connection: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, body: str = "", kind: str = "") -> tuple[int, bytes]:
        headers = {"Content-Type": kind} if kind else {}
        for attempt in (1, 2):
            if self.connection is None:
                self.connection = http.client.HTTPConnection(
                    "127.0.0.1", self.shared.port, timeout=60
                )
            try:
                self.connection.request(method, path, body.encode() or None, headers)
                answer = self.connection.getresponse()
                return answer.status, answer.read()
            except (http.client.RemoteDisconnected, ConnectionError):
                self.connection = None
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def expect(self, wanted: int, method: str, path: str, body: str = "", kind: str = "") -> bytes:
        status, text = self.ask(method, path, body, kind)
        if status != wanted:
            with self.shared.lock:
                self.shared.wrong.append(f"{method} {path}: {status}: {text[:200]!r}")
        return text


def chat(ingest_id: str, luck: random.Random) -> str:
    def words(count: int) -> str:
        return " ".join(luck.choices(WORDS, k=count))

    record = {
        "source": "soak",
        "agent_id": f"model-{luck.randrange(5)}",
        "submitter_id": f"submitter-{luck.randrange(1000)}",
        "ingest_id": ingest_id,
        "prompt_template": "%1",
        "conversation": [
            {"content": words(30), "role": "user"},
            {"content": words(90), "role": "assistant", "rating": "positive"},
        ],
    }
    return json.dumps(record)


def write(shared: Shared, number: int) -> None:
    luck = random.Random(number)
    client = Client(shared)
    mine: list[str] = []
    owner: dict[str, str] = {}
    count = 0
    pause = WRITERS / shared.rate
    due = time.monotonic()
    while not shared.stop.is_set():
        count += 1
        start = time.monotonic()
        if count % 5 == 0:
            ids = [f"soak-{number}-{count}-{i}" for i in range(BULK)]
            lines = "\n".join(chat(name, luck) for name in ids)
            client.expect(200, "POST", "/v1/feeds/chat/records", lines, "application/x-ndjson")
            due += pause * BULK
        elif count % 10 == 3 and mine:
            # The same submitter continues an older chat.
            ids = [luck.choice(mine)]
            record = json.loads(chat(ids[0], luck))
            record["submitter_id"] = owner[ids[0]]
            client.expect(200, "POST", "/v1/ingest/chat", json.dumps(record), "application/json")
            due += pause
        else:
            ids = [f"soak-{number}-{count}"]
            body = chat(ids[0], luck)
            client.expect(200, "POST", "/v1/ingest/chat", body, "application/json")
            if len(mine) < 1000:
                mine.append(ids[0])
                owner[ids[0]] = json.loads(body)["submitter_id"]
            due += pause
        took = (time.monotonic() - start) * 1e3
        with shared.lock:
            shared.latencies_ms.append(took)
            shared.acknowledged.update(ids)
        shared.stop.wait(max(0.0, due - time.monotonic()))


def read(shared: Shared, number: int) -> None:
    luck = random.Random(1000 + number)
    client = Client(shared)
    while not shared.stop.wait(1):
        with shared.lock:
            known = next(iter(shared.acknowledged), None)
        if known is not None:
            client.expect(200, "GET", f"/v1/feeds/chat/records/{known}")
        client.expect(200, "GET", f"/v1/feeds/chat/records?limit={luck.randrange(1, 50)}")
        client.expect(200, "GET", "/v1/stats")
        client.expect(200, "GET", "/metrics")
        with shared.lock:
            shared.reads += 4


def make_snapshots(shared: Shared) -> None:
    client = Client(shared)
    kinds = ("raw", "cleaned", "curated")
    while not shared.stop.wait(SNAPSHOT_SECONDS if shared.snapshots else SNAPSHOT_SECONDS / 5):
        body = json.dumps({"kind": kinds[shared.snapshots % 3]})
        text = client.expect(202, "POST", "/v1/feeds/chat/snapshots", body, "application/json")
        with contextlib.suppress(ValueError, KeyError):
            await_job(shared, client, json.loads(text)["job_id"])


def await_job(shared: Shared, client: Client, job_id: str) -> None:
    while not shared.stop.wait(1):
        status = json.loads(client.expect(200, "GET", f"/jobs/{job_id}"))["status"]
        if status in {"failed", "cancelled"}:
            shared.wrong.append(f"snapshot {job_id}: {status}")
        if status in {"completed", "failed", "cancelled"}:
            shared.snapshots += status == "completed"
            return


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))] if values else 0.0


def sample(shared: Shared, pid: int, seconds: float) -> dict[str, float]:
    with shared.lock:
        latencies, shared.latencies_ms = shared.latencies_ms, []
        acknowledged = len(shared.acknowledged)
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return {
        "seconds": round(seconds, 1),
        "rss_mb": pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
        "open_files": len(list(Path(f"/proc/{pid}/fd").iterdir())),
        "p50_ms": round(percentile(latencies, 0.5), 2),
        "p99_ms": round(percentile(latencies, 0.99), 2),
        "posts": len(latencies),
        "records": acknowledged,
        "snapshots": shared.snapshots,
    }


def slope(rows: list[dict[str, float]], column: str) -> float:
    """By least squares, a unit an hour."""
    times = [row["seconds"] / 3600 for row in rows]
    values = [row[column] for row in rows]
    middle, level = sum(times) / len(times), sum(values) / len(values)
    spread = sum((t - middle) ** 2 for t in times)
    return sum((t - middle) * (v - level) for t, v in zip(times, values, strict=True)) / spread


def start_server(lake: Path) -> tuple[subprocess.Popen[str], int]:
    server = subprocess.Popen(
        [str(PROGRAMS / "datalake-server"), "--base-path", str(lake), "--create-dirs", "--port=0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    line = server.stdout.readline()
    return server, int(line.rsplit(":", 1)[1].split("/")[0])


def missing_records(lake: Path, acknowledged: set[str]) -> int:
    sql = ["sql", "select ingest_id from feeds.chat", "--json"]
    with subprocess.Popen(
        [str(PROGRAMS / "datalake"), "--lake", str(lake), *sql], stdout=subprocess.PIPE, text=True
    ) as found:
        assert found.stdout is not None
        ids = [json.loads(line)["ingest_id"] for line in found.stdout]
    twice = len(ids) - len(set(ids))
    return len(acknowledged - set(ids)) + twice


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=500, help="records a second")
    parser.add_argument("--folder", help="where the lake goes (default: the temporary folder)")
    parser.add_argument("--out", type=Path, default=Path("build/soak"))
    args = parser.parse_args()
    environment = pinned_env.ensure("plot-venv", [HERE / "requirements.txt"])
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        lake = Path(folder) / "lake"
        server, port = start_server(lake)
        shared = Shared(port, args.rate)
        threads = [threading.Thread(target=write, args=(shared, i)) for i in range(WRITERS)]
        threads += [threading.Thread(target=read, args=(shared, i)) for i in range(READERS)]
        threads.append(threading.Thread(target=make_snapshots, args=(shared,)))
        rows: list[dict[str, float]] = []
        with (args.out / "samples.csv").open("w", newline="") as file:
            writer: csv.DictWriter[str] | None = None
            try:
                for thread in threads:
                    thread.start()
                begin = time.monotonic()
                while time.monotonic() - begin < args.minutes * 60 and server.poll() is None:
                    time.sleep(SAMPLE_SECONDS)
                    rows.append(sample(shared, server.pid, time.monotonic() - begin))
                    if writer is None:
                        writer = csv.DictWriter(file, list(rows[0]))
                        writer.writeheader()
                    writer.writerow(rows[-1])
                    file.flush()
            finally:
                shared.stop.set()
                for thread in threads:
                    thread.join()
                died = server.poll()
                server.send_signal(signal.SIGTERM)
                server.wait(timeout=60)
        missing = missing_records(lake, shared.acknowledged)
    subprocess.run(
        [
            str(environment / "bin/python"),
            str(HERE / "plot.py"),
            str(args.out / "samples.csv"),
            str(args.out / "soak.png"),
        ],
        check=True,
    )
    warm = rows[len(rows) // 6 :]
    print(f"{len(shared.acknowledged)} records, {shared.reads} reads, {shared.snapshots} snapshots")
    print(f"memory     peak {max(row['rss_mb'] for row in rows):.0f} MB, after warm-up ", end="")
    print(
        f"{warm[0]['rss_mb']:.0f} to {warm[-1]['rss_mb']:.0f} MB, {slope(warm, 'rss_mb'):+.2f} MB/h"
    )
    print(f"open files at most {max(row['open_files'] for row in rows):.0f}")
    print(f"p99        median {percentile([row['p99_ms'] for row in warm], 0.5):.1f} ms")
    print(f"missing or twice {missing}, wrong answers {len(shared.wrong)}")
    for text in shared.wrong[:10]:
        print("  " + text)
    return 0 if missing == 0 and not shared.wrong and died is None else 1


if __name__ == "__main__":
    sys.exit(main())
