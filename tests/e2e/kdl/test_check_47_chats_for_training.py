"""Check 47: VQA, layout and KIE rows as chats, boxes in pixels of the resized picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from documents import pictures, upload
from kdl_lake import KdlLake

if TYPE_CHECKING:
    import datalake


def answer(chat: dict[str, Any]) -> Any:
    return json.loads(chat["messages"][-1]["content"])


def test_vqa_rows_as_lines(kdl: KdlLake, client: datalake.DatalakeClient, tmp_path: Path) -> None:
    from datalake import exporters

    table = pictures(2)
    twice = pa.concat_tables([table, table.slice(0, 1)])
    rows = twice.append_column("query", [["wer?", "was?", "wo?"]])
    rows = rows.append_column("label", [["einer", "größe", "hier"]])
    upload(kdl, rows, "test", "d", "vqa", "v")
    found = client.to_pandas(client.search(variants=["v"])).to_dict("records")
    assert exporters.write_chats(exporters.vqa_chats(found), tmp_path / "a.jsonl") == 3
    text = (tmp_path / "a.jsonl").read_text(encoding="utf-8")
    assert "größe" in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines[0]["messages"] == [
        {"role": "user", "content": "<image>wer?"},
        {"role": "assistant", "content": "einer"},
    ]
    assert all(Path(line["images"][0]).is_file() for line in lines)
    grouped = list(exporters.vqa_chats(found, by_image=True))
    assert [len(chat["messages"]) for chat in grouped] == [4, 2]
    contents = [turn["content"] for turn in grouped[0]["messages"]]
    assert contents == ["<image>wer?", "einer", "wo?", "hier"]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1000, 700), (1008, 700)),
        ((28, 28), (56, 56)),
        ((10, 1000), (28, 1008)),
        ((20000, 20000), (3556, 3556)),
    ],
)
def test_sizes_are_multiples_of_28(size: tuple[int, int], expected: tuple[int, int]) -> None:
    from datalake import exporters

    assert exporters.resized(*size) == expected


def test_layout_boxes_are_scaled_and_ordered() -> None:
    from datalake import exporters

    elements = [
        {"idx": 1, "type": "Table", "value": "", "bbox": [0.5, 0.5, 1, 1]},
        {"idx": 0, "type": "title", "value": "x", "bbox": [0, 0, 0.5, 0.1]},
        {"idx": 2, "type": "Figure", "value": "", "bbox": [0.25, 0, 0.5, 1]},
    ]
    row = {"path": "a.png", "width": 1000, "height": 700, "label": {"elements": elements}}
    (chat,) = exporters.layout_chats([row])
    assert answer(chat) == [
        {"type": "plain_text", "bbox": [0, 0, 504, 70]},
        {"type": "table", "bbox": [504, 350, 1008, 700]},
        {"type": "image", "bbox": [252, 0, 504, 700]},
    ]
    ordered = row | {"label": json.dumps({"elements": elements, "reading_order": True})}
    (other,) = exporters.layout_chats([ordered])
    assert other["messages"][0] != chat["messages"][0]


def test_kie_forms_are_blank_in_the_question() -> None:
    from datalake import exporters

    def leaf(value: str | None) -> dict[str, Any]:
        return {"<|value|>": value, "<|bbox|>": [0.0, 0.5, 0.5, 1.0]}

    label = {"name": leaf("Kim"), "items": [{"a": leaf("1")}, {"a": leaf("2")}], "none": leaf(None)}
    row = {"path": "a.png", "width": 1000, "height": 700, "label": label}
    (chat,) = exporters.kie_chats([row])
    question = chat["messages"][0]["content"]
    assert question.startswith("<image>")
    blank = {"<|value|>": "", "<|bbox|>": []}
    assert json.loads(question[question.index("{") :]) == {
        "name": blank,
        "items": [{"a": blank}],
        "none": blank,
    }
    filled = [{"<|value|>": value, "<|bbox|>": [0, 350, 504, 700]} for value in ("Kim", "1", "2")]
    assert answer(chat) == {"name": filled[0], "items": [{"a": filled[1]}, {"a": filled[2]}]}
