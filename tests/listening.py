"""An outcome of `complete` together with the completions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from workbench.completing.complete import complete
from workbench.completing.context import RunContext
from workbench.completing.model_threads import Outcome
from workbench.model import Completion
from workbench.plan import Plan


@dataclass
class CollectedOutcome(Outcome):
    """An outcome with every completion of the plan by key, stored ones included."""

    completions: Mapping[str, Completion] = field(default_factory=dict)


def complete_and_collect(plan: Plan, context: RunContext) -> CollectedOutcome:
    """Complete a plan and collect the completions."""
    received: dict[str, Completion] = {}

    def receive(completions: Sequence[Completion]) -> None:
        received.update((completion.key, completion) for completion in completions)

    outcome = complete(plan, context, receive=receive)
    to_send = {request.key for requests in plan.requests for request in requests}
    stored = context.store.completions({key for key in plan.bodies if key not in to_send})
    return CollectedOutcome(**vars(outcome), completions={**stored, **received})
