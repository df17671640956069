"""Check 20: a page's preflight is answered, never with credentials for every origin."""

from __future__ import annotations

from pathlib import Path

from door_server import CHAT, door

INGEST = "/v1/ingest/chat"
PREFLIGHT = {
    "Origin": "https://any.example",
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type",
}


def test_check_20_preflight_of_any_origin_where_it_is_allowed(tmp_path: Path) -> None:
    with door(tmp_path / "lake", "--cors-origin", "*") as server:
        status, headers, _ = server.call("OPTIONS", INGEST, headers=PREFLIGHT)
        assert status == 204
        assert headers["access-control-allow-origin"] == "*"
        assert "POST" in headers["access-control-allow-methods"]
        assert "content-type" in headers["access-control-allow-headers"].lower()
        assert headers["access-control-max-age"] == "600"
        assert "access-control-allow-credentials" not in headers
        status, headers, _ = server.call("POST", INGEST, CHAT, {"Origin": "https://any.example"})
        assert (status, headers["access-control-allow-origin"]) == (200, "*")


def test_check_20_closed_unless_it_is_allowed(tmp_path: Path) -> None:
    with door(tmp_path / "lake") as server:
        status, headers, _ = server.call("OPTIONS", INGEST, headers=PREFLIGHT)
        assert status == 403
        assert "access-control-allow-origin" not in headers
        assert server.call("POST", INGEST, CHAT, {"Origin": "https://any.example"})[0] == 403
