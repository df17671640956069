"""Contributes records of files to a feed of a server: in parallel, with retries, resumable.

>>> ingest("http://lake:8091", ["chats.jsonl"], feed="chat", token="…")
IngestReport(stored=5000, replayed=0, quarantined=0, refused=0, problems=[])

Every record gets an `ingest_id` that depends on the record alone (and on how many equal ones came
before), so the same call again stores nothing twice, wherever the first one was cut. Nothing in the
data is ever evaluated.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import os
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datalake.errors import InvalidArgumentError, UnavailableError, from_code

_BATCH_BYTES = 1 << 20
_MAX_PROBLEMS = 100
Path_ = str | os.PathLike[str]
Record = dict[str, Any]


@dataclass
class IngestReport:
    """What became of the records of one call."""

    stored: int = 0
    replayed: int = 0  # were there already
    quarantined: int = 0
    refused: int = 0
    problems: list[Record] = field(default_factory=list)  # the first refused ones, with reasons
    receipt_tokens: list[str] = field(default_factory=list)  # of the new records, one a request

    def add(self, answer: Record) -> None:
        for name in ("stored", "replayed", "quarantined", "refused"):
            setattr(self, name, getattr(self, name) + answer[name])
        room = _MAX_PROBLEMS - len(self.problems)
        self.problems += answer["records"][: max(room, 0)]
        if token := answer.get("receipt_token"):
            self.receipt_tokens.append(token)


def ingest(
    server_url: str,
    files: Path_ | Iterable[Path_],
    *,
    feed: str = "chat",
    mapping: Mapping[str, str] | None = None,
    only_mapped: bool = False,
    json_columns: Iterable[str] = (),
    prompt_column: str | None = None,
    answer_column: str | None = None,
    constants: Mapping[str, str] | None = None,
    token: str | None = None,
    connections: int = 4,
    attempts: int = 8,
    timeout: float = 60.0,
) -> IngestReport:
    """Sends the records of CSV, JSON lines (also .gz) and Parquet files; tells what became of them.

    `mapping` is key → column; every other column is kept under its own name, unless that key is
    taken, or left out with `only_mapped`. Text of `json_columns` is
    put in as JSON; `prompt_column` and `answer_column` make chats of two turns; `constants` are
    put into every record. Errors: InvalidArgumentError (files, options), UnavailableError (no
    answer after all attempts), and what the server answers to a whole request.
    """
    if (prompt_column is None) != (answer_column is None):
        raise InvalidArgumentError("prompt_column and answer_column go together")
    paths = [files] if isinstance(files, str | os.PathLike) else list(files)
    if only_mapped and not mapping:
        raise InvalidArgumentError("only_mapped needs a mapping")
    shape = _Shape(
        mapping or {},
        only_mapped,
        frozenset(json_columns),
        prompt_column,
        answer_column,
        constants or {},
    )
    records = (record for path in paths for record in _records_of(Path(path), shape))
    sender = _Sender(server_url, feed, token, attempts, timeout)
    report = IngestReport()
    with ThreadPoolExecutor(connections) as pool:
        under_way: set[Future[Record]] = set()
        for batch in _batches(_with_ids(records)):
            if len(under_way) >= 2 * connections:
                under_way = _collect(under_way, report)
            under_way.add(pool.submit(sender.send, batch))
        while under_way:
            under_way = _collect(under_way, report)
    return report


@dataclass(frozen=True)
class _Shape:
    mapping: Mapping[str, str]
    only_mapped: bool
    json_columns: frozenset[str]
    prompt_column: str | None
    answer_column: str | None
    constants: Mapping[str, str]

    def record(self, row: Mapping[str, Any]) -> Record:
        turns = (self.prompt_column, self.answer_column)
        mapping = dict(self.mapping)
        if not self.only_mapped:
            taken = {*mapping, *mapping.values(), *self.constants, *turns}
            if self.prompt_column is not None:
                taken.add("conversation")
            mapping |= {name: name for name in row if name not in taken}
        missing = {*mapping.values(), *filter(None, turns)} - row.keys()
        if missing:
            raise InvalidArgumentError(f"no such column: {', '.join(sorted(missing))}")
        record: Record = dict(self.constants)
        for key, column in mapping.items():
            value = row[column]
            if value is not None:
                record[key] = json.loads(value) if column in self.json_columns else value
        if self.prompt_column is not None and self.answer_column is not None:
            record["conversation"] = [
                {"role": "user", "content": row[self.prompt_column]},
                {"role": "assistant", "content": row[self.answer_column]},
            ]
        return record

    @property
    def is_plain(self) -> bool:
        return not (self.mapping or self.json_columns or self.prompt_column or self.constants)


def _records_of(path: Path, shape: _Shape) -> Iterator[Record | str]:
    name = path.name.removesuffix(".gz")
    if name.endswith((".jsonl", ".ndjson")):
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
            for line in lines:
                if line.strip():
                    yield line.strip() if shape.is_plain else shape.record(json.loads(line))
    elif name.endswith(".csv"):
        with (
            gzip.open(path, "rt", newline="")
            if path.suffix == ".gz"
            else path.open(newline="") as file
        ):
            for row in csv.DictReader(file):
                yield shape.record(row)
    elif name.endswith(".parquet"):
        import pyarrow.parquet as pq

        for batch in pq.ParquetFile(path).iter_batches():
            for row in batch.to_pylist():
                yield shape.record(row)
    else:
        raise InvalidArgumentError(f"neither CSV, JSON lines nor Parquet: {path}")


def _with_ids(records: Iterable[Record | str]) -> Iterator[str]:
    seen: Counter[bytes] = Counter()
    for record in records:
        text = record if isinstance(record, str) else json.dumps(record, ensure_ascii=False)
        try:
            value = json.loads(text)
        except ValueError:
            value = None  # for the server to refuse, with its place
        if not isinstance(value, dict) or value.get("ingest_id") is not None:
            yield text
            continue
        value.pop("ingest_id", None)
        digest = hashlib.sha256(text.encode()).digest()
        seen[digest] += 1
        own = hashlib.sha256(f"{seen[digest]}\n{text}".encode()).hexdigest()[:40]
        yield f'{text[: text.rindex("}")]}{"," if value else ""}"ingest_id":"{own}"}}'


def _batches(lines: Iterable[str]) -> Iterator[bytes]:
    batch: list[bytes] = []
    size = 0
    for line in lines:
        raw = line.encode()
        batch.append(raw)
        size += len(raw) + 1
        if size >= _BATCH_BYTES:
            yield b"\n".join(batch)
            batch, size = [], 0
    if batch:
        yield b"\n".join(batch)


def _collect(under_way: set[Future[Record]], report: IngestReport) -> set[Future[Record]]:
    done, rest = wait(under_way, return_when=FIRST_COMPLETED)
    for one in done:
        report.add(one.result())
    return rest


class _Sender:
    """Requests to one server, each tried again after a cut. Thread-safe."""

    def __init__(
        self, server_url: str, feed: str, token: str | None, attempts: int, timeout: float
    ) -> None:
        self._url = f"{server_url.rstrip('/')}/v1/feeds/{feed}/records?results=problems"
        self._headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._attempts = attempts
        self._timeout = timeout

    def send(self, lines: bytes) -> Record:
        body = gzip.compress(lines, 1)
        last = "no attempt"
        for attempt in range(self._attempts):
            if attempt:
                time.sleep(min(0.1 * 2**attempt, 5.0))
            request = urllib.request.Request(self._url, data=body, headers=self._headers)
            try:
                with urllib.request.urlopen(request, timeout=self._timeout) as response:
                    answer: Record = json.load(response)
                    return answer
            except urllib.error.HTTPError as error:
                text = error.read()
                refused = _counts_in(text) if error.code in (409, 422) else None
                if refused is not None:
                    return refused
                last = f"{error.code}: {text[:300]!r}"
                if error.code not in (429, 503):
                    raise from_code(*_problem_in(text, error.code)) from None
            except (OSError, ValueError) as error:
                last = str(error)
        raise UnavailableError(f"no answer from {self._url}: {last}")


def _counts_in(text: bytes) -> Record | None:
    try:
        answer: Record = json.loads(text)
    except ValueError:
        return None
    return answer if "records" in answer else None


def _problem_in(text: bytes, status: int) -> tuple[str, str]:
    try:
        problem = json.loads(text)
        return str(problem["type"]).rpartition(":")[2], str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        return "internal", f"server answered {status}: {text[:300]!r}"
