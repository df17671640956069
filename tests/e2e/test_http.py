"""The HTTP API as its clients use it; the numbers are acceptance checks of the seeds' behaviour."""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from built import built

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "build" / "python"), str(ROOT / "examples")]
PROGRAM = built("bin/datalake-server")
INGEST = "/v1/ingest/chat"


class Api:
    """One server on a lake of its own."""

    def __init__(self, lake: Path) -> None:
        from demo_server import Server

        import datalake

        self.lake = datalake.init(lake)
        self.server = Server(PROGRAM, lake)

    def call(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], Any]:
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        host = self.server.address.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=30)
        connection.request(method, path, raw, headers or {})
        answer = connection.getresponse()
        text = answer.read()
        kind = answer.headers.get("Content-Type", "")
        content = json.loads(text) if "json" in kind else text.decode()
        return answer.status, dict(answer.headers), content


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    made = Api(tmp_path_factory.mktemp("http") / "lake")
    with made.server:
        yield made


def chat(**more: object) -> dict[str, object]:
    turns = [{"content": "hi", "role": "user"}, {"content": "hello", "role": "assistant"}]
    body: dict[str, object] = {"agent_id": "m", "prompt_template": "%1", "conversation": turns}
    return body | more


def problem(api: Api, body: object) -> tuple[list[object], str]:
    status, _, answer = api.call("POST", INGEST, body)
    assert status == 422, answer
    first = answer["detail"][0]
    return first["loc"], first["type"]


def test_health_in_every_form(api: Api) -> None:  # gpt4all 1
    for path in ("/v1/health", "/v1/health/"):
        status, headers, body = api.call("GET", path)
        assert (status, body) == (200, {"status": "ok"})
        assert headers["Access-Control-Allow-Origin"] == "*"
    assert api.call("GET", "/health")[2]["status"] == "healthy"


def test_a_chat_comes_back_as_it_was_sent(api: Api) -> None:  # 3, 4, 7, 13, 38
    sent = chat(
        ingest_id="as-sent",
        source="gpt4all-chat",
        **{"network/attribution": "Ada", "chat_template": "{{x}}", "future": {"key": [1, "ä"]}},
    )
    assert api.call("POST", INGEST, sent)[::2] == (200, {"ingest_id": "as-sent"})
    status, _, record = api.call("GET", "/v1/feeds/chat/records/as-sent")
    lake = record.pop("_lake")
    assert (status, record) == (200, sent)
    assert lake["version"] == 1
    assert lake["day"] == lake["received"][:10]
    row = api.lake.sql("select * from feeds.chat where ingest_id = 'as-sent'").to_pylist()[0]
    assert (row["source"], row["attribution"], row["chat_template"]) == (
        "gpt4all-chat",
        "Ada",
        "{{x}}",
    )
    assert json.loads(row["extra"]) == {"future": {"key": [1, "ä"]}}


def test_the_server_makes_an_id_when_none_is_given(api: Api) -> None:  # 3, 13
    for body in (chat(), chat(submitter_id=None), chat(ingest_id=None)):
        status, _, answer = api.call("POST", INGEST, body)
        assert status == 200
        assert len(answer["ingest_id"]) == 36
        assert api.call("GET", f"/v1/feeds/chat/records/{answer['ingest_id']}")[0] == 200


def test_what_is_wrong_is_named(api: Api) -> None:  # 8, 9, 10, 11, 12
    body = chat()
    del body["agent_id"]
    assert problem(api, body) == (["body", "agent_id"], "value_error.missing")
    turn: dict[str, object] = {"content": "x", "rating": "meh"}
    where = ["body", "conversation", 0, "rating"]
    assert problem(api, chat(conversation=[turn])) == (where, "type_error.enum")
    assert problem(api, chat(conversation={}))[1] == "type_error.list"
    stopped = {"content": "x", "stopped": "maybe"}
    assert problem(api, chat(conversation=[stopped]))[1] == "type_error.bool"
    assert (
        api.call("POST", INGEST, chat(conversation=[turn | {"rating": None, "stopped": "true"}]))[0]
        == 200
    )
    for broken in (b"{", b'{"a":1,}', b"\xff", b""):
        assert api.call("POST", INGEST, broken)[0] == 422


@pytest.mark.parametrize("name", ["../../x", "/etc/x", "a/b", "", "a" * 10_000, "..", "a\x00b"])
def test_an_id_never_becomes_a_path(api: Api, name: str) -> None:  # 16
    before = sorted(str(p) for p in Path(api.lake.path).parent.rglob("*") if ".log" not in p.name)
    assert api.call("POST", INGEST, chat(ingest_id=name))[0] == 422
    after = sorted(str(p) for p in Path(api.lake.path).parent.rglob("*") if ".log" not in p.name)
    assert [p for p in after if p not in before and "feeds" not in p] == []


