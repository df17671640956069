#!/usr/bin/env python3
"""Our server beside a FastAPI service that takes chats as gpt4all-datalake does, in one run.

    compare_chat_service.py [--seconds 20] [--connections 64] [--folder DIR]

The peer (chat_service/app.py) runs with two workers, as it is and with fsync; ours is
build/bin/datalake-server, which acknowledges only what is on the disk. Each takes the same chats
from the same load generator (wrk, Debian's package, one thread) on this machine, one after the
other; then every chat is counted on the disk before a figure is printed. The peer's packages go
into .cache/peers-chat-venv, checked against requirements.txt, at the first run.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
SERVICE = HERE / "chat_service"
REPOSITORY = HERE.parents[1]
sys.path.insert(0, str(REPOSITORY / "tools"))

import pinned_env  # noqa: E402

PROGRAMS = REPOSITORY / "build/bin"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Figures:
    name: str
    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    cpu_seconds: float
    peak_mb: float
    files: int
    megabytes: float


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tree(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").iterdir():
            found.extend(int(child) for child in (task / "children").read_text().split())
    return found


def cpu_seconds(pid: int) -> float:
    total = 0
    for process in tree(pid):
        fields = Path(f"/proc/{process}/stat").read_text().rsplit(") ", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def peak_megabytes(pid: int) -> float:
    total = 0
    for process in tree(pid):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                total += int(line.split()[1])
    return total / 1e3


def disk_use(folder: Path) -> tuple[int, float]:
    """Files, and the megabytes of disk that they take."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return len(files), sum(path.stat().st_blocks * 512 for path in files) / 1e6


def wait_until_healthy(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/health/", timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"compare_chat_service.py: the server on port {port} did not start")


def load(port: int, seconds: int, connections: int) -> dict[str, float]:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "30s"]
    done = subprocess.run(
        [*command, "-s", str(SERVICE / "chats.lua"), f"http://127.0.0.1:{port}"],
        capture_output=True,
        text=True,
        check=True,
    )
    figures: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    if figures["refused"] or figures["errors"]:
        sys.exit(f"compare_chat_service.py: not every chat was taken: {figures}")
    return figures


def measure(
    name: str, command: list[str], environment: dict[str, str], port: int, args: argparse.Namespace
) -> tuple[Figures, subprocess.Popen[bytes]]:
    server = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        cwd=SERVICE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_healthy(port, server)
        before = cpu_seconds(server.pid)
        result = load(port, args.seconds, args.connections)
        figures = Figures(
            name=name,
            requests=int(result["requests"]),
            seconds=result["seconds"],
            p50_ms=result["p50_ms"],
            p99_ms=result["p99_ms"],
            cpu_seconds=cpu_seconds(server.pid) - before,
            peak_mb=peak_megabytes(server.pid),
            files=0,
            megabytes=0,
        )
    except BaseException:
        server.kill()
        server.wait()
        raise
    return figures, server


def stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGTERM)
    server.wait(timeout=60)


def measure_peer(
    environment: Path, folder: Path, args: argparse.Namespace, *, fsync: bool
) -> Figures:
    port = free_port()
    command = [str(environment / "bin/uvicorn"), "app:app", "--workers", "2", "--port", str(port)]
    settings = {"ROOT_FILESYSTEM_PATH": str(folder), "PEER_FSYNC": str(int(fsync))}
    name = "FastAPI, a file a chat" + (", fsync" if fsync else "")
    figures, server = measure(name, [*command, "--log-level", "warning"], settings, port, args)
    stop(server)
    figures.files, figures.megabytes = disk_use(folder)
    if figures.files < figures.requests:
        sys.exit(
            f"compare_chat_service.py: {name}: {figures.files} files of {figures.requests} chats"
        )
    return figures


def measure_ours(folder: Path, args: argparse.Namespace) -> Figures:
    port = free_port()
    command = [str(PROGRAMS / "datalake-server"), "--base-path", str(folder / "lake")]
    figures, server = measure(
        "datalake-server, durable", [*command, "--create-dirs", "--port", str(port)], {}, port, args
    )
    stop(server)  # moves all into the table
    figures.files, figures.megabytes = disk_use(folder)
    sql = ["sql", "select count(*) as chats from feeds.chat", "--json"]
    counted = subprocess.run(
        [str(PROGRAMS / "datalake"), "--lake", str(folder / "lake"), *sql],
        capture_output=True,
        text=True,
        check=True,
    )
    stored = int(json.loads(counted.stdout.splitlines()[0])["chats"])
    if stored < figures.requests:
        sys.exit(
            f"compare_chat_service.py: ours: {stored} of {figures.requests} chats are in the table"
        )
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--folder", help="where the data goes (default: the temporary folder)")
    args = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("compare_chat_service.py: wrk is not installed; apt-get install wrk")
    environment = pinned_env.ensure("peers-chat-venv", [SERVICE / "requirements.txt"])
    measured = []
    for service in ("peer", "peer with fsync", "ours"):
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            if service == "ours":
                measured.append(measure_ours(Path(folder), args))
            else:
                fsync = service == "peer with fsync"
                measured.append(measure_peer(environment, Path(folder), args, fsync=fsync))
    print(
        f"{args.seconds} s each of chats of 1 KB, {args.connections} connections, load from "
        f"the same {os.cpu_count()} cores; files and MB are those of 100,000 chats"
    )
    print(
        f"{'':32}{'requests/s':>11}{'p50 ms':>9}{'p99 ms':>9}{'CPU us':>9}{'peak MB':>9}"
        f"{'files':>9}{'MB':>8}"
    )
    for row in measured:
        print(
            f"{row.name:32}{row.requests / row.seconds:>11,.0f}{row.p50_ms:>9.2f}{row.p99_ms:>9.2f}"
            f"{row.cpu_seconds / row.requests * 1e6:>9.1f}{row.peak_mb:>9.0f}"
            f"{row.files / row.requests * 1e5:>9,.0f}{row.megabytes / row.requests * 1e5:>8.0f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
