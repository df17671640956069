"""Checks 25 and 26: the API describes itself offline; the seed's words for what it has not."""

from __future__ import annotations

import re
from pathlib import Path

from door_server import door


def test_check_25_pages_work_offline_under_a_strict_policy(tmp_path: Path) -> None:
    with door(tmp_path / "lake") as server:
        for path in ("/docs", "/redoc"):
            status, headers, page = server.call("GET", path)
            assert status == 200
            assert headers["content-security-policy"].startswith("default-src 'none'")
            assert "/v1/ingest/chat" in page
            assert "/v1/health" in page
            assert re.findall(r"<script|https?://", page) == []


def test_check_25_every_status_is_described(tmp_path: Path) -> None:
    with door(tmp_path / "lake") as server:
        document = server.json("GET", "/openapi.json")
        assert document["openapi"] == "3.1.0"
        ingest = document["paths"]["/v1/ingest/chat"]["post"]["responses"]
        assert {"200", "401", "413", "422", "429"} <= set(ingest)
        assert "/v1/health" in document["paths"]
        operations = set()
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                operations.add(operation["operationId"])
                answers = operation["responses"]
                assert "default" not in answers
                assert any(status.startswith("2") for status in answers), (path, method)
                for status, answer in answers.items():
                    assert answer["description"]
                    assert "content" in answer or status in ("204", "304"), (path, status)
        assert len(operations) == sum(len(methods) for methods in document["paths"].values())


def test_check_26_wrong_path_and_method(tmp_path: Path) -> None:
    with door(tmp_path / "lake") as server:
        status, _, body = server.call("GET", "/v1/ingest/nothing")
        assert (status, body) == (404, '{"detail":"Not Found"}')
        status, headers, body = server.call("DELETE", "/v1/ingest/chat")
        assert (status, body) == (405, '{"detail":"Method Not Allowed"}')
        assert headers["allow"] == "POST"