def test_the_same_chat_again_is_the_same_answer_and_another_is_refused(api: Api) -> None:  # 17
    first = chat(ingest_id="once")
    for _ in range(2):
        assert api.call("POST", INGEST, first)[::2] == (200, {"ingest_id": "once"})
    assert api.call("POST", INGEST, chat(ingest_id="once", agent_id="other"))[0] == 409
    count = api.lake.sql("select count(*) as n from feeds.chat where ingest_id = 'once'")
    assert count.to_pylist() == [{"n": 1}]


def test_a_submitter_replaces_a_growing_chat(api: Api) -> None:  # 15
    owner = {"ingest_id": "grows", "submitter_id": "s1"}
    assert api.call("POST", INGEST, chat(**owner))[0] == 200
    longer = chat(**owner, conversation=[{"content": str(i)} for i in range(3)])
    assert api.call("POST", INGEST, longer)[0] == 200
    assert api.call("GET", "/v1/feeds/chat/records/grows")[2]["_lake"]["version"] == 2
    assert api.call("POST", INGEST, chat(ingest_id="grows", submitter_id="s2"))[0] == 409
    rows = api.lake.sql("select len(conversation) as n from feeds.chat where ingest_id = 'grows'")
    assert rows.to_pylist() == [{"n": 3}]


def test_a_body_over_the_limit_is_refused_unread(api: Api) -> None:  # 19
    huge = {"Content-Length": str(10**9)}
    assert api.call("POST", INGEST, b"{}", huge)[0] == 413


def test_parallel_posts_are_all_there(api: Api) -> None:  # 23
    def post(worker: int) -> None:
        for i in range(25):
            assert api.call("POST", INGEST, chat(ingest_id=f"par-{worker}-{i}"))[0] == 200

    threads = [threading.Thread(target=post, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    query = (
        "select count(distinct ingest_id) as n from feeds.chat where starts_with(ingest_id, 'par-')"
    )
    assert api.lake.sql(query).to_pylist() == [{"n": 200}]


def test_the_api_describes_itself_offline(api: Api) -> None:  # 25
    document = api.call("GET", "/openapi.json")[2]
    assert {"/v1/ingest/chat", "/v1/health", "/process", "/jobs/{job_id}"} <= set(document["paths"])
    assert "422" in document["paths"]["/v1/ingest/chat"]["post"]["responses"]
    status, headers, page = api.call("GET", "/docs")
    assert status == 200
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "<script" not in page
    assert "/v1/ingest/chat" in page


def test_wrong_paths_and_methods(api: Api) -> None:  # 26
    assert api.call("GET", "/nothing")[0] == 404
    assert api.call("DELETE", INGEST)[::2] == (405, {"detail": "Method Not Allowed"})
    status, headers, answer = api.call("GET", "/v1/feeds/none/records/x")
    assert status == 404
    assert headers["Content-Type"] == "application/problem+json"
    assert answer["request_id"] == headers["X-Request-Id"]


def test_processing_is_a_job_with_the_seeds_answers(api: Api, tmp_path: Path) -> None:  # kdl 14, 16
    (tmp_path / "good.csv").write_text("a\n1\n")
    api.lake.upload(str(tmp_path / "good.csv"), "test", "good")
    api.lake.upload(str(tmp_path / "good.csv"), "test", "bad")
    staged = Path(api.lake.path, "staging", "pending")
    bad = next(path for path in staged.iterdir() if path.name.startswith("bad"))
    (bad / "rows.parquet").write_bytes(b"PAR1 not a table PAR1")
    assert api.call("GET", "/status")[2]["pending"] == 2
    job_id = api.call("POST", "/process")[2]["job_id"]
    deadline = time.monotonic() + 60
    while (job := api.call("GET", f"/jobs/{job_id}")[2])["status"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (job["status"], job["result"]["success"], job["result"]["failed"]) == ("completed", 1, 1)
    status = api.call("GET", "/status")[2]
    assert (status["pending"], status["processing"], status["failed"]) == (0, 0, 1)
    assert api.lake.search(["test"]).num_rows == 1
    assert any(entry["job_id"] == job_id for entry in api.call("GET", "/jobs")[2]["jobs"])
    assert api.call("DELETE", f"/jobs/{job_id}")[0] == 200
    assert api.call("GET", f"/jobs/{job_id}")[0] == 404


def test_a_second_server_on_the_lake_stands_by_and_takes_over(tmp_path: Path) -> None:
    first = Api(tmp_path / "lake")
    second = Api(tmp_path / "lake")
    with second.server:
        with first.server:
            assert first.call("POST", INGEST, chat(ingest_id="one"))[0] == 200
            status, _, answer = second.call("POST", INGEST, chat(ingest_id="two"))
            assert status == 503
            assert "held by process" in answer["detail"]
            assert second.call("GET", "/v1/health")[0] == 503
            assert second.call("GET", "/health")[0] == 200
        deadline = time.monotonic() + 30
        while second.call("POST", INGEST, chat(ingest_id="two"))[0] != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert second.call("GET", "/v1/feeds/chat/records/one")[0] == 200
        assert second.call("GET", "/v1/health")[0] == 200
