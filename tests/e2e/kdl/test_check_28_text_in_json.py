"""Check 28: literal text at a place of the JSON, restricted by the other filters."""

from kdl_lake import KdlLake
from search_rows import fill, ids

PLACE = "word.text.content"


def found(kdl: KdlLake, text: str, **more: object) -> list[object]:
    search = {"column": "labels", "text": text, "json_path": PLACE}
    rows = kdl.lake.search(["huggingface"], text_search=search, **more).to_pylist()  # type: ignore[arg-type]
    return ids(rows)


def test_text_is_literal_and_minds_the_case(kdl: KdlLake) -> None:
    fill(kdl)
    assert found(kdl, "iss") == [1, 3, 5]
    assert found(kdl, "ISS") == []
    assert found(kdl, "%") == [2]
    assert found(kdl, "_") == []


def test_text_and_other_filters_hold_together(kdl: KdlLake) -> None:
    fill(kdl)
    assert found(kdl, "iss", datasets=["docs"]) == [5]
    assert found(kdl, "iss", where="id < 2") == [1]
    assert found(kdl, "iss", datasets=["2024"], variants=["none"]) == []
