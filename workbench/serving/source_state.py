"""The state of a followed source, for `/ready`, metrics and the log.

{"reference": "triage@production", "condition": "unreachable", "reason": "…", "since": 1795965453.0,
 "checked": 1795965421.2, "watcher_restarts": 0}
"""

import logging
import time
from dataclasses import asdict, dataclass, field
from typing import Literal

from workbench.canonical import JSON

LOG = logging.getLogger("workbench.serving")
# `unreachable`: the registry doesn't answer; `gone`: it has no such alias any more.
Condition = Literal["current", "unreachable", "gone", "not downloaded", "not loaded"]


@dataclass
class SourceState:
    """A source, and whether its version is the one that serves.

    Attributes:
        reference: as the user wrote it.
        reason: of any other condition than `current`.
        since, checked: seconds since 1970 of the last change of the condition, and of the
            registry's last answer; 0: never.
        watcher_restarts: how often the process that asks MLflow had to be started again.
    """

    reference: str
    condition: Condition = "current"
    reason: str = ""
    since: float = field(default_factory=time.time)
    checked: float = 0.0
    watcher_restarts: int = 0

    def as_json(self) -> dict[str, JSON]:
        """Return the state as JSON."""
        return asdict(self)

    def change(self, condition: Condition, reason: str = "") -> None:
        """Set the condition, and log it if it is new.

        An unreachable registry may give another reason at each look.
        """
        is_new = condition != self.condition
        if is_new and condition == "current":
            LOG.warning("%s: followed again", self.reference)
        elif is_new or (reason != self.reason and condition != "unreachable"):
            message = "%s: %s; the version before goes on serving: %s"
            LOG.warning(message, self.reference, condition, reason)
        if is_new:
            self.since = time.time()
        self.condition, self.reason = condition, reason
