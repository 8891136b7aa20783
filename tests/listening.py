"""An outcome of `complete` together with the completions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from workbench.completing import CompletionListener, Outcome, RunContext, complete
from workbench.model import Completion
from workbench.plan import Plan


@dataclass
class CollectingListener(CompletionListener):
    """Keeps every completion it receives."""

    completions: dict[str, Completion] = field(default_factory=dict)

    def receive(self, completions: Sequence[Completion]) -> None:
        self.completions |= {completion.key: completion for completion in completions}


@dataclass
class CollectedOutcome(Outcome):
    """An outcome with every completion of the plan by key, stored ones included."""

    completions: Mapping[str, Completion] = field(default_factory=dict)


def complete_and_collect(plan: Plan, context: RunContext) -> CollectedOutcome:
    """Complete a plan and collect the completions."""
    listener = CollectingListener()
    outcome = complete(plan, context, listener)
    to_send = {request.key for requests in plan.requests for request in requests}
    stored = context.store.completions({key for key in plan.bodies if key not in to_send})
    return CollectedOutcome(**vars(outcome), completions={**stored, **listener.completions})
