"""The ledger of a task: its promotions and rollbacks, each a run of one experiment in MLflow.

    sentiment promotions                       an experiment
      2 few_shot → 3 label_list · production   a run: tags workbench.move.kind, .state, …

MLflow keeps no history of aliases. A move begins as a claim: a run that says who moves
which alias. Every process writes its claim before it looks for others, so of two at least one sees
the other.

    claimed     being done, or left by a process that was killed
    done        the alias was moved
    refused     someone else was moving the alias, or had moved it, or MLflow refused
    abandoned   its process ended before it moved the alias
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from mlflow.entities import Param, Run, RunTag
from mlflow.utils.mlflow_tags import MLFLOW_USER

from workbench.errors import ExitCode, WorkbenchError
from workbench.releasing.registered_models import ReleaseNames
from workbench.store.locks import LockHeld, hold_lock
from workbench.tracking.mlflow_client import short_timeout
from workbench.tracking.run_data import DESCRIPTION
from workbench.tracking.tracking_store import TrackingStore, create_and_find, read_pages

CLAIMED, DONE, REFUSED, ABANDONED = "claimed", "done", "refused", "abandoned"
PROMOTE, ROLLBACK = "promote", "rollback"
TAG = "workbench.move."
LEDGER = {"mlflow.experimentKind": "custom_model_development"}  # MLflow opens the page of runs
ABANDONED_S = 600.0  # age of a claim whose process nobody here can see
POLL_S = 0.1
SHOWN = ("alias", "kind", "after", "variant", "before", "replaced", "verdict", "gate", "forced")


@dataclass(frozen=True)
class Move:
    """One move of an alias, done or attempted.

    Attributes:
        kind: `promote` or `rollback`.
        before, after: versions of the registered model, in digits; empty: none, or not yet known.
        variant, replaced: names of the variants of `after` and `before`.
        prompt: the prompt version of `after`, as `sentiment.few_shot/3`.
        person: the name of whoever moved it.
        evaluation: id of the run with the evaluation of `after`.
        verdict: on `after` against `before`, in words.
        gate: the outcome of the gate, in words; empty: there is none.
        forced: the reason for which it was moved against the evidence; empty: it was not.
        note: why, in the user's words.
        problem: why it was refused, or what it left undone.
        key: the name of its lock's file, if this is the project that moved it.
        state, run_id, started_ms: of the ledger's run.
    """

    kind: str
    alias: str
    person: str
    before: str = ""
    after: str = ""
    variant: str = ""
    replaced: str = ""
    prompt: str = ""
    evaluation: str = ""
    verdict: str = ""
    gate: str = ""
    forced: str = ""
    note: str = ""
    problem: str = ""
    key: str = ""
    state: str = CLAIMED
    run_id: str = ""
    started_ms: int = 0

    @property
    def when(self) -> datetime:
        """Its start in UTC."""
        return datetime.fromtimestamp(self.started_ms / 1000, UTC)

    @property
    def rank(self) -> tuple[int, str]:
        """Of two open claims the lower one is done."""
        return self.started_ms, self.run_id

    @property
    def title(self) -> str:
        """`2 few_shot → 3 label_list`."""
        before = f"{self.before} {self.replaced}".strip() or "nothing"
        return f"{before} → {f'{self.after} {self.variant}'.strip() or '…'}"

    def tags(self) -> dict[str, str]:
        """The tags of its run."""
        values = {field.name: str(getattr(self, field.name)) for field in fields(self)}
        return {
            f"{TAG}{name}": value
            for name, value in values.items()
            if value and name not in ("run_id", "started_ms")
        }

    @classmethod
    def from_run(cls, run: Run) -> "Move":
        """The move of a run of the ledger."""
        tags = run.data.tags
        values = {field.name: tags.get(f"{TAG}{field.name}", "") for field in fields(cls)}
        info = run.info
        return cls(**{**values, "run_id": info.run_id, "started_ms": info.start_time})


def versions_in_turn(moves: Sequence[Move], now: str) -> list[str]:
    """The versions that an alias named, the last one now; a rollback takes one away.

    `moves` are the alias's, done, oldest first. Where a move does not begin at the version of the
    one before, someone moved the alias by hand in MLflow; `now` is the version that it names.

    >>> first, second = Move("promote", "a", "ada", "", "1"), Move("promote", "a", "bob", "1", "2")
    >>> versions_in_turn([first, second], "2"), versions_in_turn([first, second], "7")
    (['1', '2'], ['1', '2', '7'])
    >>> versions_in_turn([first, second, Move("rollback", "a", "ada", "2", "1")], "1")
    ['1']
    """
    versions: list[str] = []
    for move in moves:
        if move.before and versions[-1:] != [move.before]:
            versions.append(move.before)
        if move.kind == ROLLBACK and move.after in versions:
            while versions[-1] != move.after:
                versions.pop()
        else:
            versions.append(move.after)
    return versions if now in ("", *versions[-1:]) else [*versions, now]


class MoveRefusedError(WorkbenchError):
    """The alias can't be moved now: someone else is moving it, or has moved it."""

    def __init__(self, message: str, task: str) -> None:
        fix = f"workbench promotions {task} shows every move; then repeat the command"
        super().__init__(message, fix=fix, exit_code=ExitCode.ALREADY_RUNNING)


