"""One row through one prompt on one model: the same request, and the same key, as in a run.

experiment = narrow(experiment, prompt, model)
plan = plan_of_row(plan_of(experiment), 2)      one variant, one cell, at most one request
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from workbench.canonical import JSON
from workbench.dataset import EXPECTED, Example
from workbench.errors import WorkbenchError, unknown_name
from workbench.experiment import Experiment, OpenModel
from workbench.experiment.load import short_name
from workbench.model import Model, open_provider
from workbench.plan import Plan
from workbench.prompt import Prompt

EXPECTED_WORD = "expected"  # of `--set`, for the row's right answer


def choose_model(experiment: Experiment, name: str) -> OpenModel:
    """The experiment's model of this name, its first without one, or any `provider:name`.

    Raises:
        WorkbenchError: there is no such model.
    """
    models = experiment.models
    if not name:
        return models[0]
    for model in models:
        if name in (model.model.label, model.model.ref):
            return model
    provider, colon, model_name = name.partition(":")
    if not colon or not model_name:
        valid = [each for m in models for each in (m.model.label, m.model.ref)]
        raise unknown_name("model", name, valid)
    new = Model(provider, model_name, short_name(model_name))
    return OpenModel(new, open_provider(new, where="--model"))


def narrow(experiment: Experiment, prompt: Prompt, model: OpenModel) -> Experiment:
    """The experiment with one prompt and one model, and the evaluators that score a row."""
    pairwise = {name for name, judge in experiment.judges.items() if judge.pairwise}
    evaluators = tuple(
        evaluator
        for evaluator in experiment.evaluators
        if not evaluator.traits.by_column and evaluator.name not in pairwise
    )
    scorers = {name: each for name, each in experiment.scorers.items() if name not in pairwise}
    return replace(
        experiment,
        prompts=(prompt,),
        models=(model,),
        evaluators=evaluators,
        scorers=scorers,
        exclude=(),
        repeats=1,
        baseline="",
        gate={},
    )


def set_values(experiment: Experiment, number: int, values: Sequence[str]) -> Experiment:
    """The experiment with this row alone, some of its values replaced, each by `name=value`.

    `expected=…` is the right answer. A value that replaces something else than text is JSON.

    Raises:
        WorkbenchError: the row has no such column.
    """
    dataset = experiment.dataset
    example = dataset.examples[number]
    inputs, expectations = dict(example.inputs), dict(example.expectations)
    for setting in values:
        name, equals, value = setting.partition("=")
        if not equals:
            message = f"--set {setting!r} has no ="
            raise WorkbenchError(message, fix=f"--set {setting}=VALUE")
        if name in inputs:
            inputs[name] = _value(value, inputs[name])
        elif name in (EXPECTED_WORD, dataset.expected, EXPECTED):
            expectations[EXPECTED] = _value(value, expectations.get(EXPECTED, ""))
        else:
            raise unknown_name("column", name, [*inputs, EXPECTED_WORD], where="--set")
    changed = replace(example, inputs=inputs, expectations=expectations)
    single = replace(
        dataset,
        examples=(changed,),
        row_numbers=dataset.row_numbers[number : number + 1],
        groups=dataset.groups[number : number + 1],
    )
    return replace(experiment, dataset=single)


def _value(text: str, before: JSON) -> JSON:
    if not isinstance(before, str):
        with suppress(ValueError):
            return json.loads(text)
    return text


def find_row(examples: Sequence[Example], name: str) -> int:
    """The number from 0 of a row, named by its id or its number from 1.

    Raises:
        WorkbenchError: there is no such row.
    """
    ids = [example.id for example in examples]
    if name in ids:
        return ids.index(name)
    if name.isascii() and name.isdigit():
        if 1 <= int(name) <= len(ids):
            return int(name) - 1
        fix = f"a number from 1 to {len(ids):,}, or the id of a row"
        raise WorkbenchError(f"there is no row {name}", fix=fix)
    raise unknown_name("row", name, ids)


def check_first_turn(example: Example) -> None:
    """Check that a row can be sent without others.

    Raises:
        WorkbenchError: it is a later turn, whose request needs the answers before it.
    """
    if example.turn > 1:
        raise WorkbenchError(
            f"row {example.id!r} is turn {example.turn} of a conversation: its request needs the "
            "answers to the turns before it",
            fix="try the first turn, or send all with workbench run",
        )


def plan_of_row(plan: Plan, number: int) -> Plan:
    """The plan's first variant with one row, which keeps the key that it has in the whole plan."""
    example = plan.examples[number]
    cell = plan.cells[0][number]
    unsent: Mapping[str, object] = {r.key: r for r in plan.requests[0]}
    request = plan.bodies[cell.key]
    return replace(
        plan,
        examples=(example,),
        variants=plan.variants[:1],
        cells=((cell,),),
        requests=((request,) if cell.key in unsent else (),),
        bodies={cell.key: request},
        stored=0 if cell.key in unsent else 1,
        shared=0,
        scope={**plan.scope, "try": cell.key},
        baselines=(None,),
    )
