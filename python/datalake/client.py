"""The client that works beside a server: data through the shared disk, commands over HTTP."""

from __future__ import annotations

import json
import logging
import os
import time
import urllib.error
import urllib.request
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datalake import rows as rows_of
from datalake.errors import (
    AlreadyExistsError,
    CancelledError,
    Error,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    UnavailableError,
)
from datalake.feeds import FeedClient, ServerCalls
from datalake.lake import Lake
from datalake.managers import CollectionManager, SchemaManager
from datalake.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import datasets as hf_datasets
    import pandas as pd

    Names = str | Sequence[str] | None

_TIMEOUT_S = 30.0
_LEVELS = ("provider", "dataset", "task", "variant")

log = logging.getLogger(__name__)


class MissingFilesWarning(UserWarning):
    """Rows name files that are not there, or pictures that are broken; the text counts them."""


class DatalakeClient:
    """Uploads, processing, search and collections for one user.

    `base_path` is the lake's folder, which the server serves too; `server_url` is its address.
    Only `trigger_processing` and the job, status and validation calls need the server. Rows come
    as pandas DataFrames and Hugging Face Datasets; `lake` gives the same rows as Arrow, in streams.
    `last_report` tells what the newest `download` or `to_dataset` did with missing files.

    Errors are `datalake.Error` and its subclasses; those for bad arguments are ValueErrors too,
    those of jobs RuntimeErrors. Not thread-safe: one client a thread.
    """

    def __init__(
        self,
        user_id: str,
        base_path: str | os.PathLike[str],
        server_url: str = "http://127.0.0.1:8091",
        log_level: str = "INFO",
        num_proc: int = 0,
        table_name: str = "catalog",
        create_dirs: bool = False,
        *,
        timeout: float = _TIMEOUT_S,
        token: str | None = None,
    ) -> None:
        """Opens the lake, or with `create_dirs` makes it.

        `log_level` is that of the logger ``datalake``. `num_proc` and `table_name` are taken as the
        seed took them and change nothing: the engine uses all cores and has no table of its own.
        `token` is for a server that asks for one; None takes the environment's DATALAKE_TOKEN.
        Raises InvalidArgumentError (no user), NotFoundError (no lake there).
        """
        if not user_id:
            raise InvalidArgumentError("user_id is empty; name the user whose uploads these are")
        logging.getLogger("datalake").setLevel(log_level)
        self.user_id = user_id
        self.base_path = Path(base_path)
        self.server_url = server_url.rstrip("/")
        self.num_proc = num_proc
        self.table_name = table_name
        self.lake = Lake(base_path, create=create_dirs)
        self.collection_manager = CollectionManager(self.lake)
        self.schema_manager = SchemaManager(self.lake)
        self.last_report: dict[str, Any] = {}
        self._timeout = timeout
        self._token = os.environ.get("DATALAKE_TOKEN", "") if token is None else token

    @property
    def assets_path(self) -> Path:
        """The folder that relative asset paths begin in."""
        return self.base_path / "assets"

    # Uploads -----------------------------------------------------------------------------------

    def upload_raw(
        self,
        data_source: Rows,
        provider: str,
        dataset: str,
        dataset_description: str = "",
        original_source: str = "",
        overwrite: bool = False,
    ) -> str | bool:
        """Stages original data; returns the upload's id, or False when its key waits already.

        Durable on return. `data_source` is a path, a table, a DataFrame or a Dataset; the id is the
        name of the folder below ``staging/pending``. Raises NotFoundError (provider, path) and
        InvalidArgumentError (names, two image columns …); nothing is staged then.
        """
        return self._upload(
            data_source,
            provider=provider,
            dataset=dataset,
            description=dataset_description,
            original_source=original_source,
            overwrite=overwrite,
        )

    def upload_task(
        self,
        data_source: Rows,
        provider: str,
        dataset: str,
        task: str,
        variant: str,
        dataset_description: str = "",
        overwrite: bool = False,
        meta: Mapping[str, str] | None = None,
    ) -> str | bool:
        """Stages derived data of a task of the schema; `meta` gives the task's required fields.

        As `upload_raw`. Rows of a search keep their links: no asset is stored again.
        """
        return self._upload(
            data_source,
            provider=provider,
            dataset=dataset,
            task=task,
            variant=variant,
            description=dataset_description,
            overwrite=overwrite,
            fields=meta,
        )

    def _upload(self, data_source: Rows, **request: Any) -> str | bool:
        try:
            # The seed made JSON text of structs; what reads it expects that.
            upload = self.lake.upload(
                rows_of.without_derived(data_source), user=self.user_id, nested="json", **request
            )
            return str(upload["id"])
        except AlreadyExistsError:
            log.warning("an upload of this key waits already; overwrite=True replaces it")
            return False

    # Processing --------------------------------------------------------------------------------

    def get_server_status(self) -> dict[str, Any]:
        """Counts of pending, processing and failed uploads."""
        return self._request("GET", "/status")

    def list_server_jobs(self) -> list[dict[str, Any]]:
        """All jobs of the lake, oldest first."""
        jobs: list[dict[str, Any]] = self._request("GET", "/jobs")["jobs"]
        return jobs

    def trigger_processing(self) -> str:
        """Starts to process what is pending; returns that job's id, or the running one's."""
        return str(self._request("POST", "/process")["job_id"])

    def get_job_status(self, job_id: str) -> dict[str, Any] | None:
        """The job's record, or None when there is no such job."""
        try:
            return self._request("GET", f"/jobs/{job_id}")
        except NotFoundError:
            return None

    def wait_for_job_completion(
        self, job_id: str, polling_interval: float = 0.2, timeout: float = 3600
    ) -> dict[str, Any]:
        """Waits for a job to end and returns its record; its result is under ``"result"``.

        Raises NotFoundError (no such job), InternalError (it failed), CancelledError, TimeoutError.
        """
        deadline = time.monotonic() + timeout
        while True:
            job = self.get_job_status(job_id)
            if job is None:
                raise NotFoundError(f"no such job: {job_id}")
            if job["status"] == "completed":
                return job
            if job["status"] == "failed":
                raise InternalError(f"job {job_id} failed: {job.get('error')}")
            if job["status"] == "cancelled":
                raise CancelledError(f"job {job_id} was cancelled")
            if time.monotonic() >= deadline:
                raise TimeoutError(f"job {job_id} still runs after {timeout} s")
            time.sleep(polling_interval)

    # Reading -----------------------------------------------------------------------------------

    def search(
        self,
        providers: Names = None,
        datasets: Names = None,
        tasks: Names = None,
        variants: Names = None,
        text_search: Mapping[str, str] | None = None,
        limit: int | None = None,
        **more: Any,
    ) -> pd.DataFrame:
        """Rows by hierarchy and text, as a DataFrame, always current.

        A level is one name or a list of names and globs; None and ``"*"`` are all. `text_search`
        is ``{"column": …, "text": …}`` with an optional ``"json_path"``. `more` is what
        `Lake.search` takes besides: where, columns, order_by, offset, version. No match gives an
        empty DataFrame with its columns; an error is raised, never an empty result.

        Asset paths are relative to `assets_path`. The DataFrame keeps its lineage in
        ``attrs["datalake"]``, which `import_collection` stores. Raises as `Lake.search`.
        """
        reader, source = self.lake.search_with_sources(
            _names(providers),
            _names(datasets),
            _names(tasks),
            _names(variants),
            text_search,
            limit=limit,
            **more,
        )
        frame = rows_of.to_pandas(reader.read_all())
        frame.attrs["datalake"] = source
        return frame

    def get_partitions(self) -> pd.DataFrame:
        """A row for each provider, dataset, task, variant with num_samples, sorted."""
        query = "select provider, dataset, task, variant, rows as num_samples from catalog"
        found = self.lake.sql(f"{query} where provider <> 'feeds' order by all")
        return rows_of.to_pandas(found)

    def build_db(self, force_rebuild: bool = True) -> bool:  # noqa: ARG002 - the seed has it
        """Looks at every table and data file; True when all can be read. Never raises.

        Nothing is rebuilt: searches read the newest version of every table and are always current.
        What cannot be read is logged, the rest stays searchable. `force_rebuild` is taken as the
        seed took it and changes nothing.
        """
        try:
            summary = self.lake.catalog_summary(check_files=True)
        except Error as error:
            log.error("the catalog cannot be read: %s", error)
            return False
        for problem in summary["problems"]:
            log.error("%(table)s: %(reason)s: %(path)s", problem)
        log.info("%d partitions; searches are always current", summary["partitions"])
        return not summary["problems"]

    def get_db_info(self) -> dict[str, Any]:
        """Counts of the lake as it is now: tables, rows, partitions; always current.

        `provider_stats`, `dataset_stats`, `task_stats` and `variant_stats` count partitions.
        """
        try:
            summary = self.lake.catalog_summary()
        except Error as error:
            return {"exists": False, "error": str(error)}
        if summary["tables"] == 0:
            return {"exists": False, "message": "the lake has no rows yet"}
        stats = {f"{level}_stats": summary[f"{level}_stats"] for level in _LEVELS}
        return {
            "user_id": self.user_id,
            "exists": True,
            "path": str(self.base_path / "catalog"),
            "size_mb": round(summary["size_bytes"] / 2**20, 1),
            "modified_time": summary["updated"],
            "is_outdated": False,
            "tables": [self.table_name],
            "total_rows": summary["rows"],
            "partitions": summary["partitions"],
        } | stats

    # Downloads ---------------------------------------------------------------------------------

    def to_pandas(self, search_results: pd.DataFrame, absolute_paths: bool = True) -> pd.DataFrame:
        """A copy, with absolute asset paths unless these are to stay relative.

        No file is looked at.
        """
        table, self.last_report = self.lake.outgoing(
            _as_rows(search_results), absolute_paths=absolute_paths, on_missing="ignore"
        )
        frame = rows_of.to_pandas(table)
        frame.attrs.update(search_results.attrs)
        return frame

    def to_dataset(
        self,
        search_results: pd.DataFrame,
        absolute_paths: bool = True,
        check_path_exists: bool = True,
        include_images: bool = False,
    ) -> hf_datasets.Dataset:
        """The rows as a Hugging Face Dataset in memory, in their order.

        With `check_path_exists` rows whose file is gone are left out; with `include_images` the
        column ``image`` holds the pictures, and rows with a broken one are left out too. Both are
        counted and listed in `last_report`, with a MissingFilesWarning. Rows without a path stay.
        """
        table, self.last_report = self.lake.outgoing(
            _as_rows(search_results),
            absolute_paths=absolute_paths,
            include_images=include_images,
            on_missing="drop" if check_path_exists else "ignore",
        )
        self._warn_of_missing()
        return rows_of.to_dataset(table)

    def download(
        self,
        search_results: pd.DataFrame,
        output_path: str | os.PathLike[str],
        format: str = "auto",  # noqa: A002 - the seed's name
        absolute_paths: bool = True,
        check_path_exists: bool = True,
        include_images: bool = False,
    ) -> Path:
        """Writes rows as ``parquet``, ``dataset``, ``jsonl``, ``webdataset``, or ``auto`` by the
        name (``.parquet``, ``.jsonl``, else dataset), and returns what was written.

        It appears whole or not at all. With `check_path_exists` missing files are counted and
        listed in `last_report` and in a file beside the output, with a MissingFilesWarning; a
        dataset leaves their rows out, other formats keep them. Raises AlreadyExistsError when the
        output is there.
        """
        name = os.fspath(output_path)
        others = (".parquet", ".jsonl", ".ndjson", ".jsonl.gz", ".jsonl.zst", ".ndjson.gz")
        is_dataset = format in ("dataset", "datasets") or (
            format == "auto" and not name.endswith(others)
        )
        drops = "drop" if is_dataset else "keep"
        self.last_report = self.lake.download(
            _as_rows(search_results),
            name,
            format,
            absolute_paths=absolute_paths,
            include_images=include_images,
            on_missing=drops if check_path_exists else "ignore",
        )
        self._warn_of_missing()
        return Path(self.last_report["path"])

    def _warn_of_missing(self) -> None:
        report = self.last_report
        if report["missing_files"] or report["bad_pictures"]:
            warnings.warn(
                f"{report['missing_files']} files missing, {report['bad_pictures']} pictures "
                f"broken, {report['dropped_rows']} rows left out; last_report lists them",
                MissingFilesWarning,
                stacklevel=3,
            )

    # Collections -------------------------------------------------------------------------------

    def import_collection(
        self, data_source: Rows, name: str, version: str | None = None, description: str = ""
    ) -> str:
        """Saves rows as an immutable collection; returns the folder of the version.

        The version is the one given, else the next ``vN``. Rows of `search` bring their query and
        the versions of their tables. Raises AlreadyExistsError, InvalidArgumentError (names).
        """
        return self.collection_manager.save_collection(
            data_source, name, version, description, self.user_id
        )

    def list_collections(self) -> list[dict[str, Any]]:
        """Every collection: name, path, num_versions, versions (newest last)."""
        return self.collection_manager.list_collections()

    def load_collection(
        self, name: str, version: str | None = None
    ) -> hf_datasets.Dataset | hf_datasets.DatasetDict:
        """A version as a Dataset, the newest when none is named. Raises NotFoundError."""
        return self.collection_manager.load_collection(name, version)

    def export_collection(
        self,
        name: str,
        version: str | None,
        output_path: str | os.PathLike[str],
        format: str = "datasets",  # noqa: A002 - the seed's name
    ) -> Path:
        """Writes a version for other programs; see `CollectionManager.export_collection`."""
        return self.collection_manager.export_collection(name, version, output_path, format)

    def delete_collection(self, name: str, version: str | None = None) -> bool:
        """Removes a version, or all for None; False when there is none."""
        return self.collection_manager.delete_collection(name, version)

    # Feeds -------------------------------------------------------------------------------------

    def feed(self, name: str = "chat") -> FeedClient:
        """What the server has of a feed: records, stats, snapshots and their download."""
        return FeedClient(self.server_url, name, self._token)

    def sql(self, query: str, limit: int = 1000) -> list[dict[str, Any]]:
        """The rows of one read-only statement, by the server; see `ServerCalls.sql`."""
        return ServerCalls(self.server_url, self._token).sql(query, limit)

    # Integrity ---------------------------------------------------------------------------------

    def request_asset_validation(
        self, search_results: pd.DataFrame, sample_percent: float | None = None
    ) -> str | None:
        """Asks the server to look for the files of these rows; the job's id, or None for no files.

        Raises KeyError when the rows have no columns hash and path.
        """
        pairs = search_results[["hash", "path"]].dropna().drop_duplicates()
        if pairs.empty:
            return None
        body = {"user_id": self.user_id, "search_data": pairs.to_dict("records")}
        if sample_percent is not None:
            body["sample_percent"] = sample_percent
        return str(self._request("POST", "/validate-assets", body)["job_id"])

    def check_db_processes(self) -> dict[str, Any]:
        """No process holds a database: there is none, tables are files that never change."""
        path = self.base_path / "catalog"
        facts = {"path": str(path), "exists": path.is_dir(), "has_wal": False}
        return {"processes": [], "db_info": facts}

    def show_server_dashboard(self) -> None:
        """Prints counts of uploads and the last five jobs."""
        status = self.get_server_status()
        print(" ".join(f"{key} {status[key]}" for key in ("pending", "processing", "failed")))
        for job in self.list_server_jobs()[-5:]:
            print(job["job_id"], job["status"])

    # HTTP --------------------------------------------------------------------------------------

    def _request(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {} if data is None else {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(
            self.server_url + path, data=data, headers=headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as response:
                answer: dict[str, Any] = json.load(response)
                return answer
        except urllib.error.HTTPError as error:
            detail = _detail(error)
            if error.code == 404:
                raise NotFoundError(detail) from None
            raise InternalError(f"{method} {path} gave {error.code}: {detail}") from None
        except (urllib.error.URLError, TimeoutError) as error:
            reason = getattr(error, "reason", error)
            raise UnavailableError(
                f"no answer from {self.server_url}: {reason}; is datalake-server running there?"
            ) from None


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError, TypeError):
        return str(error.reason)


def _names(level: Names) -> list[str]:
    """One level of a search as a list; the seed takes a bare name too."""
    return [level] if isinstance(level, str) else list(level or [])


def _as_rows(search_results: Any) -> Rows:
    if rows_of.is_path(search_results):
        raise InvalidArgumentError("give the rows of a search, not a path")
    rows: Rows = search_results
    return rows
