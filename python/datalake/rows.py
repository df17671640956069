"""What callers give as rows, as Arrow: paths, tables, pandas DataFrames, Hugging Face datasets."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from datalake.errors import InvalidArgumentError

if TYPE_CHECKING:
    import datasets
    import pandas as pd

_BATCH_ROWS = 1000


class ArrowStream(Protocol):
    """What hands out rows by the Arrow PyCapsule interface: pyarrow, Polars, pandas 2.2 …"""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...


Rows = str | os.PathLike[str] | ArrowStream
"""A path (Parquet file or glob, dataset folder, CSV, JSONL, folder of pictures), an Arrow table or
stream, a pandas DataFrame, or a Hugging Face Dataset."""


def is_path(rows: object) -> bool:
    """True for rows that are named by a path."""
    return isinstance(rows, str | os.PathLike)


def to_stream(rows: Any) -> object:
    """The Arrow stream capsule of rows that are no path.

    Raises InvalidArgumentError for other types, for a DatasetDict (naming its splits), and for a
    DataFrame with a column that Arrow cannot hold.
    """
    kind = _kind(rows)
    if kind == "DataFrame":
        rows = from_pandas(rows)
    elif kind == "Dataset":
        rows = from_dataset(rows)
    elif kind == "DatasetDict":
        raise InvalidArgumentError(
            f"a DatasetDict has several sets of rows, give one of them: {', '.join(rows)}"
        )
    if not hasattr(rows, "__arrow_c_stream__"):
        raise InvalidArgumentError(
            "rows must be a path, an Arrow table, a DataFrame or a Dataset, "
            f"not {type(rows).__name__}"
        )
    return rows.__arrow_c_stream__()


def from_pandas(frame: pd.DataFrame) -> pa.Table:
    """The columns of a DataFrame, without its index.

    A column that mixes objects with other values becomes text, objects and lists as JSON.
    """
    columns = []
    for name in frame.columns:
        if not isinstance(name, str):
            raise InvalidArgumentError(f"the name of a column must be text: {name!r}")
        try:
            columns.append(pa.Array.from_pandas(frame[name]))
        except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError) as error:
            try:
                columns.append(pa.array([_text(value) for value in frame[name]], pa.string()))
            except (TypeError, ValueError):
                raise InvalidArgumentError(f"column {name} does not fit Arrow: {error}") from None
    return pa.table(dict(zip(frame.columns, columns, strict=True)))


def from_dataset(dataset: datasets.Dataset) -> pa.RecordBatchReader:
    """The rows of a Hugging Face Dataset as a stream, its selection applied.

    Pictures and sounds that it holds as paths of files are read: their bytes come along.
    """
    import datasets

    features = dataset.features
    embeds = any(
        datasets.features.features.require_storage_embed(feature) for feature in features.values()
    )
    schema = features.arrow_schema

    def batches() -> Iterator[pa.RecordBatch]:
        for table in dataset.with_format("arrow").iter(_BATCH_ROWS):
            whole = table.replace_schema_metadata(schema.metadata)
            whole = datasets.table.embed_table_storage(whole) if embeds else whole
            yield from whole.cast(schema).to_batches()

    return pa.RecordBatchReader.from_batches(schema, batches())


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """A DataFrame of the same values; integers with nulls stay integers, as Python objects."""
    frame: pd.DataFrame = table.to_pandas(integer_object_nulls=True)
    return frame


def to_dataset(table: pa.Table) -> datasets.Dataset:
    """A Hugging Face Dataset in memory, with the features that the table's schema carries."""
    import datasets

    return datasets.Dataset(datasets.table.InMemoryTable(table))


def without_derived(rows: Any) -> Any:
    """Rows of a search without `path` and `hash`, when a column of links says the same.

    Uploading makes both anew from the links. Other rows come back as they are.
    """
    members = {"sha256", "path", "media_type"}
    if isinstance(rows, pa.Table):
        types = [field.type for field in rows.schema]
        has_links = any(
            pa.types.is_struct(kind) and members <= {field.name for field in kind} for kind in types
        )
        both = {"path", "hash"} <= set(rows.column_names)
        return rows.drop_columns(["path", "hash"]) if has_links and both else rows
    if _kind(rows) != "DataFrame" or not {"path", "hash"} <= set(rows.columns):
        return rows
    for name in rows.columns:
        values = rows[name].dropna()
        first = values.iloc[0] if len(values) else None
        if isinstance(first, dict) and members <= set(first):
            return rows.drop(columns=["path", "hash"])
    return rows


def _kind(rows: object) -> str:
    """The class of rows of pandas or datasets, without importing either."""
    for module, names in (("pandas", ("DataFrame",)), ("datasets", ("Dataset", "DatasetDict"))):
        loaded = sys.modules.get(module)
        for name in names:
            if loaded is not None and isinstance(rows, getattr(loaded, name)):
                return name
    return ""


def _text(value: Any) -> str | None:
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False)
    if value is None or value != value:
        return None
    return value if isinstance(value, str) else str(value)
