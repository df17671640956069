"""Checks 3, 4, 7 to 13: what POST /v1/ingest/chat takes, keeps and refuses."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from feed_lake import FeedLake

pytest_plugins = ("feed_fixtures",)

INGEST = "/v1/ingest/chat"
TURNS: list[dict[str, Any]] = [
    {"content": "hi", "role": "user"},
    {
        "content": "hello",
        "role": "assistant",
        "rating": "negative",
        "stopped": False,
        "edited_content": "hello!",
    },
]
FULL: dict[str, Any] = {
    "source": "web",
    "submitter_id": "s1",
    "agent_id": "m.gguf",
    "prompt_template": "%1",
    "conversation": TURNS,
}


def problems(lake: FeedLake, body: object) -> list[dict[str, Any]]:
    status, _, content = lake.call("POST", INGEST, body)
    assert status == 422, content
    detail: list[dict[str, Any]] = json.loads(content)["detail"]
    return detail


def stored(lake: FeedLake, ingest_id: str) -> Any:
    return lake.get(f"/v1/feeds/chat/records/{ingest_id}")


def row(lake: FeedLake, ingest_id: str, columns: str) -> Any:
    found = lake.sql(f"select {columns} from feeds.chat where ingest_id = '{ingest_id}'")
    assert len(found) == 1
    return found[0]


def test_03_full_conversation_gets_a_uuid4(lake: FeedLake) -> None:
    assert uuid.UUID(lake.post(FULL)).version == 4


def test_04_bare_turns_get_their_defaults(lake: FeedLake) -> None:
    ingest_id = lake.post(FULL | {"conversation": [{"content": "only this"}]})
    assert row(lake, ingest_id, "conversation")["conversation"] == [
        {
            "turn": 0,
            "content": "only this",
            "role": None,
            "rating": None,
            "stopped": False,
            "edited_content": None,
        }
    ]


def test_07_source_attribution_template_and_unknown_fields_are_kept(lake: FeedLake) -> None:
    more = {"network/attribution": "Ada", "chat_template": "{{x}}", "mood": {"deep": [1]}}
    ingest_id = lake.post(FULL | more)
    record = stored(lake, ingest_id)
    assert {key: record[key] for key in more} == more
    assert record["source"] == "web"
    found = row(lake, ingest_id, "source, attribution, chat_template, extra")
    assert found["attribution"] == "Ada"
    assert found["source"] == "web"
    assert found["chat_template"] == "{{x}}"
    assert json.loads(found["extra"]) == {"mood": {"deep": [1]}}


@pytest.mark.parametrize("field", ["agent_id", "conversation"])
def test_08_missing_fields_are_named(lake: FeedLake, field: str) -> None:
    body = {key: value for key, value in FULL.items() if key != field}
    found = problems(lake, body)
    assert {"loc": ["body", field], "msg": "field required", "type": "value_error.missing"} in found


def test_08_chat_template_stands_in_for_prompt_template(lake: FeedLake) -> None:
    body = {key: value for key, value in FULL.items() if key != "prompt_template"}
    assert problems(lake, body)[0]["loc"] == ["body", "prompt_template"]
    lake.post(body | {"chat_template": "{{x}}"})


def test_09_unknown_rating_names_the_permitted_ones_and_the_turn(lake: FeedLake) -> None:
    turns = [TURNS[0], TURNS[1] | {"rating": "meh"}]
    (problem,) = problems(lake, FULL | {"conversation": turns})
    assert problem["loc"] == ["body", "conversation", 1, "rating"]
    assert problem["type"] == "type_error.enum"
    assert problem["ctx"]["enum_values"] == ["positive", "negative"]


def test_10_stopped_may_be_a_word(lake: FeedLake) -> None:
    turn = TURNS[1] | {"stopped": "true"}
    ingest_id = lake.post(FULL | {"conversation": [turn]})
    assert row(lake, ingest_id, "conversation")["conversation"][0]["stopped"] is True
    (problem,) = problems(lake, FULL | {"conversation": [turn | {"stopped": "maybe"}]})
    assert problem["type"] == "type_error.bool"


@pytest.mark.parametrize("conversation", [{"a": []}, "hi"])
def test_11_conversation_must_be_a_list(lake: FeedLake, conversation: object) -> None:
    (problem,) = problems(lake, FULL | {"conversation": conversation})
    assert problem["msg"] == "value is not a valid list"


@pytest.mark.parametrize(
    "text", ['{"agent_id":', '{"agent_id":"a",}', "", "nope", '{"a":"\\ud800"}', "[" * 2000, "\0"]
)
def test_12_broken_json_is_told_with_its_place(lake: FeedLake, text: str) -> None:
    (problem,) = problems(lake, text.encode())
    assert problem["type"] == "value_error.jsondecode"
    assert "byte" in problem["msg"] or "deep" in problem["msg"], problem


@pytest.mark.parametrize("submitter", [{}, {"submitter_id": None}, {"submitter_id": ""}])
def test_13_no_submitter_is_anonymous(lake: FeedLake, submitter: dict[str, object]) -> None:
    body = {key: value for key, value in FULL.items() if key != "submitter_id"}
    ingest_id = lake.post(body | submitter)
    assert not row(lake, ingest_id, "submitter_id")["submitter_id"]
