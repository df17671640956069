"""Check 29: a scalar at the place is searched too; text that is no JSON is passed over."""

from kdl_lake import KdlLake
from search_rows import fill, ids


def test_a_scalar_matches_and_no_json_is_no_error(kdl: KdlLake) -> None:
    fill(kdl)
    search = {"column": "labels", "text": "a tiss", "json_path": "word.text.content"}
    assert ids(kdl.lake.search(text_search=search).to_pylist()) == [3]
    plain = {"column": "labels", "text": "no JSON"}
    assert ids(kdl.lake.search(text_search=plain).to_pylist()) == [4]
