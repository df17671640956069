"""Check 3: a new lake has the seed's five providers and five tasks."""

from kdl_lake import KdlLake


def test_the_default_schema_is_the_seeds(kdl: KdlLake) -> None:
    providers = {row["provider"] for row in kdl.ok_json("config", "provider", "list")}
    assert providers == {"aihub", "huggingface", "opensource", "inhouse", "test"}
    tasks = {row["task"]: row for row in kdl.ok_json("config", "task", "list")}
    assert set(tasks) == {"ocr", "kie", "vqa", "layout", "document_conversion"}
    assert tasks["ocr"]["required_fields"] == ["lang", "src"]
    assert tasks["document_conversion"]["required_fields"] == ["lang", "src", "mod"]
    assert tasks["document_conversion"]["allowed_values"] == {
        "lang": ["ko", "en", "ja", "multi"],
        "src": ["real", "synthetic"],
        "mod": ["page", "table", "chart"],
    }
