"""Check 12: what an upload of a task must say is checked before anything is staged."""

import pytest
from kdl_lake import KdlLake


@pytest.mark.parametrize(
    ("meta", "says"),
    [
        ({"lang": "ko"}, "src"),
        ({"lang": "xx", "src": "real"}, "ko, en, ja, multi"),
        ({"lang": "ko", "src": "real", "page": "1"}, "page"),
        (None, "lang"),
    ],
)
def test_wrong_fields_are_named(kdl: KdlLake, meta: dict[str, str] | None, says: str) -> None:
    import pyarrow as pa

    import datalake

    client = datalake.DatalakeClient("ada", kdl.path)
    with pytest.raises(datalake.InvalidArgumentError, match=says):
        client.upload_task(pa.table({"n": [1]}), "test", "d", "ocr", "v", meta=meta)
    assert kdl.staged() == []


def test_a_task_without_fields_takes_an_empty_meta(kdl: KdlLake) -> None:
    import pyarrow as pa

    import datalake

    kdl.ok("config", "task", "create", "plain")
    client = datalake.DatalakeClient("ada", kdl.path)
    assert client.upload_task(pa.table({"n": [1]}), "test", "d", "plain", "v", meta={})
