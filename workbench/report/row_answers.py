"""One row with the answers of all variants, as lines of a terminal and as JSON.

read_row(plan, store, "r1")     ShownAnswers(number=2, answers=[AnswerOfVariant("short", …)], …)
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from workbench.canonical import JSON
from workbench.dataset import Example
from workbench.errors import pluralize
from workbench.evaluator import Evaluator, Score
from workbench.model import Completion
from workbench.model.sent_messages import SentMessage, sent_messages
from workbench.plan import Plan
from workbench.report.safe_text import NAME_WIDTH, escape_commands, seconds, shorten
from workbench.results.types import Row
from workbench.run.single_row import find_row
from workbench.scoring.answer_reader import AnswerReader
from workbench.scoring.scored_rows import ScoredRows
from workbench.store import Store

MAX_TEXT = 4_000  # characters of a text; --json has all of it
MAX_THOUGHTS = 200  # characters; --json has all
NOT_STORED = "not answered yet: workbench run asks for it"
NOT_SCORED = "not scored yet"
UNKEPT = "not kept (cache: false): each workbench run computes it anew"
UNANSWERABLE = "not answered: the model has no answer to this prompt with this row"


@dataclass(frozen=True)
class AnswerOfVariant:
    """The answer of a variant to a row.

    Attributes:
        repeat: from 1; 0: the experiment has no repeats.
        prompt: the messages as sent.
        row: None: the answer is not stored.
        is_answerable: False if the model can't answer it, as one of recorded answers.
    """

    variant: str
    repeat: int
    prompt: Sequence[SentMessage]
    row: Row | None
    is_answerable: bool = True


@dataclass(frozen=True)
class ShownAnswers:
    """A row with the answers of all variants.

    Attributes:
        number: from 1, in the dataset's order, as on the comparison page.
        metrics: names of the evaluators with a score of each row.
        unkept: those whose scores are not stored.
    """

    number: int
    example: Example
    metrics: Sequence[str]
    unkept: Collection[str]
    answers: Sequence[AnswerOfVariant]


def read_row(plan: Plan, store: Store, name: str) -> ShownAnswers:
    """The answers to a row, named by its id or its number from 1.

    Raises:
        WorkbenchError: there is no such row.
    """
    number = find_row(plan.examples, name)
    repeats = plan.experiment.repeats
    numbers = range(number * repeats, (number + 1) * repeats)
    scored = ScoredRows(plan, store, AnswerReader(plan, store), [])
    unkept = _unkept(plan.experiment.evaluators)
    answers = []
    for variant, cells in enumerate(plan.cells):
        rows = dict(scored.numbered(variant, numbers))
        for repeat, place in enumerate(numbers, 1 if repeats > 1 else 0):
            key, variant_name = cells[place].key, plan.variants[variant].name
            prompt, row = sent_messages(plan.bodies[key].body), rows.get(place)
            if row:
                scores = {name: s for name, s in row.scores.items() if name not in unkept}
                row = replace(row, scores=scores)
            is_answerable = key not in plan.withdrawn
            answers.append(AnswerOfVariant(variant_name, repeat, prompt, row, is_answerable))
    metrics = [e.name for e in plan.experiment.evaluators if not e.traits.by_column]
    return ShownAnswers(number + 1, plan.examples[number], metrics, unkept, answers)


def _unkept(evaluators: Sequence[Evaluator]) -> set[str]:
    """Names of those whose scores are not stored, and of the scores that are made of them."""
    names = {e.name for e in evaluators if not e.traits.cache}
    combined = {
        e.name: {part.name for part in e.combination.parts} for e in evaluators if e.combination
    }
    while more := {n for n, parts in combined.items() if parts & names} - names:
        names |= more
    return names


def row_lines(shown: ShownAnswers, *, prompts: bool) -> Iterator[str]:
    """The row, and the answers with their scores; `prompts`: also the messages as sent."""
    yield from data_lines(shown.number, shown.example)
    for answer in shown.answers:
        yield ""
        yield from _answer_lines(shown, answer, prompts=prompts)


def data_lines(number: int, example: Example) -> Iterator[str]:
    """The number of a row and its values."""
    yield f"row {number:,}, {shorten(example.id)}"
    columns = {**example.inputs, **example.expectations, **example.metadata}
    width = max(map(len, columns), default=0)
    for name, value in columns.items():
        yield from _indented(f"{shorten(name):{width}}  ", _value_text(value))


def message_lines(messages: Sequence[SentMessage]) -> Iterator[str]:
    """The messages as sent."""
    for message in messages:
        yield from _indented(f"  {message.role or 'text'}: ", message.text)


def row_json(shown: ShownAnswers) -> dict[str, JSON]:
    """The same as one object, with the prompts and the texts as they are."""
    example = shown.example
    return {
        "row": example.id,
        "number": shown.number,
        "inputs": dict(example.inputs),
        "expectations": dict(example.expectations),
        "metadata": dict(example.metadata),
        "answers": [answer_json(answer) for answer in shown.answers],
    }


def _answer_lines(shown: ShownAnswers, answer: AnswerOfVariant, *, prompts: bool) -> Iterator[str]:
    repeat = f", repeat {answer.repeat}" if answer.repeat else ""
    title = shorten(answer.variant, NAME_WIDTH) + repeat
    completion = answer.row.completion if answer.row else None
    yield title if completion is None else f"{title} · {facts(completion)}"
    if prompts:
        yield from message_lines(answer.prompt)
    if answer.row is None or completion is None:
        yield f"  {NOT_STORED if answer.is_answerable else UNANSWERABLE}"
        return
    yield from output_lines(completion)
    yield from score_lines(answer.row, shown.metrics, shown.unkept)


def score_lines(row: Row, metrics: Sequence[str], unkept: Collection[str] = ()) -> Iterator[str]:
    """The score of each metric with its reason; none of an answer that can't be scored."""
    width = max(map(len, metrics), default=0)
    for name in metrics if row.scored else ():
        score = row.scores.get(name)
        text = UNKEPT if score is None and name in unkept else score_text(score)
        yield from _indented(f"  {shorten(name):{width}}  ", text)


