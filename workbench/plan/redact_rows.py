"""What a user's files hold that must not be written down, found before a plan is made.

A secret in a row is taken out of the row: neither a model nor a record sees it. One in a template
is refused: templates are registered, and shown, as they are.
"""

import json
from dataclasses import replace

from workbench.canonical import JSON, canonical_json
from workbench.dataset import Example
from workbench.errors import WorkbenchError
from workbench.experiment import Experiment
from workbench.prompt import Prompt
from workbench.secrets import Redactor

AT_ONCE = 200  # examples looked at together


def conceal(experiment: Experiment, redactor: Redactor) -> Experiment:
    """The experiment without secrets in its rows, and a warning where there were some.

    Raises:
        WorkbenchError: a template holds one.
    """
    for prompt in experiment.prompts:
        refuse_secret(prompt, redactor)
    clean = redactor.redact
    dataset = experiment.dataset
    dataset = replace(dataset, name=clean(dataset.name), source=clean(dataset.source))
    examples: list[Example] = []
    for start in range(0, len(dataset.examples), AT_ONCE):
        some = dataset.examples[start : start + AT_ONCE]
        text = json.dumps([[one.id, one.inputs, one.expectations] for one in some])
        examples += (
            some if redactor.redact(text) == text else (_clean(one, redactor) for one in some)
        )
    changed = [new.id for new, old in zip(examples, dataset.examples, strict=True) if new != old]
    if not changed:
        return replace(experiment, dataset=dataset)
    rows = ", ".join(changed[:3]) + (", …" if len(changed) > 3 else "")
    total = len(dataset.examples)
    warning = f"{dataset.name}: a secret was taken out of {len(changed)} of {total} rows: {rows}"
    warnings = (*dataset.warnings, warning)
    return replace(
        experiment, dataset=replace(dataset, examples=tuple(examples), warnings=warnings)
    )


def refuse_secret(prompt: Prompt, redactor: Redactor) -> None:
    """Raises WorkbenchError where a template, or its front matter, holds a secret."""
    said = prompt.source + prompt.description + canonical_json(prompt.settings.as_json())
    found = redactor.redact(said)
    if found != said:
        name = found[found.index("[secret ") + len("[secret ") :].partition("]")[0]
        raise WorkbenchError(
            f"the template holds the value of {name}",
            where=prompt.where(),
            fix="take it out: templates are registered and shown as they are",
        )


def _clean(example: Example, redactor: Redactor) -> Example:
    def mapping(said: JSON) -> JSON:
        return redactor.redact_json(said)

    return replace(
        example,
        id=redactor.redact(example.id),
        inputs=mapping(example.inputs),
        expectations=mapping(example.expectations),
    )
