"""What came of sending, with the answers beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from workbench.completing import Listener, Outcome, Site, complete
from workbench.model import Completion
from workbench.plan import Plan


@dataclass
class Heard(Listener):
    """Keeps all that it is told."""

    completions: dict[str, Completion] = field(default_factory=dict)

    def answered(self, completions: Sequence[Completion]) -> None:
        self.completions |= {one.key: one for one in completions}


@dataclass
class Done(Outcome):
    """An outcome, and every answer of the plan by key: stored ones too."""

    completions: Mapping[str, Completion] = field(default_factory=dict)


def completed(plan: Plan, site: Site) -> Done:
    """What `complete` comes to."""
    heard = Heard()
    outcome = complete(plan, replace(site, listener=heard))
    to_send = {request.key for requests in plan.requests for request in requests}
    kept = site.store.completions({key for key in plan.bodies if key not in to_send})
    return Done(**vars(outcome), completions={**kept, **heard.completions})
