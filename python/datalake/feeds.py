"""Reading a feed of a server: records, counts, snapshots and their files, SQL; and withdrawal.

>>> chats = FeedClient("http://lake:8091", "chat", token="…")
>>> for record in chats.records(day="2026-01-31", rating="negative"):
...     print(record["_lake"]["received"], record["agent_id"])
>>> chats.download_snapshot("published", kind="curated")
PosixPath('published/chat-curated-v3')
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

from datalake.errors import (
    CancelledError,
    CorruptionError,
    Error,
    InternalError,
    InvalidArgumentError,
    UnavailableError,
    from_code,
)

_PIECE = 1 << 20
_ENDED = ("completed", "failed", "cancelled")
Json = dict[str, Any]


class ServerCalls:
    """JSON calls to one server, tried again where that is safe. Thread-safe.

    Errors are those of the server as `datalake.Error`, and UnavailableError when none answers.
    """

    def __init__(
        self, server_url: str, token: str | None = None, attempts: int = 5, timeout: float = 60.0
    ) -> None:
        """`token`: of the server; None takes the environment variable DATALAKE_TOKEN."""
        self.url = server_url.rstrip("/")
        self._token = os.environ.get("DATALAKE_TOKEN", "") if token is None else token
        self._attempts = attempts
        self._timeout = timeout

    def get(self, path: str, **query: object) -> Any:
        """The JSON answer of a GET; values that are None are left out of the query."""
        given = {key: _text(value) for key, value in query.items() if value is not None}
        target = f"{path}?{urllib.parse.urlencode(given)}" if given else path
        with self.open("GET", target, attempts=self._attempts) as answer:
            return json.load(answer)

    def post(self, path: str, body: object = None) -> Any:
        """The JSON answer of a POST, which is sent once."""
        with self.open("POST", path, json.dumps(body or {}).encode()) as answer:
            return json.load(answer)

    def open(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        attempts: int = 1,
    ) -> HTTPResponse:
        """The answer, to be read and closed."""
        sent = {"Content-Type": "application/json"} if body is not None else {}
        sent |= headers or {}
        if self._token:
            sent["Authorization"] = f"Bearer {self._token}"
        for attempt in range(attempts):
            if attempt:
                time.sleep(min(0.1 * 2**attempt, 5.0))
            request = urllib.request.Request(
                self.url + path, data=body, headers=sent, method=method
            )
            try:
                answer: HTTPResponse = urllib.request.urlopen(request, timeout=self._timeout)
                return answer
            except urllib.error.HTTPError as error:
                if error.code not in (429, 503) or attempt == attempts - 1:
                    raise _error_of(error) from None
            except (OSError, HTTPException) as error:
                if attempt == attempts - 1:
                    reason = getattr(error, "reason", error)
                    raise UnavailableError(
                        f"no answer from {self.url}: {reason}; is datalake-server running there?"
                    ) from None
        raise InternalError("not reached")

    # What belongs to no feed -------------------------------------------------------------------

    def sql(self, query: str, limit: int = 1000) -> list[Json]:
        """The rows of one read-only statement over what the token may see, at most 10,000.

        Views: catalog, data."provider/dataset/task", feeds.<feed>, collections."name/version",
        assets, jobs. Errors: InvalidArgumentError (SQL; more than `limit` rows), and others.
        """
        answer = self.post("/v1/sql", {"sql": query, "limit": limit})
        if answer["truncated"]:
            raise InvalidArgumentError(f"more than {limit} rows; raise limit, or ask for less")
        names = [column["name"] for column in answer["columns"]]
        return [dict(zip(names, row, strict=True)) for row in answer["rows"]]

    def jobs(self) -> list[Json]:
        """All jobs of the server, oldest first."""
        jobs: list[Json] = self.get("/v1/jobs")["jobs"]
        return jobs

    def job(self, job_id: str) -> Json:
        """One job. Errors: NotFoundError."""
        job: Json = self.get(f"/v1/jobs/{_part(job_id)}")
        return job

    def wait_for_job(self, job_id: str, timeout: float = 3600.0) -> Json:
        """Waits for a job to end and returns it. Errors: InternalError (it failed), CancelledError,
        TimeoutError."""
        deadline = time.monotonic() + timeout
        while True:
            job = self.job(job_id)
            if job["status"] == "completed":
                return job
            if job["status"] in _ENDED:
                kind = CancelledError if job["status"] == "cancelled" else InternalError
                raise kind(f"job {job_id}: {job['status']}: {job.get('error')}")
            if time.monotonic() >= deadline:
                raise TimeoutError(f"job {job_id} still runs after {timeout} s")
            time.sleep(0.1)


class FeedClient:
    """One feed of a server, for whoever reads it. Thread-safe.

    Filters of records are `day`, `from_day`, `to_day` ("2026-01-31", UTC day of receipt), `source`,
    `agent`, `submitter`, `rating` ("positive", "negative") and `text` (letters in the text).
    """

    def __init__(self, server_url: str, feed: str = "chat", token: str | None = None) -> None:
        """`token` needs the role read; None takes the environment variable DATALAKE_TOKEN."""
        self.feed = feed
        self.calls = ServerCalls(server_url, token)
        self._path = f"/v1/feeds/{_part(feed)}"

    # Records -----------------------------------------------------------------------------------

    def records(self, *, page_size: int = 500, **filters: str | None) -> Iterator[Json]:
        """The current records in order of receipt, page by page; facts of ours are in `_lake`."""
        cursor: str | None = None
        query = _filter(filters)
        while True:
            page = self.calls.get(f"{self._path}/records", limit=page_size, cursor=cursor, **query)
            yield from page["records"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def record(self, ingest_id: str) -> Json:
        """The newest version of a record as it was sent. Errors: NotFoundError."""
        found: Json = self.calls.get(f"{self._path}/records/{_part(ingest_id)}")
        return found

    def count(self, **filters: str | None) -> int:
        """How many records pass."""
        page = self.calls.get(f"{self._path}/records", limit=1, count=True, **_filter(filters))
        return int(page["total"])

    def stats(self, **filters: str | None) -> Json:
        """The number of records, by day, source, agent and rating."""
        stats: Json = self.calls.get(f"{self._path}/stats", **_filter(filters))
        return stats

    def withdraw(
        self,
        *,
        ingest_id: str | None = None,
        submitter_id: str | None = None,
        receipt_token: str | None = None,
        reason: str | None = None,
    ) -> int:
        """Takes back a record, all of a submitter's (admins), or with the receipt alone all of one
        submission; returns how many records there were.

        They are found no more when this begins; it ends when they are out of every snapshot and
        copy. Errors: PermissionDeniedError, NotFoundError, those of wait_for_job.
        """
        given = {
            "ingest_id": ingest_id,
            "submitter_id": submitter_id,
            "receipt_token": receipt_token,
            "reason": reason,
        }
        body = {key: value for key, value in given.items() if value is not None}
        begun = self.calls.post(f"{self._path}/withdrawals", body)
        self.calls.wait_for_job(begun["job_id"])
        return int(begun["records"])

    # Snapshots ---------------------------------------------------------------------------------

    def snapshots(self) -> list[Json]:
        """What was published of the feed: kind, version, rows, bytes, license, created_at."""
        found: list[Json] = self.calls.get(f"{self._path}/snapshots")["snapshots"]
        return found

    def make_snapshot(self, kind: str = "raw", *, timeout: float = 3600.0, **request: Any) -> Json:
        """Publishes a snapshot and waits for it; its kind, version, rows and, of cleaned and
        curated ones, the report. `request`: license, description, filter, curation."""
        started = self.calls.post(f"{self._path}/snapshots", {"kind": kind, **request})
        result: Json = self.calls.wait_for_job(started["job_id"], timeout)["result"]
        return result

    def snapshot(self, kind: str = "raw", version: str = "latest") -> Json:
        """The manifest of one: files with SHA-256, schema, licence. Errors: NotFoundError."""
        manifest: Json = self.calls.get(f"{self._path}/snapshots/{_part(kind)}/{_part(version)}")
        return manifest

    def download_snapshot(
        self, folder: str | os.PathLike[str], kind: str = "raw", version: str = "latest"
    ) -> Path:
        """Writes the files of a snapshot below `folder`/<collection>-<version> and returns that.

        A file that is there with the right SHA-256 is not fetched again, one that was cut goes on
        where it was. The result is a folder for `datasets.load_from_disk`.
        Errors: NotFoundError, CorruptionError (bytes that are not what the manifest says).
        """
        manifest = self.snapshot(kind, version)
        version = manifest["version"]
        target = Path(folder) / f"{manifest['collection']}-{version}"
        target.mkdir(parents=True, exist_ok=True)
        base = f"{self._path}/snapshots/{_part(kind)}/{_part(version)}/files"
        for file in manifest["files"]:
            name = file["path"]
            if Path(name).name != name:
                raise CorruptionError(f"a file of a snapshot outside of its folder: {name}")
            self._fetch(f"{base}/{_part(name)}", target / name, file["sha256"])
        for name in ("dataset_info.json", "state.json", "README.md", "manifest.json"):
            with self.calls.open("GET", f"{base}/{name}", attempts=5) as answer:
                (target / name).write_bytes(answer.read())
        return target

    def _fetch(self, path: str, target: Path, sha256: str) -> None:
        if target.exists() and _sha256(target) == sha256:
            return
        part = target.with_name(f".{target.name}.part")
        for attempt in range(5):
            begin = part.stat().st_size if part.exists() else 0
            # The file may be another one by now (amended): then it comes whole.
            headers = {"Range": f"bytes={begin}-", "If-Range": f'"{sha256}"'} if begin else {}
            try:
                with (
                    self.calls.open("GET", path, headers=headers, attempts=5) as answer,
                    part.open("ab" if answer.status == 206 else "wb") as file,
                ):
                    while piece := answer.read(_PIECE):
                        file.write(piece)
            except Error:  # said by the server; some are OSErrors
                raise
            except (OSError, HTTPException) as error:
                if attempt == 4:
                    raise UnavailableError(f"no answer from {self.calls.url}: {error}") from None
                continue
            if _sha256(part) == sha256:
                part.replace(target)
                return
            part.unlink()
        raise CorruptionError(f"not the bytes that the manifest names: {target.name}")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _part(text: str) -> str:
    return urllib.parse.quote(text, safe="")


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _filter(filters: dict[str, str | None]) -> dict[str, str | None]:
    names = {"from_day": "from", "to_day": "to"}
    known = {"day", "from_day", "to_day", "source", "agent", "submitter", "rating", "text"}
    if unknown := filters.keys() - known:
        raise InvalidArgumentError(
            f"unknown filter: {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}"
        )
    return {names.get(key, key): value for key, value in filters.items()}


def _error_of(error: urllib.error.HTTPError) -> Error:
    text = error.read()
    try:
        problem = json.loads(text)
        code = str(problem.get("type", "")).rpartition(":")[2]
        detail = str(problem["detail"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return InternalError(f"server answered {error.code}: {text[:300]!r}")
    by_status = {401: "permission_denied", 403: "permission_denied", 404: "not_found"}
    by_status |= {409: "conflict", 400: "invalid_argument", 422: "invalid_argument"}
    by_status |= {413: "resource_exhausted", 429: "unavailable", 503: "unavailable"}
    return from_code(by_status.get(error.code, code) if code in ("", "blank") else code, detail)
