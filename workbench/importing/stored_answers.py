"""Answers that another tool has paid for, stored under the keys of the task's own requests.

store_answers(task, plan, store)     [ReportLine("", ImportOutcome.CARRIED, STORED, count=120), …]

An answer is stored only if the conversation was the same. It has no tokens and so no cost, and
`attempts` is 0: nothing was sent for it from here.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workbench.importing.imported import ImportedAnswer, ImportedTask, ImportOutcome, ReportLine
from workbench.model import Completion, Request
from workbench.plan import Plan
from workbench.store import Store

STORED = "answer, which isn't paid for again"
MARK = "imported"  # in place of the model's name in the reply
PER_WRITE = 1_000
ALREADY_STORED = "answers that the store has already, which stay as they are"
AGAIN = "the run asks the model again"


def store_answers(task: ImportedTask, plan: Plan, store: Store) -> list[ReportLine]:
    """Store the answers of a task that was written and planned; return what became of them."""
    lost: Counter[str] = Counter()
    pairs = list(_pairs(task.answers, plan, lost))
    answered = store.stored_keys([request.key for request, _ in pairs])
    pairs = [(request, answer) for request, answer in pairs if request.key not in answered]
    for start in range(0, len(pairs), PER_WRITE):
        store.save_completions(pairs[start : start + PER_WRITE])
    lines = [ReportLine("", ImportOutcome.CARRIED, STORED, count=len(pairs))] if pairs else []
    if answered:
        lines.append(ReportLine("", ImportOutcome.CARRIED, ALREADY_STORED, count=len(answered)))
    for reason, count in lost.items():
        text = f"answer: {reason}"
        lines.append(ReportLine("", ImportOutcome.LEFT_OUT, text, AGAIN, count))
    return lines


def _pairs(
    answers: Sequence[ImportedAnswer], plan: Plan, lost: Counter[str]
) -> Iterator[tuple[Request, Completion]]:
    """Each request with its answer; a request that has one already keeps it."""
    cells = _cells(plan)
    repeats: Counter[tuple[str, str, int]] = Counter()
    stored: set[str] = set()
    for answer in answers:
        place = (answer.prompt, answer.model, answer.row)
        keys = cells.get(place, [])
        repeat = repeats[place]
        repeats[place] += 1
        if not keys:
            lost["no such row of the task"] += 1
        elif repeat >= len(keys):
            lost["the task has fewer repeats"] += 1
        else:
            request = plan.bodies[keys[repeat]]
            if str(request.key_fields.get("model", "")).startswith("echo:"):
                continue  # it costs nothing
            if not answer.messages:
                lost["its conversation is not recorded beside it"] += 1
            elif _conversation(request.body) != [dict(each) for each in answer.messages]:
                lost["the conversation differs"] += 1
            elif request.key not in stored:
                stored.add(request.key)
                yield request, _completion(request, answer)


def _cells(plan: Plan) -> Mapping[tuple[str, str, int], list[str]]:
    """The keys of a row's repeats by prompt, model and position of the row.

    A model is known by its label, and by `provider:name` if there is one of the name.
    """
    labels = {(v.model.model.ref, v.model.model.label) for v in plan.variants}
    refs = Counter(ref for ref, _ in labels)
    rows = {example.id: row for row, example in enumerate(plan.examples)}
    cells: dict[tuple[str, str, int], list[str]] = {}
    for variant, of_variant in zip(plan.variants, plan.cells, strict=True):
        for cell in of_variant:
            model = variant.model.model
            for name in {model.label, model.ref} if refs[model.ref] == 1 else {model.label}:
                place = (variant.prompt.name, name, rows[cell.example.id])
                cells.setdefault(place, []).append(cell.key)
    return cells


def _conversation(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The messages of a request; a raw text is a message of the user."""
    if isinstance(body.get("prompt"), str):
        return [{"role": "user", "content": body["prompt"]}]
    messages = body.get("messages") or body.get("input") or ()
    return [{"role": each.get("role"), "content": each.get("content")} for each in messages]


def _completion(request: Request, answer: ImportedAnswer) -> Completion:
    return Completion(
        request.key,
        "ok",
        text=answer.text,
        finish_reason=answer.finish_reason,
        latency_s=answer.latency_s,
        model=MARK,
        attempts=0,
    )
