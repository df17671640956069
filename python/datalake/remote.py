"""Uploads over HTTP, for clients that do not see the lake's disk: in parts, in parallel, resumable.

>>> upload("http://lake:8091", "pictures/", provider="opensource", dataset="birds", token="…")
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datalake.errors import (
    ConflictError,
    Error,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    UnavailableError,
    from_code,
)

if TYPE_CHECKING:
    from datalake.lake import Rows

_PIECE = 1 << 20


def upload(
    server_url: str,
    data_source: Rows,
    *,
    token: str | None = None,
    workers: int = 4,
    attempts: int = 8,
    timeout: float = 600.0,
    **request: Any,
) -> dict[str, Any]:
    """Sends files or a table to a server and stages them there; returns the upload.

    `data_source` is a file, a folder, or an Arrow table; `request` has `provider`, `dataset` and
    what else `Lake.upload` takes; `token` is one of the server's (default: $DATALAKE_TOKEN). A
    single file is sent alone: when its rows name files, give their folder, or use the program,
    `datalake --server URL upload`, which finds them. After a cut it goes on where it was: a part
    that is there is not sent again, also not by another process that is given the same files and
    request.
    """
    sender = _Sender(server_url, attempts, timeout, token or os.environ.get("DATALAKE_TOKEN"))
    with tempfile.TemporaryDirectory(prefix="datalake-upload-") as folder:
        root, source = _files_of(data_source, Path(folder))
        names = [source] if source != "." else _below(root)
        if not names:
            raise NotFoundError(f"no files to upload: {root}")
        body = {key: value for key, value in request.items() if value is not None}
        body |= {"source": source, "files": []}
        # Whether the server takes this request of this caller: told before files are hashed.
        sender.call("POST", "/v1/uploads", json.dumps(body | {"check": True}).encode())
        body["files"] = [_announce(root, name) for name in names]
        return sender.run(root, body, workers)


def _files_of(data_source: Rows, folder: Path) -> tuple[Path, str]:
    if isinstance(data_source, str | os.PathLike):
        path = Path(data_source)
        if path.is_dir():
            return path, "."
        if not path.is_file():
            raise NotFoundError(f"no such file or folder: {path}")
        return path.parent, path.name
    import pyarrow as pa
    import pyarrow.parquet as pq

    reader = pa.RecordBatchReader.from_stream(data_source)
    with pq.ParquetWriter(folder / "rows.parquet", reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)
    return folder, "rows.parquet"


def _below(root: Path) -> list[str]:
    found = []
    for folder, _, names in os.walk(root):
        paths = [Path(folder, name) for name in names if not name.startswith(".")]
        found += [p.relative_to(root).as_posix() for p in paths if not p.is_symlink()]
    return sorted(found)


def _announce(root: Path, name: str) -> dict[str, Any]:
    digest = hashlib.sha256()
    size = 0
    with (root / name).open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            size += len(piece)
    return {"path": name, "bytes": size, "sha256": digest.hexdigest()}


class _Sender:
    """Calls to one server, each tried again after a cut. Thread-safe."""

    def __init__(
        self, server_url: str, attempts: int, timeout: float, token: str | None = None
    ) -> None:
        self._url = server_url.rstrip("/")
        self._authorization = {"Authorization": f"Bearer {token}"} if token else {}
        self._attempts = attempts
        self._timeout = timeout

    def run(self, root: Path, body: dict[str, Any], workers: int) -> dict[str, Any]:
        for _ in range(self._attempts):
            begun = self.call("POST", "/v1/uploads", json.dumps(body).encode())
            with ThreadPoolExecutor(workers) as pool:
                sent = [
                    pool.submit(self._send, root, begun, number, part)
                    for number, file in enumerate(begun["files"])
                    for part in file["missing"]
                ]
                for one in sent:
                    one.result()
            try:
                return self.call("POST", f"/v1/uploads/{begun['upload']}/complete", b"")
            except ConflictError:
                continue  # parts were lost, or a file was not what was announced: begin again
        raise ConflictError(f"files change while they are sent: {root}")

    def _send(self, root: Path, begun: dict[str, Any], number: int, part: int) -> None:
        with (root / begun["files"][number]["path"]).open("rb") as file:
            file.seek(part * begun["part_bytes"])
            content = file.read(begun["part_bytes"])
        path = f"/v1/uploads/{begun['upload']}/files/{number}/parts/{part}"
        for attempt in range(self._attempts):
            try:
                digest = hashlib.sha256(content).hexdigest()
                self.call("PUT", path, content, {"X-Content-SHA256": digest})
                return
            except InvalidArgumentError:  # damaged on its way
                if attempt == self._attempts - 1:
                    raise

    def call(
        self, method: str, path: str, body: bytes, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """One call; a cut or a busy server is waited out, longer each time."""
        kind = "application/octet-stream" if method == "PUT" else "application/json"
        headers = {"Content-Type": kind} | self._authorization | (headers or {})
        for attempt in range(self._attempts):
            request = urllib.request.Request(
                self._url + path, method=method, data=body, headers=headers
            )
            try:
                with urllib.request.urlopen(request, timeout=self._timeout) as response:
                    answer: dict[str, Any] = json.load(response)
                    return answer
            except urllib.error.HTTPError as error:
                if error.code not in (429, 503) or attempt == self._attempts - 1:
                    raise _error_of(error) from None
            except (OSError, ValueError) as error:
                if attempt == self._attempts - 1:
                    raise UnavailableError(f"no answer from {self._url}: {error}") from None
            time.sleep(min(0.1 * 2**attempt, 5.0))
        raise InternalError("not reached")


def _error_of(error: urllib.error.HTTPError) -> Error:
    try:
        problem = json.load(error)
        code = str(problem["type"]).rpartition(":")[2]
        return from_code(code, str(problem["detail"]))
    except (ValueError, KeyError, TypeError):
        return InternalError(f"server answered {error.code}: {error.reason}")
