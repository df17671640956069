"""Check 29: an immutable snapshot with a manifest, downloaded by ranges and ETags."""

from __future__ import annotations

import hashlib
import json
import threading

from feed_lake import FeedLake, chat

pytest_plugins = ("feed_fixtures",)

BASE = "/v1/feeds/chat/snapshots"


def test_a_snapshot_has_a_manifest_and_is_downloaded_by_ranges(lake: FeedLake) -> None:
    for i in range(50):
        lake.post(chat(f"r{i}"))
    result = lake.snapshot(kind="raw", license="CC-BY-4.0")
    assert (result["version"], result["rows"]) == ("v1", 50)
    manifest = lake.get(f"{BASE}/raw/v1")
    assert manifest["rows"] == 50
    assert manifest["schema_version"] == 1
    assert manifest["license"] == "CC-BY-4.0"
    for file in manifest["files"]:
        path = f"{BASE}/raw/v1/files/{file['path']}"
        status, headers, whole = lake.call("GET", path)
        assert status == 200
        assert hashlib.sha256(whole).hexdigest() == file["sha256"]
        assert len(whole) == file["bytes"]
        assert headers["etag"] == f'"{file["sha256"]}"'
        parts = b""
        for first in range(0, len(whole), 1000):
            want = {"Range": f"bytes={first}-{first + 999}"}
            status, headers, part = lake.call("GET", path, headers=want)
            assert status == 206
            assert headers["content-range"].endswith(f"/{len(whole)}")
            parts += part
        assert parts == whole
        etag = {"If-None-Match": f'"{file["sha256"]}"'}
        assert lake.call("GET", path, headers=etag)[0] == 304
        past = {"Range": f"bytes={len(whole)}-"}
        assert lake.call("GET", path, headers=past)[0] == 416
    listed = lake.get(BASE)["snapshots"]
    assert [(s["kind"], s["version"], s["rows"]) for s in listed] == [("raw", "v1", 50)]


def test_a_snapshot_does_not_change_while_records_come(lake: FeedLake) -> None:
    lake.post(chat("first"))
    lake.snapshot()
    before = lake.call("GET", f"{BASE}/raw/v1")[2]
    stop = threading.Event()

    def post_on() -> None:
        i = 0
        while not stop.is_set():
            lake.post(chat(f"more-{i}"))
            i += 1

    poster = threading.Thread(target=post_on)
    poster.start()
    try:
        second = lake.snapshot()
    finally:
        stop.set()
        poster.join()
    assert second["version"] == "v2"
    assert lake.call("GET", f"{BASE}/raw/v1")[2] == before
    assert json.loads(lake.call("GET", f"{BASE}/raw/latest")[2])["version"] == "v2"


def test_wrong_requests_are_named(lake: FeedLake) -> None:
    assert lake.call("POST", BASE, {"kind": "best"})[0] == 400
    assert lake.call("POST", BASE, {"kinds": "raw"})[0] == 400
    assert lake.call("POST", BASE, {"kind": "raw", "curation": {}})[0] == 400
    assert lake.call("POST", BASE, {"kind": "curated", "curation": {"min": 1}})[0] == 400
    assert lake.call("POST", "/v1/feeds/nope/snapshots", {})[0] == 404
    assert lake.call("GET", f"{BASE}/raw/v1")[0] == 404
    lake.snapshot()
    for name in ("..%2F..%2Flake.json", "nothing", "%2e%2e"):
        assert lake.call("GET", f"{BASE}/raw/v1/files/{name}")[0] == 404, name
