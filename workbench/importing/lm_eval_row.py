"""A sample of lm-evaluation-harness, in the forms that its versions write.

arguments    {"gen_args_0": {"arg_0": "Q: …", "arg_1": " yes"}, …}, or [["Q: …", " yes"], …]
arg_0        a text, or the JSON of a conversation
arg_1        of a generation its settings, of a likelihood the continuation
"""

import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.importing.column_table import ColumnTable
from workbench.importing.foreign_values import as_list

GENERATE, CHOICES, LIKELIHOOD = "generate", "choices", "likelihood"
_ROLES = {"system", "user", "assistant", "developer", "tool"}


@dataclass(frozen=True)
class LmEvalRow:
    """One document and the requests made of it.

    Attributes:
        prompt: as it was sent; empty if the sample has `messages`.
        requests: each context with its continuation or its settings.
        target: as it was recorded; of choices often an index, as text.
        likelihoods: of each choice; empty if they aren't recorded.
        responses: the answers; of a likelihood none.
        scores: the sample's metrics.
    """

    doc_id: JSON
    doc: Mapping[str, Any]
    requests: tuple[tuple[str, JSON], ...]
    target: JSON
    filter: str
    metrics: tuple[str, ...]
    messages: list[JSON]
    likelihoods: tuple[float, ...]
    responses: tuple[str, ...]
    scores: Mapping[str, Any]

    @property
    def prompt(self) -> str:
        """The text that was sent before the answer."""
        return "" if self.messages else self.requests[0][0]

    @property
    def sent_messages(self) -> list[Any]:
        """The conversation; a raw text is a message of the user."""
        return self.messages or [{"role": "user", "content": self.prompt}]

    @property
    def choices(self) -> list[str]:
        """The continuations whose likelihoods were compared."""
        texts = [text for _, text in self.requests if isinstance(text, str)]
        return texts if len(texts) > 1 else []

    @property
    def generation(self) -> dict[str, Any]:
        """The settings of a generation."""
        settings = self.requests[0][1]
        return settings if isinstance(settings, dict) else {}


@dataclass
class LmEvalSamples:
    """The samples of a file, with what is known of all of them.

    Attributes:
        name: of the file.
        table: a row for each document.
        metrics, filters: their names, in the order of the file.
        skipped: samples of a document that has a row, by reason: `filter` or `repeat`.
    """

    name: str
    kind: str
    table: ColumnTable
    rows: list[LmEvalRow] = field(default_factory=list)
    metrics: dict[str, None] = field(default_factory=dict)
    filters: dict[str, None] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)


def read_row(value: JSON, where: str) -> LmEvalRow:
    """The sample that a line holds.

    Raises:
        WorkbenchError: the line is no sample.
    """
    if not isinstance(value, dict) or not {"doc", "arguments"} <= value.keys():
        fix = "each line needs `doc` and `arguments`, as `lm_eval --log_samples` writes them"
        raise WorkbenchError("the line is no sample", where=where, fix=fix)
    doc = value["doc"] if isinstance(value["doc"], dict) else {"doc": value["doc"]}
    requests = _requests(value["arguments"])
    responses = [each for each in as_list(value.get("resps")) if isinstance(each, list)]
    first = responses[0] if responses else []
    named = value.get("metrics")
    metrics = tuple(named) if isinstance(named, list) else ()
    doc_id = value.get("doc_id")
    return LmEvalRow(
        doc_id=doc_id if isinstance(doc_id, str | int) else None,
        doc=doc,
        requests=requests,
        target=value.get("target"),
        filter=str(value.get("filter") or "none"),
        metrics=tuple(str(metric) for metric in metrics),
        messages=_messages(requests[0][0]) if requests else [],
        likelihoods=_likelihoods(value.get("filtered_resps")),
        responses=tuple(text for text in first if isinstance(text, str)),
        scores={metric: value.get(metric) for metric in map(str, metrics)},
    )


def request_kind(row: LmEvalRow) -> str:
    """The kind of the sample's requests; empty: it can't be asked here."""
    contexts = {context for context, _ in row.requests}
    if len(contexts) != 1:
        return ""
    if len(row.requests) > 1:
        return CHOICES if len(row.choices) == len(row.requests) else ""
    settings = row.requests[0][1]
    if isinstance(settings, dict):
        return GENERATE
    return LIKELIHOOD if isinstance(settings, str) and settings.strip() else ""


def _requests(arguments: JSON) -> tuple[tuple[str, JSON], ...]:
    """Each context with its second argument; those without a context, of mutual information, go."""
    if isinstance(arguments, dict):
        arguments = list(arguments.values())
    pairs: list[tuple[str, JSON]] = []
    for each in arguments if isinstance(arguments, list) else []:
        parts = list(each.values()) if isinstance(each, dict) else each
        if not isinstance(parts, list) or not parts:
            continue
        context = parts[0][0] if isinstance(parts[0], list) and parts[0] else parts[0]
        if isinstance(context, str):
            pairs.append((context, parts[1] if len(parts) > 1 else None))
    with_context = [pair for pair in pairs if pair[0].strip()]
    return tuple(with_context or pairs)


def _messages(context: str) -> list[JSON]:
    """The conversation that a context is the JSON of; empty: it is a plain text."""
    if not context.lstrip().startswith("[{"):
        return []
    with suppress(ValueError, RecursionError):
        messages = json.loads(context)
        if all(isinstance(m, dict) and m.get("role") in _ROLES for m in messages):
            return list(messages)
    return []


def _likelihoods(responses: JSON) -> tuple[float, ...]:
    numbers: list[float] = []
    for each in responses if isinstance(responses, list) else []:
        first = each[0] if isinstance(each, list) and each else each
        try:
            numbers.append(float(first))
        except (TypeError, ValueError):
            return ()
    return tuple(numbers)
