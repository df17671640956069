"""The engine, as python/bindings exposes it; the public API is in lake.py and client.py."""

from typing import Any

__version__: str

class ArrowStream:
    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...

class Lake:
    class UploadRequest:
        def __init__(
            self,
            provider: str,
            dataset: str,
            task: str,
            variant: str,
            fields: dict[str, str],
            description: str,
            original_source: str,
            user: str,
            on_bad_asset: str,
            overwrite: bool,
            /,
        ) -> None: ...
        def set_columns(
            self,
            image_columns: list[str],
            file_columns: list[str],
            nested: str,
            strict_files: bool,
            /,
        ) -> None: ...
        def set_derived(self, perceptual_hash: bool, thumbnails: int, /) -> None: ...

    class SaveRequest:
        def __init__(
            self,
            name: str,
            version: str,
            description: str,
            user: str,
            kind: str,
            query: str,
            inputs: list[tuple[str, int]],
            splits: str,
            split_key: str,
            /,
        ) -> None: ...

    class Outgoing:
        def rows(self) -> ArrowStream: ...
        def report(self) -> dict[str, Any]: ...

    def __init__(self, path: str, create: bool, /) -> None: ...
    def search(
        self,
        providers: list[str],
        datasets: list[str],
        tasks: list[str],
        variants: list[str],
        text_column: str,
        text: str,
        json_path: str,
        where: str,
        columns: list[str],
        order_by: list[str],
        limit: int,
        offset: int,
        version: int,
    ) -> tuple[ArrowStream, str, list[tuple[str, int]]]: ...
    def sql(self, query: str, /) -> ArrowStream: ...
    def open_path(self, path: str, /) -> ArrowStream: ...
    def upload_path(self, path: str, request: UploadRequest, /) -> dict[str, Any]: ...
    def upload_rows(self, capsule: object, request: UploadRequest, /) -> dict[str, Any]: ...
    def process(self) -> str: ...
    def save_collection_path(self, path: str, request: SaveRequest, /) -> dict[str, Any]: ...
    def save_collection_rows(self, capsule: object, request: SaveRequest, /) -> dict[str, Any]: ...
    def collection(self, name: str, version: str, /) -> dict[str, Any]: ...
    def collection_versions(self, name: str, /) -> dict[str, Any]: ...
    def list_collections(self) -> list[dict[str, Any]]: ...
    def delete_collection(self, name: str, version: str, /) -> str: ...
    def read_collection(self, name: str, version: str, split: str, /) -> ArrowStream: ...
    def outgoing(
        self, capsule: object, paths: str, pictures: str, on_missing: str, /
    ) -> Outgoing: ...
    def download(
        self,
        capsule: object,
        output: str,
        kind: str,
        paths: str,
        pictures: str,
        on_missing: str,
        /,
    ) -> dict[str, Any]: ...
    def catalog_summary(self, checks_files: bool, /) -> dict[str, Any]: ...
    def verify(self, deep: bool, sample: float, seed: int, /) -> str: ...
    def schema(self) -> dict[str, Any]: ...
    def check_fields(self, task: str, fields: dict[str, str], /) -> None: ...
    def add_provider(self, name: str, description: str, /) -> None: ...
    def remove_provider(self, name: str, /) -> None: ...
    def add_task(
        self,
        name: str,
        description: str,
        required_fields: list[str],
        allowed_values: dict[str, list[str]],
        /,
    ) -> None: ...
    def remove_task(self, name: str, /) -> None: ...
