"""One row through one prompt, on a terminal and as JSON: data and messages, then answer and scores.

short · gpt-6-luna
  user: The plot drags. Positive or negative?
  → negative
  ok · 34 tokens in, 2 out · 0.4 s
"""

from collections.abc import Iterator

from workbench.canonical import JSON
from workbench.errors import cost_text
from workbench.model.sent_messages import sent_messages
from workbench.plan import Plan
from workbench.report.row_answers import (
    AnswerOfVariant,
    answer_json,
    data_lines,
    facts,
    message_lines,
    output_lines,
    score_lines,
)
from workbench.report.safe_text import NAME_WIDTH, plain, shorten
from workbench.run.tried_row import TriedRow

STORED = "stored before: nothing was sent"


def head_lines(plan: Plan, number: int, *, is_changed: bool) -> Iterator[str]:
    """The row and the messages as sent."""
    yield from data_lines(number + 1, plan.examples[0])
    if is_changed:
        yield "with other values than the dataset's (--set)"
    yield ""
    variant = plan.variants[0]
    yield shorten(f"{variant.prompt.ref} · {variant.model.model.label}", NAME_WIDTH)
    yield from message_lines(sent_messages(plan.bodies[plan.cells[0][0].key].body))


def tail_lines(tried: TriedRow, shown: str, currency: str) -> Iterator[str]:
    """The answer, unless it was shown while it came, then its state and scores."""
    completion = tried.row.completion if tried.row else None
    if tried.row is None or completion is None:
        yield "  no answer came"
        return
    if not shown or completion.text != shown or completion.tool_calls:
        yield from output_lines(completion)
    parts = [facts(completion)]
    if tried.was_stored:
        parts.append(STORED)
    elif tried.result.cost is not None:
        parts.append(plain(f"{currency} {cost_text(tried.result.cost)}"))
    yield f"  {' · '.join(parts)}"
    yield from score_lines(tried.row, [e.name for e in tried.plan.experiment.evaluators])


def tried_json(tried: TriedRow, number: int, currency: str) -> dict[str, JSON]:
    """The same as one object, with the texts as they are."""
    example, variant = tried.plan.examples[0], tried.plan.variants[0]
    prompt = sent_messages(tried.plan.bodies[tried.plan.cells[0][0].key].body)
    answer = answer_json(AnswerOfVariant(variant.name, 0, prompt, tried.row))
    return {
        "row": example.id,
        "number": number + 1,
        "inputs": dict(example.inputs),
        "expectations": dict(example.expectations),
        "prompt_ref": variant.prompt.ref,
        "model": variant.model.model.ref,
        "answer": answer,
        "stored": tried.was_stored,
        "cost": tried.result.cost,
        "currency": currency,
        "exit_code": int(tried.invocation.exit_code),
        "problems": [problem.as_json() for problem in tried.invocation.problems],
    }