class Ledger:
    """The moves of a task's aliases."""

    def __init__(self, store: TrackingStore, names: ReleaseNames, folder: Path) -> None:
        """`folder`: of the locks that the system frees when a process ends, however it ends."""
        self._store = store
        self._names = names
        self._folder = folder
        self._experiment_id = ""

    def moves(self, alias: str = "", states: Sequence[str] = ()) -> list[Move]:
        """The moves of an alias, oldest first; empty arguments: of all aliases, in all states."""
        if not self._experiment_id:
            experiment = self._store.client.get_experiment_by_name(self._names.ledger)
            self._experiment_id = experiment.experiment_id if experiment else ""
        if not self._experiment_id:
            return []
        chosen = [f"tags.`{TAG}alias` = '{alias}'"] if alias else [f"tags.`{TAG}alias` LIKE '%'"]
        if len(states) == 1:
            chosen.append(f"tags.`{TAG}state` = '{states[0]}'")
        pages = read_pages(
            lambda token: self._store.client.search_runs(
                [self._experiment_id], " AND ".join(chosen), page_token=token
            )
        )
        moves = [Move.from_run(run) for run in pages]
        return sorted((m for m in moves if not states or m.state in states), key=lambda m: m.rank)

    @contextmanager
    def claim(self, move: Move) -> Iterator[Move]:
        """Claim an alias, and wait until nobody else has an open claim of it.

        Yields the claim with its run.

        Raises:
            MoveRefusedError: someone else claimed it first.
        """
        key = uuid4().hex
        with hold_lock(self._lock(key)):
            claim = self._create(replace(move, key=key, state=CLAIMED))
            try:
                self._wait_for_turn(claim)
            except MoveRefusedError as error:
                self.end(replace(claim, state=REFUSED, problem=error.message))
                raise
            except BaseException:
                with short_timeout(), suppress(Exception):
                    self.end(replace(claim, state=REFUSED, problem="interrupted"))
                raise
            yield claim

    def read(self, run_id: str) -> Move:
        """The move of a run of the ledger, as it is now."""
        return Move.from_run(self._store.client.get_run(run_id))

    def left_behind(self, claim: Move) -> list[Move]:
        """Open claims of the same alias whose processes have ended."""
        claims = self.moves(claim.alias, (CLAIMED,))
        return [m for m in claims if m.run_id != claim.run_id and self._is_dead(m)]

    def describe(self, move: Move, text: str, evidence: Mapping[str, object]) -> None:
        """Log what a claim is going to do, its description, and `evidence.json`.

        Raises:
            WorkbenchError: the files of the ledger can't be written.
        """
        client = self._store.client
        tags = {**move.tags(), DESCRIPTION: text}
        client.log_batch(move.run_id, tags=[RunTag(name, value) for name, value in tags.items()])
        client.log_dict(move.run_id, dict(evidence), "evidence.json")
        if error := client.artifact_error:
            raise WorkbenchError(
                f"the evidence can't be kept: {error}", where=self._store.masked_uri
            ) from error

    def end(self, move: Move) -> Move:
        """Write the state of a move that has ended; the tags alone decide, so they come last."""
        client = self._store.client
        shown = SHOWN if move.state == DONE else ()
        params = [Param(name, getattr(move, name) or "-") for name in shown]
        client.log_batch(move.run_id, params=params)
        client.update_run(move.run_id, name=_run_name(move))
        client.set_terminated(move.run_id, "FINISHED" if move.state == DONE else "KILLED")
        tags = [RunTag(name, value) for name, value in move.tags().items()]
        client.log_batch(move.run_id, tags=tags)
        if move.key.isalnum():
            self._lock(move.key).unlink(missing_ok=True)
        return move

    def _create(self, move: Move) -> Move:
        experiment_id = self._store.find_experiment(self._names.ledger, LEDGER)
        self._experiment_id = experiment_id
        started, client = int(time.time() * 1000), self._store.client
        tags = {**move.tags(), MLFLOW_USER: move.person}
        condition = f"tags.`{TAG}key` = '{move.key}'"
        run, *_ = create_and_find(
            lambda: client.create_run(experiment_id, started, tags, run_name=_run_name(move)),
            lambda: list(client.search_runs([experiment_id], condition)),
        )
        return Move.from_run(run)

    def _wait_for_turn(self, claim: Move) -> None:
        """Wait while others are moving the alias; those whose processes have ended don't count."""
        while True:
            claims = self.moves(claim.alias, (CLAIMED,))
            others = [m for m in claims if m.run_id != claim.run_id and not self._is_dead(m)]
            if not others:
                return
            first = min(others, key=lambda other: other.rank)
            if first.rank < claim.rank:
                raise MoveRefusedError(
                    f"{first.person} has been moving {claim.alias!r} since {utc(first.when)}",
                    self._names.task,
                )
            time.sleep(POLL_S)

    def _is_dead(self, claim: Move) -> bool:
        """True if the process of a claim has ended, as far as can be seen from here."""
        if time.time() - claim.started_ms / 1000 > ABANDONED_S:
            return True
        lock = self._lock(claim.key)
        if not claim.key.isalnum() or not lock.exists():  # of another machine or folder
            return False
        try:
            with hold_lock(lock):
                return True
        except LockHeld:
            return False

    def _lock(self, key: str) -> Path:
        return self._folder / f"promotion-{key}.lock"


def utc(when: datetime) -> str:
    """`2026-11-29 14:02:11 UTC`."""
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"


def _run_name(move: Move) -> str:
    """A name of which a narrow column shows the versions."""
    mark = "" if move.state == DONE else f"{move.state}: "
    return f"{mark}{move.title} · {move.alias}"
