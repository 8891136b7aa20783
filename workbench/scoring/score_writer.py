"""Scores of several evaluators, stored together: a commit takes longer than its rows.

with ScoreWriter(store) as writer:
    writer.add(evaluator, {key: score})      committed after some seconds, and at the end
"""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from workbench.evaluator import Evaluator, Score
from workbench.store import Store

COMMIT_SIZE = 5_000  # scores in one commit
COMMIT_INTERVAL_S = 1.5  # seconds after which a smaller commit is made


class ScoreWriter:
    """Collects scores for commits; the rest is stored however the block ends.

    Attributes:
        store: that takes the scores.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._unsaved: dict[str, tuple[Evaluator, dict[str, Score]]] = {}
        self._count = 0
        self._saved_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._commit()

    def add(self, evaluator: Evaluator, scores: Mapping[str, Score]) -> None:
        """Store these scores by key, soon or at once."""
        if scores:
            self._unsaved.setdefault(evaluator.name, (evaluator, {}))[1].update(scores)
            self._count += len(scores)
        is_late = time.monotonic() - self._saved_at > COMMIT_INTERVAL_S
        if is_late or self._count >= COMMIT_SIZE:
            self._commit()

    def _commit(self) -> None:
        unsaved = list(self._unsaved.values())
        self._unsaved, self._count, self._saved_at = {}, 0, time.monotonic()
        self.store.save_all_scores(unsaved)
