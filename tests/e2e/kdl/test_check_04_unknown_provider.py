"""Check 4: an unknown provider is an error and leaves nothing in staging."""

from pathlib import Path

import pytest
from kdl_lake import KdlLake, write_parquet


def test_an_unknown_provider_stages_nothing(kdl: KdlLake, tmp_path: Path) -> None:
    import datalake

    rows = write_parquet(tmp_path / "rows.parquet", {"n": [1]})
    with pytest.raises(datalake.NotFoundError, match=r"hugingface.*huggingface"):
        datalake.DatalakeClient("ada", kdl.path).upload_raw(str(rows), "hugingface", "d")
    assert list((kdl.path / "staging").rglob("*.parquet")) == []
    assert kdl.staged() == []
