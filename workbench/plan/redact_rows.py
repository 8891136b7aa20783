"""Secrets in a user's rows and templates, handled before a plan is made.

A secret in a row is redacted: neither a model nor a record sees it. A secret in a template is
refused, because templates are registered and shown as they are.
"""

import json
from dataclasses import replace

from workbench.canonical import canonical_json, encode_function
from workbench.dataset import Example
from workbench.errors import WorkbenchError, list_first
from workbench.experiment import Experiment
from workbench.prompt import Prompt
from workbench.secrets import Redactor

CHUNK = 200  # examples searched together

_encode = encode_function(json.JSONEncoder(default=dict))


def redact_rows(experiment: Experiment, redactor: Redactor) -> Experiment:
    """Return the experiment with secrets in its rows redacted, and a warning where there were any.

    Raises:
        WorkbenchError: a template contains a secret.
    """
    for prompt in experiment.prompts:
        refuse_secret(prompt, redactor)
    clean = redactor.redact
    dataset = experiment.dataset
    dataset = replace(dataset, name=clean(dataset.name), source=clean(dataset.source))
    examples: list[Example] = []
    for start in range(0, len(dataset.examples), CHUNK):
        chunk = dataset.examples[start : start + CHUNK]
        text = _encode([(e.id, *e.columns()) for e in chunk])
        is_clean = redactor.redact(text) == text
        examples += chunk if is_clean else (_redacted(example, redactor) for example in chunk)
    pairs = zip(examples, dataset.examples, strict=True)
    changed = [new.id for new, old in pairs if new is not old and new != old]
    if not changed:
        return replace(experiment, dataset=dataset)
    rows = list_first(changed, 3)
    total = len(dataset.examples)
    warning = f"{dataset.name}: a secret was redacted in {len(changed)} of {total} rows: {rows}"
    warnings = (*dataset.warnings, warning)
    return replace(
        experiment, dataset=replace(dataset, examples=tuple(examples), warnings=warnings)
    )


def refuse_secret(prompt: Prompt, redactor: Redactor) -> None:
    """Raise WorkbenchError if a template or its front matter contains a secret."""
    text = prompt.source + prompt.description + canonical_json(prompt.settings.as_json())
    redacted = redactor.redact(text)
    if redacted != text:
        name = redacted[redacted.index("[secret ") + len("[secret ") :].partition("]")[0]
        raise WorkbenchError(
            f"the template contains the value of {name}",
            where=prompt.where(),
            fix="remove it: templates are registered and shown as they are",
        )


def _redacted(example: Example, redactor: Redactor) -> Example:
    return replace(
        example,
        id=redactor.redact(example.id),
        inputs=redactor.redact_json(example.inputs),
        expectations=redactor.redact_json(example.expectations),
        metadata=redactor.redact_json(example.metadata),
        reserved=redactor.redact_json(example.reserved),
    )
