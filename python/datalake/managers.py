"""The seed's managers over a lake: of collections and of the schema."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datalake.errors import AlreadyExistsError, Error, InvalidArgumentError, NotFoundError
from datalake.lake import Lake
from datalake.rows import Rows

if TYPE_CHECKING:
    import datasets


class CollectionManager:
    """Versioned training sets of one lake, with the seed's methods. Thread-safe."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def save_collection(
        self,
        collection: Rows,
        name: str,
        version: str | None = None,
        description: str = "",
        create_by: str = "user",
    ) -> str:
        """Saves rows and returns the folder of the version: the one given, else the next ``vN``.

        Raises AlreadyExistsError for a version that is there: versions never change.
        """
        source = _lineage_of(collection)
        return self._lake.save_collection(
            collection, name, version, description, create_by, source=source
        ).path

    def load_collection(
        self, name: str, version: str | None = None
    ) -> datasets.Dataset | datasets.DatasetDict:
        """A version as a Hugging Face Dataset, the newest for None and ``"latest"``.

        With splits a DatasetDict. Raises NotFoundError.
        """
        return self._lake.load_collection(name, version).dataset()

    def list_versions(self, name: str) -> list[str]:
        """The versions of a collection, oldest first. Raises NotFoundError."""
        return [entry["version"] for entry in self._versions(name)]

    def list_collections(self) -> list[dict[str, Any]]:
        """Every collection by name: name, path, num_versions, versions (newest last)."""
        return [
            {
                "name": found["name"],
                "path": str(Path(self._lake.path) / "collections" / found["name"]),
                "num_versions": found["num_versions"],
                "versions": found["versions"],
            }
            for found in self._lake.list_collections()
        ]

    def get_metadata(self, name: str, version: str | None = None) -> dict[str, Any]:
        """What is known of one version, the newest for None. Raises NotFoundError."""
        return dict(self._lake.load_collection(name, version).metadata)

    def get_collection_info(self, name: str, version: str | None = None) -> dict[str, Any]:
        """As `get_metadata`, with all_versions and num_versions."""
        versions = self.list_versions(name)
        more = {"all_versions": versions, "num_versions": len(versions)}
        return self.get_metadata(name, version) | more

    def export_collection(
        self,
        name: str,
        version: str | None,
        output_path: str | os.PathLike[str],
        format: str = "datasets",  # noqa: A002 - the seed's name
        *,
        include_images: bool = False,
        absolute_paths: bool = True,
    ) -> Path:
        """Writes a version as ``datasets`` folder, ``parquet``, ``jsonl``, ``webdataset`` or
        ``auto``, and returns what was written. Raises AlreadyExistsError, NotFoundError.
        """
        collection = self._lake.load_collection(name, version)
        report = self._lake.download(
            collection.reader(),
            output_path,
            format,
            absolute_paths=absolute_paths,
            include_images=include_images,
        )
        return Path(report["path"])

    def delete_collection(self, name: str, version: str | None = None) -> bool:
        """Removes one version, or all of them for None; True when something was removed.

        Raises InvalidArgumentError for a name that is none; False for one that is not there.
        """
        try:
            versions = [version] if version is not None else self.list_versions(name)
            for each in versions:
                self._lake.delete_collection(name, each)
        except NotFoundError:
            return False
        return bool(versions)

    def _versions(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._lake._core.collection_versions(name)["versions"]
        return found


class SchemaManager:
    """Providers and tasks of one lake, config/schema.yaml, with the seed's methods. Thread-safe.

    Every call reads the file; changes are made under a lock and keep its comments.
    """

    def __init__(self, lake: Lake) -> None:
        self._core = lake._core

    def validate_provider(self, provider: str) -> tuple[bool, str]:
        """Whether the provider is known, and what to say."""
        known = self.get_all_providers()
        if provider in known:
            return True, "ok"
        return False, f"unknown provider: {provider}; known: {', '.join(known)}"

    def validate_task(self, task: str) -> tuple[bool, str]:
        """Whether the task is known, and what to say."""
        known = self.get_all_tasks()
        return (
            (True, "ok")
            if task in known
            else (False, f"unknown task: {task}; known: {', '.join(known)}")
        )

    def validate_task_metadata(self, task: str, meta: Mapping[str, str] | None) -> tuple[bool, str]:
        """Whether an upload of the task may have these fields, and what is wrong."""
        if meta is None:
            return False, "the fields of the task are missing; give {} for a task without any"
        try:
            self._core.check_fields(task, {key: str(value) for key, value in meta.items()})
        except Error as error:
            return False, str(error)
        return True, "ok"

    def get_required_fields(self, task: str) -> list[str]:
        """The fields that an upload of the task must have. Raises NotFoundError."""
        return list(self._task(task)["required_fields"])

    def get_allowed_values(self, task: str, field: str) -> list[str]:
        """The only values of a field; empty: any text. Raises NotFoundError."""
        return list(self._task(task)["allowed_values"].get(field, []))

    def get_all_providers(self) -> list[str]:
        """Names in the order of the file."""
        return list(self._core.schema()["providers"])

    def get_all_tasks(self) -> list[str]:
        """Names in the order of the file."""
        return list(self._core.schema()["tasks"])

    def get_provider_info(self, provider: str) -> dict[str, Any] | None:
        """Its description, or None."""
        found: dict[str, Any] | None = self._core.schema()["providers"].get(provider)
        return found

    def get_task_info(self, task: str) -> dict[str, Any] | None:
        """Its description, required_fields and allowed_values, or None."""
        found: dict[str, Any] | None = self._core.schema()["tasks"].get(task)
        return found

    def add_provider(self, name: str, description: str = "") -> bool:
        """Adds a provider; False when it is there. Raises InvalidArgumentError (name)."""
        try:
            self._core.add_provider(name, description)
        except AlreadyExistsError:
            return False
        return True

    def remove_provider(self, name: str) -> bool:
        """Removes a provider, its data stay; False when there is none."""
        try:
            self._core.remove_provider(name)
        except NotFoundError:
            return False
        return True

    def add_task(
        self,
        name: str,
        description: str = "",
        required_fields: Sequence[str] = (),
        allowed_values: Mapping[str, Sequence[str]] | None = None,
    ) -> bool:
        """Adds a task; False when it is there. Raises InvalidArgumentError (names)."""
        values = {field: list(texts) for field, texts in (allowed_values or {}).items()}
        try:
            self._core.add_task(name, description, list(required_fields), values)
        except AlreadyExistsError:
            return False
        return True

    def remove_task(self, name: str) -> bool:
        """Removes a task, its data stay; False when there is none."""
        try:
            self._core.remove_task(name)
        except NotFoundError:
            return False
        return True

    def show_schema_info(self) -> None:
        """Prints providers and tasks."""
        schema = self._core.schema()
        print("providers:", ", ".join(schema["providers"]))
        for name, task in schema["tasks"].items():
            print(f"task {name}: {', '.join(task['required_fields']) or 'no fields'}")

    def _task(self, task: str) -> dict[str, Any]:
        found = self.get_task_info(task)
        if found is None:
            raise NotFoundError(self.validate_task(task)[1])
        return found


def _lineage_of(rows: object) -> dict[str, Any] | None:
    """Where rows of a search came from: `DatalakeClient.search` keeps it with the DataFrame."""
    attributes = getattr(rows, "attrs", None)
    lineage = attributes.get("datalake") if isinstance(attributes, dict) else None
    if lineage is not None and not isinstance(lineage, dict):
        raise InvalidArgumentError("attrs['datalake'] is not the lineage of a search")
    return lineage
