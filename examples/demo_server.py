"""Starts, kills and restarts a datalake-server of the demo's own, on a free loopback port."""

from __future__ import annotations

import signal
import subprocess
import threading
from pathlib import Path
from types import TracebackType


class Server:
    """A running server; `address` changes with every restart. Thread-safe."""

    def __init__(self, program: Path, lake: Path, *options: str) -> None:
        self._command = [str(program), "--base-path", str(lake), "--port", "0", *options]
        self._lock = threading.Lock()
        self.address = ""
        self._start()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """SIGTERM and its end; a second call does nothing."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=30)

    def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is flushed."""
        self._process.kill()
        self._process.wait()

    def kill_and_restart(self) -> None:
        """Then a new process on the same lake."""
        with self._lock:
            self.kill()
            self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()  # "datalake-server ready at http://127.0.0.1:NNNN"
        if "ready at" not in line:
            raise AssertionError(f"the server did not start: exit code {self._process.wait()}")
        self.address = line.split()[-1]
