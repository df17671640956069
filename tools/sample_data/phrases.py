"""Small documents in plain words, put together from our own sentences; a function of the seed."""

# ruff: noqa: RUF001
import random

from sample_data.documents import Document

_THINGS = {
    "harbour": ["the pilot boat", "a grey ferry", "the crane", "an old tug", "the lighthouse"],
    "kitchen": ["the copper pan", "a loaf of rye", "the kettle", "a jar of plums", "the oven"],
    "garden": ["the pear tree", "a row of beans", "the compost heap", "a blackbird", "the shed"],
    "workshop": ["the lathe", "a box of screws", "the bench", "a bent chisel", "the glue pot"],
    "observatory": ["the dome", "a faint comet", "the mirror", "an old star chart", "the clock"],
    "railway": ["the night train", "a signal lamp", "the last carriage", "a porter", "the bridge"],
    "library": ["the card index", "a folded map", "the reading lamp", "a tall ladder", "the atlas"],
    "mountain": ["the narrow path", "a snow field", "the summit cross", "a guide", "the hut"],
}
_SENTENCES = [
    "In the morning {a} is the first thing you notice, and {b} is the second.",
    "Nobody could say who had moved {a} to the other side of the {place}.",
    "When the wind turns, {a} makes a sound that people mistake for {b}.",
    "There are {n} reasons to look after {a}, and most of them have to do with {b}.",
    "{A} was repaired twice last year; the bill came to {n} crowns.",
    "Visitors ask about {a} more often than about {b}, which surprises those who work here.",
    "If {a} fails, the rest of the {place} can carry on for about {n} minutes.",
    "The notebook says that {a} and {b} were bought on the same day.",
    "Please do not touch {a}, as it has to be level with {b} to be of any use.",
    "Of the {n} people who came to the {place} that day, only one remembered {a}.",
    "A child drew {a} with a blue roof, and we have kept the drawing.",
    "It is to be hoped that {a} will last as long as {b} did.",
    "What is left of {a} stands behind {b}, with a label that nobody reads.",
    "She measured {a} with a piece of string and got {n} every time.",
]
_LISTS = [
    "* clean {a}\n* count the pieces of {b}\n* lock the {place}",
    "- {a}\n- {b}\n- {n} spare parts",
    "1. Look at {a}.\n2. Write down what {b} shows.\n3. Wait {n} minutes.",
]
_OTHER_LANGUAGES = [
    "Der See ist heute ruhig. Am Ufer liegen {n} Boote, und niemand fährt hinaus.",
    "Le lac est calme ce matin. Il y a {n} barques sur la rive, et personne ne part.",
    "El lago está tranquilo. Hay {n} barcas en la orilla y nadie sale a pescar.",
    "Озеро сегодня спокойно. На берегу лежат {n} лодок, и никто не плывёт.",
    "今朝の湖は静かだ。岸には{n}そうの舟があり、誰も漕ぎ出さない。",
    "今天早上湖面很平静。岸边有{n}条船,没有人出去。",
    "Η λίμνη είναι ήρεμη σήμερα. Στην όχθη υπάρχουν {n} βάρκες.",
    "البحيرة هادئة هذا الصباح، وعلى الشاطئ {n} قوارب.",
]
_ENDINGS = ["So it was.", "More tomorrow…", "That is all we know.", "See the next page …"]


def small_documents(count: int, seed: int) -> list[Document]:
    """`count` documents of two to nine paragraphs, some with lists, emoji or another language."""
    return [_document(number, random.Random(f"{seed}:{number}")) for number in range(count)]


def _document(number: int, rng: random.Random) -> Document:
    place = rng.choice(sorted(_THINGS))
    paragraphs = [f"Notes from the {place}, page {number + 1}"]
    for _ in range(rng.randint(2, 8)):
        kind = rng.random()
        if kind < 0.12:
            paragraphs.append(_fill(rng.choice(_LISTS), place, rng))
        elif kind < 0.25:
            paragraphs.append(_fill(rng.choice(_OTHER_LANGUAGES), place, rng))
        else:
            picked = rng.sample(_SENTENCES, rng.randint(2, 5))
            paragraphs.append(" ".join(_fill(sentence, place, rng) for sentence in picked))
    if rng.random() < 0.3:
        paragraphs.append(rng.choice(_ENDINGS) + rng.choice(["", " 🌊", " 👩‍🌾🍐"]))
    return {
        "id": f"example-{number:04d}",
        "text": "\n\n".join(paragraphs),
        "source": "examples",
        "added": "2024-01-01T00:00:00.000Z",
        "created": f"2023-{1 + number % 12:02d}-{1 + number % 28:02d}T12:00:00.000Z",
        "metadata": {
            "package": "examples",
            "path": f"{place}/{number:04d}",
            "language": "en",
            "part": 0,
        },
    }


def _fill(form: str, place: str, rng: random.Random) -> str:
    first, second = rng.sample(_THINGS[place], 2)
    capital = first[0].upper() + first[1:]
    return form.format(a=first, A=capital, b=second, n=rng.randint(2, 90), place=place)
