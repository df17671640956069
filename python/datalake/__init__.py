"""One lake for AI training data: search, collect, version and load it from Python.

>>> import datalake
>>> lake = datalake.open("mylake")
>>> table = lake.search(providers=["huggingface"], limit=10)
"""

from __future__ import annotations

import os

from datalake._core import __version__
from datalake.bulk import IngestReport, ingest
from datalake.client import DatalakeClient, MissingFilesWarning
from datalake.errors import (
    AlreadyExistsError,
    CancelledError,
    ConflictError,
    CorruptionError,
    Error,
    InternalError,
    InvalidArgumentError,
    IoError,
    NotFoundError,
    PermissionDeniedError,
    ResourceExhaustedError,
    UnavailableError,
    UnsupportedError,
)
from datalake.feeds import FeedClient, ServerCalls
from datalake.lake import Collection, Lake
from datalake.managers import CollectionManager, SchemaManager


def open(path: str | os.PathLike[str]) -> Lake:  # noqa: A001 - the name users expect
    """Opens the lake at `path`. Raises NotFoundError when there is none."""
    return Lake(path)


def init(path: str | os.PathLike[str]) -> Lake:
    """Makes a lake at `path` (an existing one is left as it is) and opens it."""
    return Lake(path, create=True)


__all__ = [
    "AlreadyExistsError",
    "CancelledError",
    "Collection",
    "CollectionManager",
    "ConflictError",
    "CorruptionError",
    "DatalakeClient",
    "Error",
    "FeedClient",
    "IngestReport",
    "InternalError",
    "InvalidArgumentError",
    "IoError",
    "Lake",
    "MissingFilesWarning",
    "NotFoundError",
    "PermissionDeniedError",
    "ResourceExhaustedError",
    "SchemaManager",
    "ServerCalls",
    "UnavailableError",
    "UnsupportedError",
    "__version__",
    "ingest",
    "init",
    "open",
]
