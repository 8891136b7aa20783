"""Recorded answers: real replies of real models to the prompts of the starters.

answers/<model>.jsonl has a line per answer:

{"request": "5f0c…", "text": "billing", "input_tokens": 61, "output_tokens": 2, "latency_s": 0.31}
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib.resources import files
from pathlib import Path

from workbench.canonical import JSON, digest

FOLDER = "answers"
SUFFIX = ".jsonl"


@dataclass(frozen=True)
class RecordedAnswer:
    """An answer as the model gave it.

    Attributes:
        request: the digest of what was sent: `request_digest`.
        state: `ok` or `truncated`.
        latency_s: seconds on the machine that recorded it; a batch's share of a row.
        choice_method: how choices were answered, as `loglikelihood`; empty without choices.
        choice_scores, choice_tokens: log-likelihood and tokens of each choice; None without.
    """

    request: str
    text: str
    state: str = "ok"
    finish_reason: str = "stop"
    input_tokens: int | None = None
    output_tokens: int | None = None
    latency_s: float | None = None
    choice_method: str = ""
    choice_scores: Mapping[str, float] | None = None
    choice_tokens: Mapping[str, int] | None = None

    def as_line(self) -> str:
        """The answer as a line of JSON, without what it has by default."""
        values = asdict(self)
        defaults = {each.name: each.default for each in fields(self)}
        shown = {name: value for name, value in values.items() if value != defaults[name]}
        return json.dumps(shown, ensure_ascii=False)


def request_digest(body: Mapping[str, JSON]) -> str:
    """The digest of a conversation with its parameters, tools and choices."""
    return digest(dict(body))


def list_recordings() -> list[str]:
    """The models with recorded answers, by name."""
    names = (entry.name for entry in files(__package__).joinpath(FOLDER).iterdir())
    return sorted(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))


@cache
def read_recordings(model: str) -> Mapping[str, RecordedAnswer]:
    """The recorded answers of a model of `list_recordings`, by the digests of their requests."""
    file = files(__package__).joinpath(FOLDER, f"{model}{SUFFIX}")
    return {
        each.request: each for each in read_lines(file.read_text(encoding="utf-8").splitlines())
    }


def write_recordings(file: Path, answers: Iterable[RecordedAnswer]) -> None:
    """Write a model's answers, ordered by request, so that two recordings can be compared."""
    lines = [each.as_line() for each in sorted(answers, key=lambda each: each.request)]
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def read_lines(lines: Iterable[str]) -> Iterator[RecordedAnswer]:
    """Read recorded answers, one of each line."""
    for line in lines:
        yield RecordedAnswer(**json.loads(line))
