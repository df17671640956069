"""The program as a person uses it: questions on a terminal, answered line by line."""

from __future__ import annotations

import os
import pty
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

from built import built


@dataclass(frozen=True)
class Talk:
    """What a talk with the program left."""

    returncode: int
    stdout: str
    shown: str
    """Questions, answers and errors, as the terminal showed them."""


def talk(lake: Path, *words: str | Path, answers: list[str], cwd: Path | None = None) -> Talk:
    """Runs `datalake --lake … words` on a terminal where a person types these answers.

    Standard output goes to a pipe, so results are apart from questions.
    """
    ours, theirs = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DATALAKE")}
    command = [str(built("bin/datalake")), "--lake", str(lake), *map(str, words)]
    shown: list[bytes] = []

    def listen() -> None:
        while True:
            try:
                read = os.read(ours, 4096)
            except OSError:  # nobody holds the other end
                return
            if not read:
                return
            shown.append(read)

    with subprocess.Popen(
        command,
        stdin=theirs,
        stderr=theirs,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=cwd,
    ) as program:
        os.close(theirs)
        listener = threading.Thread(target=listen)
        listener.start()
        os.write(ours, "".join(answer + "\n" for answer in answers).encode() + b"\x04")
        stdout, _ = program.communicate(timeout=120)
        listener.join(timeout=10)
    os.close(ours)
    return Talk(program.returncode, stdout, b"".join(shown).decode(errors="replace"))
