"""Check 27: quotes and SQL in names are data: they match nothing and break nothing."""

import pytest
from kdl_lake import KdlLake
from search_rows import fill


@pytest.mark.parametrize("name", ["o'clock", "' OR '1'='1", '"; drop table catalog; --', "a\\b"])
def test_sql_in_names_matches_nothing(kdl: KdlLake, name: str) -> None:
    fill(kdl)
    assert kdl.lake.search([name]).num_rows == 0
    assert kdl.lake.search(None, [name]).num_rows == 0
    assert kdl.lake.search(tasks=[name]).num_rows == 0
    assert kdl.lake.search(variants=[name]).num_rows == 0
    text = {"column": "labels", "text": name}
    assert kdl.lake.search(["huggingface"], text_search=text).num_rows == 0
    assert kdl.lake.search().num_rows == 6
