"""An evaluator as its process describes it to ours, which never imports it.

evaluator_as_json(evaluator)    {"name": "mine", "arguments": ["outputs"], "digest": "0a3e…", …}
evaluator_from_json(…, spec)    Evaluator("mine", None, arguments=("outputs",), …)
"""

from collections.abc import Mapping
from dataclasses import asdict

from workbench.canonical import JSON
from workbench.evaluator.contract import Evaluator, Traits
from workbench.evaluator.spec import Spec


def evaluator_as_json(evaluator: Evaluator) -> dict[str, JSON]:
    """All that is known of it without its function, as JSON."""
    return {
        "name": evaluator.name,
        "settings": dict(evaluator.settings),
        "arguments": list(evaluator.arguments),
        "traits": asdict(evaluator.traits),
        "digest": evaluator.digest,
        "source": evaluator.source,
        "needs_expectations": evaluator.needs_expectations,
    }


def evaluator_from_json(said: Mapping[str, JSON], spec: Spec) -> Evaluator:
    """The evaluator of a description: without a function, so it judges in its process only."""
    limits = said["traits"]["range"]
    traits = Traits(**{**said["traits"], "range": tuple(limits) if limits else None})
    arguments = tuple(said["arguments"])
    return Evaluator(**{**said, "arguments": arguments, "traits": traits}, spec=spec)
