"""Conversations made from documents, as the GPT4All desktop client sends them.

A body holds `conversation`, `source`, `agent_id` (a model file name), `submitter_id` (a UUID kept
per installation), `ingest_id` (the chat's id), `prompt_template` or, from newer clients,
`chat_template`, and `network/attribution` if its owner gave a name. A turn holds `content`, `role`
and, where it applies, `rating`, `edited_content` and `stopped`, the string "true".
"""

import random
import re
import uuid
from collections.abc import Iterable, Iterator

from sample_data.documents import Document

Chat = dict[str, object]
Turn = dict[str, str]

MAX_TURN_CHARS = 900
_SUBMITTERS_SHARE = 0.1  # installations per chat
_CHAT_TEMPLATE_SHARE, _ATTRIBUTION_SHARE = 0.2, 0.15
_RATED_SHARE, _NEGATIVE_SHARE, _EDITED_SHARE, _STOPPED_SHARE = 0.4, 0.35, 0.6, 0.05
_MODELS = [
    ("Meta-Llama-3-8B-Instruct.Q4_0.gguf", "### User:\n%1\n\n### Assistant:\n%2\n"),
    ("mistral-7b-openorca.gguf2.Q4_0.gguf", "<|im_start|>user\n%1<|im_end|>\n%2<|im_end|>\n"),
    ("gpt4all-falcon-newbpe-q4_0.gguf", "### Instruction:\n%1\n\n### Response:\n"),
    ("orca-mini-3b-gguf2-q4_0.gguf", "### User:\n%1\n### Response:\n"),
]
_CHAT_TEMPLATE = "{%- for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{%- endfor %}"
_QUESTIONS = [
    "What does this mean: {}",
    "Can you explain {} to me?",
    "Please tell me about {}",
    "I read \u201c{}\u201d. What comes next?",
    "{}?",
    "Summarise this in a few sentences:\n{}",
]
_NAMES = ["Ada", "Bo", "Chiara", "Dmitri", "Eun-ji", "Fátima", "Goro", "Hòa", "Ingrid", "João"]
_PARAGRAPHS = re.compile(r"\n\s*\n|\n(?=\S)")


def chats_from(documents: Iterable[Document], count: int, seed: int) -> Iterator[Chat]:
    """The first `count` chats, one to three per document that has enough paragraphs."""
    made = 0
    submitters = max(1, round(count * _SUBMITTERS_SHARE))
    for document in documents:
        rng = random.Random(f"{seed}:{document['id']}")
        paragraphs = [part.strip() for part in _PARAGRAPHS.split(document["text"])]
        paragraphs = [part for part in paragraphs if len(part) >= 20]
        for _ in range(min(3, len(paragraphs) // 4)):
            if made == count:
                return
            yield _chat(paragraphs, rng, rng.randrange(submitters), f"{seed}")
            made += 1
    if made < count:
        raise ValueError(f"the documents give only {made} chats, {count} asked for")


def _chat(paragraphs: list[str], rng: random.Random, submitter: int, seed: str) -> Chat:
    model, template = rng.choice(_MODELS)
    owner = random.Random(f"{seed}:submitter:{submitter}")
    start = rng.randrange(len(paragraphs) - 1)
    turns: list[Turn] = []
    for _ in range(rng.choice([1, 1, 2, 2, 3, 5])):
        topic, answer = paragraphs[start], paragraphs[start + 1]
        question = rng.choice(_QUESTIONS).format(topic[:160].rstrip(".:;, "))
        turns += [{"content": question, "role": "user"}, _answer(answer, rng)]
        start = (start + 1) % (len(paragraphs) - 1)
    chat: Chat = {
        "source": "gpt4all-chat",
        "submitter_id": str(uuid.UUID(int=owner.getrandbits(128), version=4)),
        "agent_id": model,
        "ingest_id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "conversation": turns,
    }
    if rng.random() < _CHAT_TEMPLATE_SHARE:
        chat["chat_template"] = _CHAT_TEMPLATE
    chat["prompt_template"] = template
    if owner.random() < _ATTRIBUTION_SHARE:
        chat["network/attribution"] = owner.choice(_NAMES)
    return chat


def _answer(text: str, rng: random.Random) -> Turn:
    turn = {"content": text[:MAX_TURN_CHARS], "role": "assistant"}
    if rng.random() < _RATED_SHARE:
        negative = rng.random() < _NEGATIVE_SHARE
        turn["rating"] = "negative" if negative else "positive"
        if negative and rng.random() < _EDITED_SHARE:
            turn["edited_content"] = f"{text[: MAX_TURN_CHARS // 2].strip()} (corrected)"
    if rng.random() < _STOPPED_SHARE:
        turn["stopped"] = "true"
    return turn
