"""Check 34: the newest, `latest`, an unknown version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from documents import numbers

if TYPE_CHECKING:
    import datalake


def test_newest_latest_unknown(client: datalake.DatalakeClient) -> None:
    import datalake

    for count in (1, 2, 3):
        client.import_collection(numbers(count), "train")
    client.import_collection(numbers(4), "train", version="older-name")
    assert client.load_collection("train").num_rows == 4
    assert client.load_collection("train", "latest").num_rows == 4
    assert client.load_collection("train", "v2")["id"] == [0, 1]
    for name, version in (("train", "v9"), ("nothing", None)):
        with pytest.raises(datalake.NotFoundError):
            client.load_collection(name, version)