def output_lines(completion: Completion) -> Iterator[str]:
    """The beginning of the thoughts, the text, the tool calls, and the error in place of these."""
    if completion.reasoning:
        yield f"  thoughts: {shorten(completion.reasoning, MAX_THOUGHTS)}"
    if completion.text:
        yield from _indented("  → ", completion.text)
    for call in completion.tool_calls:
        function = call.get("function") if isinstance(call, dict) else None
        named = function if isinstance(function, dict) else {}
        name, arguments = named.get("name") or "tool", named.get("arguments") or call
        yield from _indented("  → ", f"{name}({_value_text(arguments)})")
    if completion.error:
        yield f"  {shorten(completion.error, 200)}"
    elif not (completion.text or completion.tool_calls):
        yield "  → (an empty answer)"


def facts(completion: Completion) -> str:
    """State, tokens and time of an answer on one line."""
    usage = completion.usage
    parts: list[str] = [completion.state]
    if usage.input_tokens is not None:
        out = "?" if usage.output_tokens is None else f"{usage.output_tokens:,}"
        parts.append(f"{pluralize(usage.input_tokens, 'token')} in, {out} out")
    if completion.latency_s is not None:
        parts.append(seconds(completion.latency_s))
    return " · ".join(parts)


def score_text(score: Score | None) -> str:
    """`true`, `0.5 (why)`, `unparsed`, or why there is no score."""
    if score is None:
        return NOT_SCORED
    if score.error:
        return f"error: {score.error}"
    if score.value is None:
        return f"no score{f' ({score.reason})' if score.reason else ''}"
    value = score.value
    text = str(value).lower() if isinstance(value, bool) else str(value)
    text = f"{value:.6g}" if isinstance(value, float) else text
    notes = [note for note in (score.label, score.reason) if note and note != text]
    return text + (f" ({'; '.join(notes)})" if notes else "")


def _value_text(value: JSON) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _indented(head: str, text: str) -> Iterator[str]:
    """The lines of a text behind a head; the first are below each other."""
    more = len(text) - MAX_TEXT
    lines = escape_commands(text[:MAX_TEXT]).split("\n")
    yield head + lines[0]
    yield from (" " * len(head) + line for line in lines[1:])
    if more > 0:
        yield " " * len(head) + f"… {more:,} characters more: --json"


def answer_json(answer: AnswerOfVariant) -> dict[str, JSON]:
    """The prompt, the answer and the scores of a variant."""
    fields: dict[str, JSON] = {"variant": answer.variant}
    if answer.repeat:
        fields["repeat"] = answer.repeat
    fields["prompt"] = [{"role": each.role, "content": each.text} for each in answer.prompt]
    completion = answer.row.completion if answer.row else None
    if answer.row is None or completion is None:
        return {**fields, "state": None}
    usage = completion.usage
    return {
        **fields,
        "state": completion.state,
        "output": completion.text,
        "reasoning": completion.reasoning,
        "tool_calls": list(completion.tool_calls),
        "error": completion.error,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "latency_s": completion.latency_s,
        "scores": {
            name: {
                "value": score.value,
                "label": score.label,
                "reason": score.reason,
                "error": score.error,
            }
            for name, score in answer.row.scores.items()
        },
    }
