"""Secrets in a user's rows, templates and experiment file, handled before a plan is made.

A secret in a row is redacted: neither a model nor a record sees it. A secret in a template or in
the experiment file is refused, because they are registered and shown as they are.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

from workbench.canonical import JSON, canonical_json, encode_function
from workbench.dataset import Example
from workbench.dataset.packed_examples import PackedExamples
from workbench.errors import WorkbenchError, list_first
from workbench.experiment import Experiment
from workbench.prompt import Prompt
from workbench.secrets import Redactor, is_private

CHUNK = 200  # examples searched together

_encode = encode_function(json.JSONEncoder(default=dict))


def redact_rows(experiment: Experiment, redactor: Redactor) -> Experiment:
    """Return the experiment with secrets in its rows redacted, and a warning where there were any.

    Raises:
        WorkbenchError: a template or the experiment file contains a secret.
    """
    refuse_secret_in_file(experiment.content, experiment.path, redactor)
    for prompt in experiment.prompts:
        refuse_secret(prompt, redactor)
    if not redactor.has_secrets:
        return experiment
    dataset = experiment.dataset
    name, source = redactor.redact(dataset.name), redactor.redact(dataset.source)
    if (name, source) != (dataset.name, dataset.source):
        dataset = replace(dataset, name=name, source=source, file=None)
    if isinstance(dataset.examples, PackedExamples) and _are_clean(dataset.examples, redactor):
        return replace(experiment, dataset=dataset)
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
    dataset = replace(dataset, examples=tuple(examples), warnings=warnings, file=None)
    return replace(experiment, dataset=dataset)


def _are_clean(examples: PackedExamples, redactor: Redactor) -> bool:
    """True if there is no secret in the rows; none of them is made for that."""
    return all(redactor.redact(text) == text for text in examples.texts())


def refuse_secret(prompt: Prompt, redactor: Redactor) -> None:
    """Raise WorkbenchError if a template, its name or its front matter contains a secret."""
    settings = canonical_json(prompt.settings.as_json())
    for text in (prompt.source, prompt.description, settings, prompt.name):
        if name := _secret_in(text, redactor):
            raise WorkbenchError(
                f"the template contains the value of {name}",
                where=prompt.where(),
                fix="remove it: templates are registered and shown as they are",
            )


def refuse_secret_in_file(content: JSON, where: str, redactor: Redactor) -> None:
    """Raise WorkbenchError if an experiment file contains a secret where no key belongs."""
    for path, text in _shown_texts(content, ()):
        if name := _secret_in(text, redactor):
            raise WorkbenchError(
                f"{'.'.join(path)}: the file contains the value of {name}",
                where=where,
                fix="remove it: the file is recorded and shown; a model's `api_key_env:` and "
                "`headers: {…: ${NAME}}` name a variable",
            )


def _shown_texts(value: JSON, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """The keys and strings of an experiment file, but for rows and for settings that hold keys."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for entry in value:
            yield from _shown_texts(entry, path)
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield path, str(key)
            if path == ("dataset",) and key in ("rows", "vars"):
                continue  # its secrets are redacted
            if not is_private(str(key)):
                yield from _shown_texts(entry, (*path, str(key)))


def _secret_in(text: str, redactor: Redactor) -> str:
    """The name of the first secret in `text`; empty if it has none."""
    redacted = redactor.redact(text)
    if redacted == text:
        return ""
    return redacted[redacted.index("[secret ") + len("[secret ") :].partition("]")[0]


def _redacted(example: Example, redactor: Redactor) -> Example:
    return replace(
        example,
        id=redactor.redact(example.id),
        inputs=redactor.redact_json(example.inputs),
        expectations=redactor.redact_json(example.expectations),
        metadata=redactor.redact_json(example.metadata),
        reserved=redactor.redact_json(example.reserved),
    )
