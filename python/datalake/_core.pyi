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
    ) -> ArrowStream: ...
    def sql(self, query: str, /) -> ArrowStream: ...
    def upload_path(self, path: str, request: UploadRequest, /) -> dict[str, Any]: ...
    def upload_rows(self, capsule: object, request: UploadRequest, /) -> dict[str, Any]: ...
    def process(self) -> str: ...
    def save_collection_path(
        self, path: str, name: str, version: str, description: str, user: str, /
    ) -> dict[str, Any]: ...
    def save_collection_rows(
        self, capsule: object, name: str, version: str, description: str, user: str, /
    ) -> dict[str, Any]: ...
    def collection(self, name: str, version: str, /) -> dict[str, Any]: ...
    def list_collections(self) -> list[dict[str, Any]]: ...
    def delete_collection(self, name: str, version: str, /) -> str: ...
    def read_collection(self, name: str, version: str, /) -> ArrowStream: ...
