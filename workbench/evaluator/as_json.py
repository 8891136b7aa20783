"""Evaluators as JSON, between the processes that call them and the one that knows them.

evaluator_as_json(evaluator)      {"name": "exact_match", "digest": "0a3e…", …}
"""

from collections.abc import Mapping
from dataclasses import asdict, replace

from workbench.canonical import JSON
from workbench.evaluator.contract import Evaluator
from workbench.evaluator.spec import Spec
from workbench.evaluator.traits import Traits


def evaluator_as_json(evaluator: Evaluator) -> dict[str, JSON]:
    """The evaluator without its function, for another process."""
    fields = asdict(replace(evaluator, function=None, spec=None, transform=None))
    absent = ("function", "spec", "transform", "combination", "coverage")
    return {name: value for name, value in fields.items() if name not in absent}


def evaluator_from_json(fields: Mapping[str, JSON], spec: Spec) -> Evaluator:
    """The evaluator in the result of `evaluator_as_json`; only its own process can call it."""
    limits = fields["traits"]["range"]
    traits = Traits(**{**fields["traits"], "range": tuple(limits) if limits else None})
    arguments = tuple(fields["arguments"])
    return Evaluator(**{**fields, "arguments": arguments, "traits": traits}, spec=spec)
