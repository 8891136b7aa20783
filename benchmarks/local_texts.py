"""The texts that local models are measured on: the same for every engine, as raw text.

W1  few-shot sentiment: nine tenths of a text are the template's own
W2  yes or no to a passage: some 30 of 180 tokens are

    workbench data add movie-snippets boolq      brings the rows
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHOTS = 6
NEW_TOKENS = 16

_REVIEWS = ROOT / "prompts" / "sentiment" / "reviews.fetched.jsonl"
_QUESTIONS = ROOT / "prompts" / "boolq" / "questions.fetched.jsonl"
_BEGUN = "Decide whether a movie review is positive or negative.\n\n"
_INSTRUCTION = (
    "Read the passage below with care, and answer the question that follows it with one word, "
    "which is either yes or no.\n\nPassage: "
)


@dataclass(frozen=True)
class Work:
    """Texts to continue, or to choose the likelier of two next words for."""

    name: str
    texts: Sequence[str]
    choices: tuple[str, ...]


def load(rows: int) -> list[Work]:
    """W1 and W2 with as many rows each."""
    return [_sentiment(rows), _passages(rows)]


def _sentiment(rows: int) -> Work:
    reviews = _read(_REVIEWS)
    shots = "".join(
        f"Review: {review['text']}\nSentiment: {review['label']}\n\n" for review in reviews[-SHOTS:]
    )
    texts = [f"{_BEGUN}{shots}Review: {review['text']}\nSentiment:" for review in reviews[:rows]]
    return Work("W1", texts, (" positive", " negative"))


def _passages(rows: int) -> Work:
    texts = [
        f"{_INSTRUCTION}{row['passage']}\n\nQuestion: {row['question']}?\nAnswer:"
        for row in _read(_QUESTIONS)[:rows]
    ]
    return Work("W2", texts, (" yes", " no"))


def _read(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise SystemExit(f"{path} is missing: workbench data add movie-snippets boolq")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
