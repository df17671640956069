"""The client that works beside a server: data through the shared disk, commands over HTTP."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from datalake.errors import (
    AlreadyExistsError,
    CancelledError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    UnavailableError,
)
from datalake.lake import Collection, Lake, Rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

_TIMEOUT_S = 30.0


class DatalakeClient:
    """Uploads, processing, search and collections for one user.

    `base_path` is the lake's folder, which the server serves too; `server_url` is its address.
    Only `trigger_processing` and the job and status calls need the server. Not thread-safe.
    """

    def __init__(
        self,
        user_id: str,
        base_path: str | os.PathLike[str],
        server_url: str = "http://127.0.0.1:8091",
        *,
        create_dirs: bool = False,
        timeout: float = _TIMEOUT_S,
    ) -> None:
        if not user_id:
            raise InvalidArgumentError("user_id is empty; name the user whose uploads these are")
        self.user_id = user_id
        self.server_url = server_url.rstrip("/")
        self.lake = Lake(base_path, create=create_dirs)
        self._timeout = timeout

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
        """Stages original data; returns the upload's id, or False when its key waits already."""
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
        """Stages derived data of a task of the schema; `meta` gives the task's required fields."""
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
            return str(self.lake.upload(data_source, user=self.user_id, **request)["id"])
        except AlreadyExistsError:
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
        providers: Sequence[str] | None = None,
        datasets: Sequence[str] | None = None,
        tasks: Sequence[str] | None = None,
        variants: Sequence[str] | None = None,
        text_search: Mapping[str, str] | None = None,
        limit: int | None = None,
        **more: Any,
    ) -> pa.Table:
        """Rows by hierarchy and text, as `Lake.search`; ``.to_pandas()`` makes a DataFrame."""
        return self.lake.search(
            providers, datasets, tasks, variants, text_search, limit=limit, **more
        )

    def import_collection(
        self, data_source: Rows, name: str, version: str | None = None, description: str = ""
    ) -> str:
        """Saves rows as an immutable collection; returns the folder of the version."""
        saved = self.lake.save_collection(
            data_source, name, version=version, description=description, user=self.user_id
        )
        return saved.path

    def list_collections(self) -> list[dict[str, Any]]:
        """Every collection with its versions."""
        return self.lake.list_collections()

    def load_collection(self, name: str, version: str | None = None) -> Collection:
        """Opens a version, the newest when none is named."""
        return self.lake.load_collection(name, version)

    # HTTP --------------------------------------------------------------------------------------

    def _request(self, method: str, path: str) -> dict[str, Any]:
        request = urllib.request.Request(self.server_url + path, method=method)
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
