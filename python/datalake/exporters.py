"""Rows as chats for training vision models: JSON lines of ``messages`` and ``images``.

One line a row, or one a picture with all of its questions: ``messages`` alternates user and
assistant, ``images`` lists file paths, and the first user turns begin with ``<image>``, once for
each picture (the chat format of ms-swift). Boxes in rows are shares of the picture, 0 to 1; in
chats they are pixels of the size to which the model resizes it.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from datalake.errors import AlreadyExistsError, InvalidArgumentError

PATCH = 28
"""Sides of resized pictures are multiples of this (Qwen2-VL, github.com/QwenLM/Qwen2-VL)."""
MIN_PIXELS = 4 * PATCH * PATCH
MAX_PIXELS = 16384 * PATCH * PATCH
MAX_ASPECT = 200

VALUE, BOX = "<|value|>", "<|bbox|>"

LAYOUT_PROMPT = "Find every element of the page and give its type and box as JSON."
ORDERED_LAYOUT_PROMPT = (
    "Find every element of the page and give its type and box as JSON, in reading order."
)
KIE_PROMPT = "Fill this form from the picture and answer as JSON:"

_IMAGE_WORDS = (
    *("image", "picture", "figure", "chart", "photo", "graph", "diagram", "logo", "stamp"),
    *("seal", "signature", "barcode", "qrcode", "qr_code", "icon", "map", "drawing"),
)

Chat = dict[str, Any]
Row = Mapping[str, Any]


def resized(width: int, height: int) -> tuple[int, int]:
    """The size to which the model resizes a picture: multiples of 28, about the same shape.

    Raises InvalidArgumentError for a picture without pixels, or with a side over 200 times the
    other.
    """
    if width < 1 or height < 1 or max(width, height) > MAX_ASPECT * min(width, height):
        raise InvalidArgumentError(f"a picture of this shape cannot be resized: {width} x {height}")
    sides = [max(PATCH, round(side / PATCH) * PATCH) for side in (width, height)]
    pixels = sides[0] * sides[1]
    if pixels > MAX_PIXELS:
        shrink = math.sqrt(width * height / MAX_PIXELS)
        sides = [max(PATCH, math.floor(side / shrink / PATCH) * PATCH) for side in (width, height)]
    elif pixels < MIN_PIXELS:
        grow = math.sqrt(MIN_PIXELS / (width * height))
        sides = [math.ceil(side * grow / PATCH) * PATCH for side in (width, height)]
    return sides[0], sides[1]


def scaled(box: Sequence[float], width: int, height: int) -> list[int]:
    """A box of shares, x and y alternating, in pixels of the resized picture."""
    sides = resized(width, height)
    return [round(share * sides[i % 2]) for i, share in enumerate(box)]


def element_kind(name: str) -> str:
    """The kind of a layout element for training: plain_text, table or image."""
    folded = name.lower()
    if "caption" in folded or "title" in folded:
        return "plain_text"
    if "table" in folded:
        return "table"
    return "image" if any(word in folded for word in _IMAGE_WORDS) else "plain_text"


def vqa_chats(rows: Iterable[Row], *, by_image: bool = False) -> Iterator[Chat]:
    """Questions (``query``) and answers (``label``); `by_image` joins those of one ``path``.

    Joined chats come in the order of the first row of each picture.
    """
    if not by_image:
        for row in rows:
            yield _chat([(_text(row, "query"), _text(row, "label"))], [_text(row, "path")])
        return
    turns: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        turns.setdefault(_text(row, "path"), []).append((_text(row, "query"), _text(row, "label")))
    for path, asked in turns.items():
        yield _chat(asked, [path])


def layout_chats(rows: Iterable[Row]) -> Iterator[Chat]:
    """Elements of pages: the answer lists type and box of each, by ``idx``.

    ``label`` is JSON: ``elements`` of idx, type, bbox; with ``reading_order`` the question asks
    for the order too. Rows need width, height and path.
    """
    for row in rows:
        label = _json(row, "label")
        elements = sorted(label.get("elements", []), key=lambda element: element["idx"])
        answer = [
            {
                "type": element_kind(element["type"]),
                "bbox": scaled(element["bbox"], row["width"], row["height"]),
            }
            for element in elements
        ]
        prompt = ORDERED_LAYOUT_PROMPT if label.get("reading_order") else LAYOUT_PROMPT
        yield _chat([(prompt, _dump(answer))], [_text(row, "path")])


def kie_chats(rows: Iterable[Row]) -> Iterator[Chat]:
    """Forms: the question shows the blank form, the answer fills it, boxes in pixels.

    ``label`` is JSON, nested as the form is; its leaves have ``<|value|>`` and ``<|bbox|>``. Lists
    are cut to one item in the question, empty values are left out of the answer.
    """
    for row in rows:
        label = _json(row, "label")
        question = f"{KIE_PROMPT} {_dump(_blank(label))}"
        answer = _filled(label, row["width"], row["height"])
        yield _chat([(question, _dump({} if answer is None else answer))], [_text(row, "path")])


def write_chats(chats: Iterable[Chat], path: str | os.PathLike[str]) -> int:
    """Writes chats to a new file of JSON lines, whole or not at all; returns their number.

    Raises AlreadyExistsError when the file is there.
    """
    target = Path(path)
    if target.exists():
        raise AlreadyExistsError(f"something is there already, give a new name: {target}")
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    count = 0
    try:
        with temporary.open("x", encoding="utf-8") as file:
            for chat in chats:
                file.write(_dump(chat) + "\n")
                count += 1
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return count


def _chat(turns: Sequence[tuple[str, str]], images: Sequence[str]) -> Chat:
    messages = []
    for i, (question, answer) in enumerate(turns):
        content = f"<image>{question}" if i < len(images) else question
        messages.append({"role": "user", "content": content})
        messages.append({"role": "assistant", "content": answer})
    return {"messages": messages, "images": list(images)}


def _text(row: Row, column: str) -> str:
    value = row.get(column)
    if value is None:
        raise InvalidArgumentError(f"a row has no {column}")
    return value if isinstance(value, str) else _dump(value)


def _json(row: Row, column: str) -> dict[str, Any]:
    value = row.get(column)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise InvalidArgumentError(f"{column} is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidArgumentError(f"{column} must be an object, not {type(value).__name__}")
    return value


def _is_leaf(value: object) -> bool:
    return isinstance(value, dict) and (VALUE in value or BOX in value)


def _blank(label: Any) -> Any:
    if _is_leaf(label):
        return {VALUE: "", BOX: []} if BOX in label else {VALUE: ""}
    if isinstance(label, dict):
        return {key: _blank(value) for key, value in label.items()}
    if isinstance(label, list):
        return [_blank(value) for value in label[:1]]
    return ""


def _filled(label: Any, width: int, height: int) -> Any:
    """The label with boxes in pixels; None where nothing is left."""
    if _is_leaf(label):
        if label.get(VALUE) is None:
            return None
        box = label.get(BOX)
        return {VALUE: label[VALUE]} | ({BOX: scaled(box, width, height)} if box else {})
    if isinstance(label, dict):
        members = {key: _filled(value, width, height) for key, value in label.items()}
        kept = {key: value for key, value in members.items() if value is not None}
        return kept or None
    if isinstance(label, list):
        items = [_filled(value, width, height) for value in label]
        return [item for item in items if item is not None] or None
    return label


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
