"""Moves of an alias from one version of a task's model to another.

    promoter.promote(new_version, move, replaced=old)    version 3 is registered and gets the alias
    promoter.rollback(move, describe)                    version 2 has it again

The alias of the registered model decides. It is moved in one call: before it nothing that anybody
reads has changed, and after it the rest is completed, by this process or by the next one that moves
the alias. The rest is the alias of the prompt, and the end of the claim.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace

from mlflow.exceptions import MlflowException

from workbench.errors import WorkbenchError
from workbench.releasing.ledger import (
    ABANDONED,
    DONE,
    PROMOTE,
    REFUSED,
    Ledger,
    Move,
    MoveRefusedError,
    utc,
    versions_in_turn,
)
from workbench.releasing.task_model import NewVersion, Release, TaskModel
from workbench.tracking.mlflow_client import first_line, short_timeout

# The description of a move in Markdown, and its evidence.
Describe = Callable[[Move], tuple[str, Mapping[str, object]]]


class Promoter:
    """Promotes and rolls back the variants of a task."""

    def __init__(self, model: TaskModel, ledger: Ledger) -> None:
        self.model = model
        self.ledger = ledger

    def promote(self, new_version: NewVersion, move: Move, *, replaced: Release | None) -> Move:
        """Register a version, and move the alias from the release `replaced` to it.

        Raises:
            MoveRefusedError: someone else is moving the alias, or has moved it.
            WorkbenchError: MLflow refuses the version or the alias; nothing has changed.
        """
        before = replaced or Release("")
        move = replace(move, before=before.version, replaced=before.variant)
        with self.model.discarded(new_version), self._claim(move) as claim:
            self._require_unmoved(claim)
            self.ledger.describe(claim, new_version.description, new_version.evidence)
            claim = replace(claim, after=self.model.register(new_version, claim))
            self.model.move_alias(claim.alias, claim.after)
            return self._complete(claim)

    def rollback(self, move: Move, describe: Describe) -> Move:
        """Move the alias back to the version that it named before.

        Raises:
            MoveRefusedError: someone else is moving the alias.
            WorkbenchError: there is no version to go back to.
        """
        before = self.model.version_of(move.alias)
        move = replace(move, before=before)
        self._release_before(move)  # refused before anything is written
        with self._claim(move) as claim:
            self._require_unmoved(claim)
            target = self._release_before(claim)
            current = self.model.release(before) if before else None
            claim = replace(
                claim,
                after=target.version,
                variant=target.variant,
                prompt=target.prompt,
                replaced=current.variant if current else "",
                evaluation=target.run_id,
            )
            self.ledger.describe(claim, *describe(claim))
            self.model.move_alias(claim.alias, claim.after)
            return self._complete(claim)

    @contextmanager
    def _claim(self, move: Move) -> Iterator[Move]:
        """The claim of a move; whatever ends it, as much as possible is brought in order."""
        with self.model.errors("EDIT"), self.ledger.claim(move) as claim:
            try:
                for other in self.ledger.left_behind(claim):
                    self._settle(other, ABANDONED)
                yield claim
            except BaseException as error:
                is_expected = isinstance(error, WorkbenchError | MlflowException)
                self._give_up(claim, first_line(error) if is_expected else "interrupted")
                raise

    def _give_up(self, claim: Move, problem: str) -> None:
        with short_timeout(), suppress(Exception):
            self._settle(replace(self.ledger.read(claim.run_id), problem=problem), REFUSED)

    def _settle(self, claim: Move, undone: str) -> None:
        """Complete a claim that has moved the alias; remove what another one has left behind."""
        promotes = claim.kind == PROMOTE
        after = self.model.registered_by(claim) if promotes else claim.after
        if after and after != claim.before and self.model.version_of(claim.alias) == after:
            self._complete(replace(claim, after=after))
            return
        if after and promotes:
            with suppress(MlflowException):  # a member who may create versions may not delete them
                self.model.delete(after)
        self.ledger.end(replace(claim, state=undone))

    def _complete(self, claim: Move) -> Move:
        """Let the prompt's alias follow that of the model, and end the claim."""
        problem = self.model.move_prompt_alias(claim.alias, claim.prompt)
        return self.ledger.end(replace(claim, state=DONE, problem=problem))

    def _require_unmoved(self, claim: Move) -> None:
        """Refuse a move of an alias that names another version than the claim says.

        Raises:
            MoveRefusedError: it names another one.
        """
        now, task = self.model.version_of(claim.alias), self.model.names.task
        if now == claim.before:
            return
        release = self.model.release(now) if now else None
        is_now = release.title if release else f"version {now}" if now else "nothing"
        last = next(iter(self.ledger.moves(claim.alias, (DONE,))[::-1]), None)
        by = f", moved by {last.person} at {utc(last.when)}" if last and last.after == now else ""
        message = f"{claim.alias!r} of {task} has been moved meanwhile: it names {is_now}{by}"
        raise MoveRefusedError(message, task)

    def _release_before(self, claim: Move) -> Release:
        """The release that the alias named before.

        Raises:
            WorkbenchError: there was none, or its version was deleted.
        """
        names, alias = self.model.names, claim.alias
        versions = versions_in_turn(self.ledger.moves(alias, (DONE,)), claim.before)
        before = versions[:-1] if claim.before else versions
        if not before:
            is_now = f"version {claim.before} is the first" if claim.before else "it names nothing"
            raise WorkbenchError(
                f"{alias!r} of {names.task} can't be rolled back: {is_now}",
                fix=f"workbench promote VARIANT --to {alias}",
            )
        if release := self.model.release(before[-1]):
            return release
        raise WorkbenchError(
            f"version {before[-1]} of {names.model!r}, which {alias!r} named before, was deleted "
            "in MLflow",
            fix=f"workbench promotions {names.task} names its evaluation: workbench promote RUN "
            f'--to {alias} --force "why"',
        )
