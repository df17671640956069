"""A lake opened in this process. Rows come out as Arrow tables without a copy."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa

from datalake import _core
from datalake.errors import InvalidArgumentError


class ArrowStream(Protocol):
    """What hands out rows by the Arrow PyCapsule interface: pyarrow, Polars, pandas 2.2 …"""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...


Rows = str | os.PathLike[str] | ArrowStream
"""A path (Parquet file or glob, dataset folder, CSV, JSONL, folder of pictures) or a table."""


class Collection:
    """One immutable version of a named training set. Opening it reads only its metadata."""

    def __init__(self, core: _core.Lake, metadata: dict[str, Any]) -> None:
        self._core = core
        self.metadata = metadata
        self.name: str = metadata["name"]
        self.version: str = metadata["version"]
        self.path: str = metadata["path"]

    def __len__(self) -> int:
        return int(self.metadata["num_samples"])

    def __repr__(self) -> str:
        return f"Collection({self.name!r}, {self.version!r}, {len(self)} rows)"

    def reader(self) -> pa.RecordBatchReader:
        """The rows as a stream, in their stored order."""
        return pa.RecordBatchReader.from_stream(self._core.read_collection(self.name, self.version))

    def table(self) -> pa.Table:
        """All rows."""
        return self.reader().read_all()

    def batches(self, batch_size: int) -> Iterator[pa.RecordBatch]:
        """The rows in batches of `batch_size`; only the last one may be smaller.

        A batch that lies within a stored one is a view of it; others are put together.
        """
        if batch_size < 1:
            raise InvalidArgumentError(f"batch_size must be at least 1: {batch_size}")
        waiting: list[pa.RecordBatch] = []
        rows = 0
        for batch in self.reader():
            while rows + batch.num_rows >= batch_size:
                head = batch.slice(0, batch_size - rows)
                yield _together([*waiting, head])
                batch = batch.slice(batch_size - rows)
                waiting, rows = [], 0
            if batch.num_rows:
                waiting.append(batch)
                rows += batch.num_rows
        if waiting:
            yield _together(waiting)


class Lake:
    """One lake. Any number of processes may open the same lake. Thread-safe."""

    def __init__(self, path: str | os.PathLike[str], *, create: bool = False) -> None:
        self.path = os.fspath(path)
        self._core = _core.Lake(self.path, create)

    def __repr__(self) -> str:
        return f"Lake({self.path!r})"

    # Reading -----------------------------------------------------------------------------------

    def search(
        self,
        providers: Sequence[str] | None = None,
        datasets: Sequence[str] | None = None,
        tasks: Sequence[str] | None = None,
        variants: Sequence[str] | None = None,
        text_search: Mapping[str, str] | None = None,
        *,
        where: str = "",
        columns: Sequence[str] | None = None,
        order_by: Sequence[str] | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> pa.Table:
        """Rows of all matching tables, the newest always.

        Names of one level are alternatives, all levels must match, globs are allowed.
        `text_search` is ``{"column": …, "text": …}`` with an optional ``"json_path"``: a literal,
        case-sensitive part of the text. `where` is a SQL expression over the columns.
        """
        return self.search_reader(
            providers,
            datasets,
            tasks,
            variants,
            text_search,
            where=where,
            columns=columns,
            order_by=order_by,
            limit=limit,
            offset=offset,
        ).read_all()

    def search_reader(
        self,
        providers: Sequence[str] | None = None,
        datasets: Sequence[str] | None = None,
        tasks: Sequence[str] | None = None,
        variants: Sequence[str] | None = None,
        text_search: Mapping[str, str] | None = None,
        *,
        where: str = "",
        columns: Sequence[str] | None = None,
        order_by: Sequence[str] | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> pa.RecordBatchReader:
        """As `search`, as a stream of batches."""
        text = dict(text_search or {})
        unknown = set(text) - {"column", "text", "json_path"}
        if unknown or (text and not {"column", "text"} <= set(text)):
            raise InvalidArgumentError("text_search takes column, text and json_path (optional)")
        stream = self._core.search(
            _names("providers", providers),
            _names("datasets", datasets),
            _names("tasks", tasks),
            _names("variants", variants),
            text.get("column", ""),
            text.get("text", ""),
            text.get("json_path", ""),
            where,
            _names("columns", columns),
            _names("order_by", order_by),
            -1 if limit is None else limit,
            offset,
        )
        return pa.RecordBatchReader.from_stream(stream)

    def sql(self, query: str) -> pa.Table:
        """The result of one read-only SQL query (DuckDB) over the lake's views."""
        return pa.RecordBatchReader.from_stream(self._core.sql(query)).read_all()

    # Uploads -----------------------------------------------------------------------------------

    def upload(
        self,
        data_source: Rows,
        provider: str,
        dataset: str,
        task: str = "raw",
        variant: str = "",
        *,
        fields: Mapping[str, str] | None = None,
        description: str = "",
        original_source: str = "",
        user: str = "",
        on_bad_asset: str = "keep",
        overwrite: bool = False,
    ) -> dict[str, Any]:
        """Stages rows and the files they name, durably; `process` brings them into the table."""
        request = self._core.UploadRequest(
            provider,
            dataset,
            task,
            variant,
            dict(fields or {}),
            description,
            original_source,
            user,
            on_bad_asset,
            overwrite,
        )
        if isinstance(data_source, str | os.PathLike):
            return self._core.upload_path(os.fspath(data_source), request)
        return self._core.upload_rows(_stream(data_source), request)

    def process(self) -> dict[str, Any]:
        """Processes every pending upload here; returns counts and what failed and why."""
        report: dict[str, Any] = json.loads(self._core.process())
        return report

    # Collections -------------------------------------------------------------------------------

    def save_collection(
        self,
        data_source: Rows,
        name: str,
        version: str | None = None,
        description: str = "",
        user: str = "",
    ) -> Collection:
        """Saves rows as a new version: the one named, else the next ``vN``."""
        if isinstance(data_source, str | os.PathLike):
            saved = self._core.save_collection_path(
                os.fspath(data_source), name, version or "", description, user
            )
        else:
            saved = self._core.save_collection_rows(
                _stream(data_source), name, version or "", description, user
            )
        return Collection(self._core, saved)

    def load_collection(self, name: str, version: str | None = None) -> Collection:
        """Opens a version; None and ``"latest"`` are the newest."""
        return Collection(self._core, self._core.collection(name, version or "latest"))

    def list_collections(self) -> list[dict[str, Any]]:
        """Every collection: name, versions, newest."""
        return self._core.list_collections()

    def delete_collection(self, name: str, version: str) -> str:
        """Removes one version and returns its name; ``"latest"`` is the newest."""
        return self._core.delete_collection(name, version)


def _together(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)


def _names(what: str, names: Sequence[str] | None) -> list[str]:
    if isinstance(names, str):
        raise InvalidArgumentError(f"{what} takes a list of names, not one text: [{names!r}]")
    return list(names or [])


def _stream(rows: ArrowStream) -> object:
    if not hasattr(rows, "__arrow_c_stream__"):
        raise InvalidArgumentError(
            f"rows must be a path or an Arrow table, not {type(rows).__name__}"
        )
    return rows.__arrow_c_stream__()
