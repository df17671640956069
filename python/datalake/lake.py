"""A lake opened in this process. Rows come out as Arrow tables without a copy."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from datalake import _core
from datalake.errors import InvalidArgumentError
from datalake.rows import ArrowStream, Rows, is_path, to_stream

if TYPE_CHECKING:
    import datasets

__all__ = ["ArrowStream", "Collection", "Lake", "Rows"]


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

    @property
    def splits(self) -> dict[str, int]:
        """Rows of each split, in their order; empty for a collection without splits."""
        return dict(self.metadata["splits"])

    def reader(self, split: str = "") -> pa.RecordBatchReader:
        """The rows of a split, or all of them, as a stream in their stored order.

        Raises NotFoundError for a split that the collection does not have.
        """
        return pa.RecordBatchReader.from_stream(
            self._core.read_collection(self.name, self.version, split)
        )

    def table(self, split: str = "") -> pa.Table:
        """All rows of a split, or of the collection."""
        return self.reader(split).read_all()

    def dataset(self) -> datasets.Dataset | datasets.DatasetDict:
        """The collection as `datasets.load_from_disk` opens it, mapped from its files.

        With splits a DatasetDict. Raises ImportError when `datasets` is not installed.
        """
        import datasets

        return datasets.load_from_disk(self.path)

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
        version: int | None = None,
    ) -> pa.Table:
        """Rows of all matching tables, the newest always, as a table in memory.

        Names of one level are alternatives, all levels must match, globs are allowed.
        `text_search` is ``{"column": …, "text": …}`` with an optional ``"json_path"``: a literal,
        case-sensitive part of the text. `where` is a SQL expression over the columns; `order_by`
        takes columns as ``"name"`` or ``"name desc"``. `version` gives rows as they were in that
        version of the one table that the levels name.

        No match gives no rows, with their columns. Raises InvalidArgumentError (a bad expression,
        a version of several tables), NotFoundError (unknown column, version), CorruptionError.
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
            version=version,
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
        version: int | None = None,
    ) -> pa.RecordBatchReader:
        """As `search`, as a stream of batches; errors met later are raised while reading."""
        return self.search_with_sources(
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
            version=version,
        )[0]

    def search_with_sources(
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
        version: int | None = None,
    ) -> tuple[pa.RecordBatchReader, dict[str, Any]]:
        """As `search_reader`, with the lineage of the rows: ``kind``, ``query``, ``inputs``.

        The inputs are pairs of a table, provider/dataset/task, and its version. `save_collection`
        takes the lineage as `source`.
        """
        text = dict(text_search or {})
        unknown = set(text) - {"column", "text", "json_path"}
        if unknown or (text and not {"column", "text"} <= set(text)):
            raise InvalidArgumentError("text_search takes column, text and json_path (optional)")
        stream, query, inputs = self._core.search(
            _names("providers", providers),
            _names("datasets", datasets),
            _names("tasks", tasks),
            _names("variants", variants),
            text.get("column", ""),
            text.get("text", ""),
            text.get("json_path") or "",
            where,
            _names("columns", columns),
            _names("order_by", order_by),
            -1 if limit is None else limit,
            offset,
            -1 if version is None else version,
        )
        source = {"kind": "search", "query": query, "inputs": inputs}
        return pa.RecordBatchReader.from_stream(stream), source

    def sql(self, query: str) -> pa.Table:
        """The result of one read-only SQL query (DuckDB) over the lake's views, in memory.

        Views: ``catalog``, ``data."provider/dataset/task"``, ``feeds.name``,
        ``collections."name/version"``, ``assets``. Raises InvalidArgumentError,
        PermissionDeniedError (anything that would write or read other files), NotFoundError.
        """
        return pa.RecordBatchReader.from_stream(self._core.sql(query)).read_all()

    def partitions(self) -> pa.Table:
        """A row for each provider, dataset, task and variant: rows, bytes, files, version …"""
        return self.sql("select * exclude (assets) from catalog")

    def catalog_summary(self, *, check_files: bool = False) -> dict[str, Any]:
        """Counts of tables, partitions, files, rows and bytes, and partitions of each name of a
        level; under ``problems`` the tables, and with `check_files` the data files, that cannot be
        read, each with its reason. The rest is counted all the same.
        """
        return self._core.catalog_summary(check_files)

    def verify(self, *, deep: bool = False, sample: float = 1, seed: int = 1) -> dict[str, Any]:
        """Whether every asset that rows link is there and, with `deep`, has the bytes of its name:
        the report of ``datalake verify --report``. `sample` is a part of the rows, above 0 and at
        most 1, chosen by `seed`. Findings are in ``missing_files`` and ``problems``.
        """
        report: dict[str, Any] = json.loads(self._core.verify(deep, sample, seed))
        return report

    # Downloads ---------------------------------------------------------------------------------

    def outgoing(
        self,
        rows: Rows,
        *,
        absolute_paths: bool = True,
        include_images: bool = False,
        on_missing: str = "keep",
    ) -> tuple[pa.Table, dict[str, Any]]:
        """Rows made ready to leave the lake, in memory, and a report of their files.

        Asset paths become absolute, or stay relative to the lake's ``assets/``. With
        `include_images` pictures come as ``{bytes, path}``, the form of `datasets.Image`.
        `on_missing` is what becomes of rows whose file is gone or whose picture is broken:
        ``keep``, ``drop``, ``fail``, or ``ignore`` (no file is looked for). The report counts
        ``rows``, ``dropped_rows``, ``missing_files``, ``bad_pictures``, and lists the first
        thousand under ``missing``.
        """
        outgoing = self._core.outgoing(
            self._stream(rows), *_forms(absolute_paths, include_images), on_missing
        )
        table = pa.RecordBatchReader.from_stream(outgoing.rows()).read_all()
        return table, outgoing.report()

    def download(
        self,
        rows: Rows,
        output: str | os.PathLike[str],
        format: str = "auto",  # noqa: A002 - the seed's name
        *,
        absolute_paths: bool = True,
        include_images: bool = False,
        on_missing: str = "keep",
    ) -> dict[str, Any]:
        """Writes rows to a new file or folder that appears whole or not at all.

        `format` is ``parquet``, ``dataset`` (a folder for `datasets.load_from_disk`), ``jsonl``,
        ``webdataset`` (tar shards), or ``auto``: by the name of `output`. The rest is as in
        `outgoing`; the report also has ``path``, ``size_bytes`` and ``missing_list``, the file
        with all missing files. Raises AlreadyExistsError when `output` is there.
        """
        return self._core.download(
            self._stream(rows),
            os.fspath(output),
            format,
            *_forms(absolute_paths, include_images),
            on_missing,
        )

    def _stream(self, rows: Rows) -> object:
        if isinstance(rows, str | os.PathLike):
            return self._core.open_path(os.fspath(rows)).__arrow_c_stream__()
        return to_stream(rows)

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
        image_columns: Sequence[str] | None = None,
        file_columns: Sequence[str] | None = None,
        nested: str = "keep",
        strict_files: bool = False,
        perceptual_hash: bool = False,
        thumbnails: int = 0,
    ) -> dict[str, Any]:
        """Stages rows and the files they name, durably; `process` brings them into the table.

        Columns of pictures and files are known by name and type; `image_columns` and `file_columns`
        name more of them. `nested="json"` turns structs into JSON text. A source file that cannot
        be opened among good ones is left out and named under ``"bad_files"``, unless
        `strict_files`. `perceptual_hash` adds a column `<pictures>_phash` (64 bits as a signed
        number, those of `imagehash.phash`), `thumbnails=256` one `<pictures>_thumbnail` of JPEGs of
        at most so many pixels a side.
        """
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
        request.set_columns(
            _names("image_columns", image_columns),
            _names("file_columns", file_columns),
            nested,
            strict_files,
        )
        request.set_derived(perceptual_hash, thumbnails)
        if isinstance(data_source, str | os.PathLike):
            return self._core.upload_path(os.fspath(data_source), request)
        return self._core.upload_rows(to_stream(data_source), request)

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
        *,
        splits: Mapping[str, float] | str = "",
        split_key: str = "",
        source: Mapping[str, Any] | None = None,
    ) -> Collection:
        """Saves rows as a new version: the one named, else the next ``vN``. Durable on return.

        `splits`, such as ``{"train": 0.9, "test": 0.1}``, divides the rows by the hash of the
        column `split_key`: a row never changes sides between versions. `source` is the lineage
        that `search_with_sources` gives. Raises AlreadyExistsError (the version), and
        InvalidArgumentError (names, shares, a row without key); nothing is saved then.
        """
        if not isinstance(splits, str):
            splits = ",".join(f"{split}={share!r}" for split, share in splits.items())
        kind = {"kind": "import" if is_path(data_source) else "rows"}
        lineage = kind | dict(source or {})
        query = lineage.get("query", os.fspath(data_source) if is_path(data_source) else "")  # type: ignore[arg-type]
        request = self._core.SaveRequest(
            name,
            version or "",
            description,
            user,
            lineage["kind"],
            query,
            [(table, number) for table, number in lineage.get("inputs", [])],
            splits,
            split_key,
        )
        if isinstance(data_source, str | os.PathLike):
            saved = self._core.save_collection_path(os.fspath(data_source), request)
        else:
            saved = self._core.save_collection_rows(to_stream(data_source), request)
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


def _forms(absolute_paths: bool, include_images: bool) -> tuple[str, str]:
    return "absolute" if absolute_paths else "relative", "bytes" if include_images else "link"
