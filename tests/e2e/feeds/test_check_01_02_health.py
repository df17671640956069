"""Checks 1 and 2: health with and without a slash; readiness says what is wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from door_server import door


def test_check_01_health(tmp_path: Path) -> None:
    with door(tmp_path / "lake") as server:
        for path in ("/v1/health/", "/v1/health"):
            status, headers, body = server.call("GET", path)
            assert (status, json.loads(body)) == (200, {"status": "ok"})
            assert headers["access-control-allow-origin"] == "*"


def test_check_02_not_ready_with_the_reason(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    with door(lake) as server:
        assert server.call("GET", "/v1/ready")[0] == 200
        # A file in place of the folder: root, too, cannot write there.
        shutil.rmtree(lake / "index")
        (lake / "index").write_text("")
        status, headers, body = server.call("GET", "/v1/ready")
        checks = {check["name"]: check for check in json.loads(body)["checks"]}
        assert (status, headers["retry-after"]) == (503, "5")
        assert not checks["storage"]["ready"]
        assert str(lake) in checks["storage"]["reason"]
        (lake / "index").unlink()
        (lake / "index").mkdir()
        assert server.call("GET", "/v1/ready")[0] == 200
