"""Two servers and four clients on one lake, killed again and again: each upload exactly once.

DATALAKE_KILL_UPLOADS sets how many uploads (default 32; a release runs 200).
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

from built import built

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "build" / "python"), str(ROOT / "examples")]
UPLOADS = int(os.environ.get("DATALAKE_KILL_UPLOADS", "32"))
CLIENTS, DATASETS, ROWS = 4, 10, 20
SEED = 20260404

# A client: stages the uploads that it is told by number and notes each that was acknowledged.
CLIENT = """
import sys
import pyarrow as pa
import datalake

lake = datalake.open(sys.argv[1])
count = int(sys.argv[2])
pa.table({"image_bytes": [b"what the first table imports"]})
print("ready", flush=True)
for number in map(int, sys.argv[3:]):
    bodies = [b"%PDF-1.4 " + str(number + row // 2).encode() * 500 for row in range(count)]
    rows = pa.table({"image_bytes": bodies, "row": list(range(len(bodies)))})
    print("begin", number, flush=True)
    lake.upload(rows, "test", f"d{number % 10}", variant=f"v{number}")
    print("done", number, flush=True)
"""


class Client:
    """One client process, started again with what is left after each kill."""

    def __init__(self, lake: Path, numbers: list[int]) -> None:
        self.lake = lake
        self.left = numbers
        self.acknowledged: set[int] = set()
        self.unsure: set[int] = set()  # killed in the middle: there once, or not at all
        self.kills = 0

    def run(self, rng: random.Random) -> None:
        while self.left:
            words = [sys.executable, "-c", CLIENT, str(self.lake), str(ROWS), *map(str, self.left)]
            path = os.pathsep.join([str(ROOT / "build" / "python"), *sys.path])
            client = subprocess.Popen(
                words, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": path}
            )
            assert client.stdout is not None
            assert client.stdout.readline() == "ready\n"  # however long it takes to begin
            killer = threading.Timer(rng.uniform(0.05, 1.0), client.kill)
            killer.start()
            output = client.stdout.read()
            self.kills += client.wait() != 0
            killer.cancel()
            self.note(output)

    def note(self, output: str) -> None:
        begun: set[int] = set()
        for line in output.splitlines():
            word, _, number = line.partition(" ")
            if word == "begin":
                begun.add(int(number))
            elif word == "done":
                self.acknowledged.add(int(number))
        self.unsure |= begun - self.acknowledged
        self.left = [n for n in self.left if n not in begun]


def post_process(address: str) -> None:
    """Asks a server to process; one that is being killed does not answer."""
    try:
        request = urllib.request.Request(address + "/process", method="POST")
        with urllib.request.urlopen(request, timeout=5) as answer:
            json.load(answer)
    except (OSError, ValueError):
        pass


def staged(lake: Path) -> list[str]:
    """What still waits or failed."""
    states = ("pending", "processing", "failed")
    folders = [p for s in states for p in (lake / "staging" / s).iterdir() if p.is_dir()]
    return [p.name for p in folders if not p.name.startswith(".")]


def verify_deep(lake: Path) -> None:
    """Every link leads to an asset and every asset has its hash. What clients that were killed
    have put is orphaned, and no finding."""
    words = [str(built("bin/datalake")), "--lake", str(lake), "--json", "verify", "--deep"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["summary"]["missing_count"] == 0
    assert report["problems"] == []
    print("verify --deep:", json.dumps(report["summary"]))


def test_each_upload_is_there_exactly_once(tmp_path: Path) -> None:
    from demo_server import Server

    import datalake

    rng = random.Random(SEED)
    lake_path = tmp_path / "lake"
    lake = datalake.init(lake_path)
    clients = [Client(lake_path, list(range(n, UPLOADS, CLIENTS))) for n in range(CLIENTS)]
    servers = [Server(built("bin/datalake-server"), lake_path) for _ in range(2)]
    workers = [
        threading.Thread(target=client.run, args=(random.Random(rng.random()),))
        for client in clients
    ]
    for worker in workers:
        worker.start()
    kills = 0
    while any(worker.is_alive() for worker in workers):
        for server in servers:
            post_process(server.address)
        time.sleep(rng.uniform(0.05, 0.4))
        rng.choice(servers).kill_and_restart()
        kills += 1
    deadline = time.monotonic() + 120
    while staged(lake_path):
        assert time.monotonic() < deadline, staged(lake_path)
        for server in servers:
            post_process(server.address)
        time.sleep(0.1)
    for server in servers:
        server.__exit__(None, None, None)

    acknowledged = set().union(*(client.acknowledged for client in clients))
    unsure = set().union(*(client.unsure for client in clients))
    client_kills = sum(client.kills for client in clients)
    print(
        f"{UPLOADS} uploads: {len(acknowledged)} acknowledged, {len(unsure)} cut in the middle; "
        f"{client_kills} clients and {kills} servers killed"
    )
    assert acknowledged | unsure == set(range(UPLOADS))
    assert acknowledged
    assert kills > 0
    found = lake.search(["test"], columns=["variant", "row", "path", "hash"]).to_pylist()
    rows_of: dict[str, list[int]] = {}
    for row in found:
        rows_of.setdefault(row["variant"], []).append(row["row"])
    whole = list(range(ROWS))
    for number in range(UPLOADS):
        rows = sorted(rows_of.get(f"v{number}", []))
        assert rows == whole or (number in unsure and rows == []), number
    hashes = {}
    for row in found:
        path = lake_path / "assets" / row["path"]
        if path not in hashes:
            hashes[path] = hashlib.sha256(path.read_bytes()).hexdigest()
        assert hashes[path] == row["hash"]
    files = [p for p in (lake_path / "assets").glob("[0-9a-f][0-9a-f]/*/*") if p.is_file()]
    assert set(hashes) <= set(files)
    verify_deep(lake_path)
