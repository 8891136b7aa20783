"""Completions, requests and scores as the JSON that the store holds, and the keys of scores.

{"state": "ok", "text": "Paris", "usage": {"input_tokens": 12, "output_tokens": 1}, …}
{"error": "", "label": "", "parsed": "Paris", "reason": "", "value": true}
"""

import dataclasses
import json
from functools import lru_cache
from hashlib import sha256

from workbench.canonical import JSON, canonical_json
from workbench.evaluator import Evaluator, Score
from workbench.model import Completion, Request, Usage

# Fields of a completion that are not in its JSON, and those of its usage that always are.
UNSTORED = ("key", "stored", "reasoning", "tool_calls")
COUNTS = ("input_tokens", "output_tokens")
DEFAULTS = {f.name: f.default for f in dataclasses.fields(Completion)}
FIELDS = tuple(name for name in DEFAULTS if name not in UNSTORED)


def score_key(evaluator: Evaluator, arguments: str) -> str:
    """The key of a score: the evaluator with its settings, and every argument that it declares.

    `arguments` is their canonical JSON.
    """
    text = f"[{canonical_json(evaluator.digest)},{arguments}]"  # of the list, as `digest` hashes it
    return sha256(text.encode("ascii")).hexdigest()


def completion_json(completion: Completion) -> dict[str, JSON]:
    """The fields of a completion that an evaluator can see, as JSON."""
    fields: dict[str, JSON] = {name: getattr(completion, name) for name in FIELDS}
    usage = vars(completion.usage)
    fields["usage"] = {name: usage[name] for name in usage if name in COUNTS or usage[name]}
    if completion.choice_scores is not None:
        fields["choice_scores"] = dict(completion.choice_scores)
    if completion.reasoning:  # of a completion that was read
        fields["reasoning"] = completion.reasoning
    if completion.tool_calls:
        fields["tool_calls"] = list(completion.tool_calls)
    if fields["choice_tokens"] is None:  # the keys of scores are older than this field
        del fields["choice_tokens"]
    return fields


def request_json(request: Request) -> str:
    """The fields of a request's key and its `body`, as JSON."""
    return canonical_json({**request.key_fields, "body": request.text})


def parse_request(key: str, text: str) -> Request:
    """The request of a stored JSON text; its prefill is not in it."""
    fields = json.loads(text)
    body = fields.pop("body")
    return Request(key, body, key_fields=fields)


def parse_completion(key: str, text: str) -> Completion:
    """The completion of a stored JSON text."""
    fields = json.loads(text)
    fields |= {"key": key, "usage": _read_usage(**fields["usage"]), "stored": True}
    if "state" not in fields or not fields.keys() <= DEFAULTS.keys():
        return Completion(**fields)  # raises the error
    completion = object.__new__(Completion)  # a frozen class sets its fields one by one, slowly
    vars(completion).update(DEFAULTS, **fields)
    return completion


@lru_cache(maxsize=10_000, typed=True)
def _read_usage(**tokens: int | None) -> Usage:
    return Usage(**tokens)


def parse_score(key: str, text: str) -> Score:  # noqa: ARG001  as parse_completion
    """The score of a stored JSON text."""
    return _read_score(text)


@lru_cache(maxsize=1_000)
def _read_score(text: str) -> Score:
    """The score of a text; those without a reason are often equal."""
    return Score(**json.loads(text))
