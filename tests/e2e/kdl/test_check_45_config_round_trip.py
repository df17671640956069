"""Check 45: providers and tasks come and go by commands; one that has data stays."""

from kdl_lake import KdlLake


def test_create_list_remove(kdl: KdlLake) -> None:
    schema = kdl.path / "config" / "schema.yaml"
    before = schema.read_text()
    kdl.ok("config", "provider", "create", "acme", "--description", "scans of Acme: 'all'")
    kdl.ok("config", "task", "create", "pages", "--field", "lang=ko,en", "--field", "page")
    providers = {r["provider"]: r for r in kdl.ok_json("config", "provider", "list")}
    assert providers["acme"]["description"] == "scans of Acme: 'all'"
    tasks = {r["task"]: r for r in kdl.ok_json("config", "task", "list")}
    assert tasks["pages"]["required_fields"] == ["lang", "page"]
    assert tasks["pages"]["allowed_values"] == {"lang": ["ko", "en"]}
    assert kdl.run("config", "provider", "create", "acme").returncode == 12
    assert kdl.run("config", "task", "create", "pages").returncode == 12
    assert kdl.run("config", "provider", "remove", "none", "--yes").returncode == 11
    kdl.ok("config", "provider", "remove", "acme", "--yes")
    kdl.ok("config", "task", "remove", "pages", "--yes")
    assert schema.read_text() == before


def test_what_has_data_is_not_removed(kdl: KdlLake) -> None:
    import pyarrow as pa

    fields = {"lang": "ko", "src": "real"}
    kdl.lake.upload(pa.table({"n": [1]}), "test", "d", "ocr", "v", fields=fields)
    for thing, name in (("provider", "test"), ("task", "ocr")):  # what waits counts too
        assert kdl.run("config", thing, "remove", name, "--yes").returncode == 13
    kdl.ok("process")
    for thing, name in (("provider", "test"), ("task", "ocr")):
        done = kdl.run("config", thing, "remove", name, "--yes")
        assert done.returncode == 13
        assert "test/d/ocr" in done.stderr
