"""`workbench promote`, `rollback` and `promotions`: what is in production, and what was.

$ workbench promote sentiment few_shot --to production
few_shot for production of sentiment, in place of version 2 (zero_shot)
  metric       mean                  rows  before  difference               verdict
  label_match  0.780 [0.707, 0.839]  150   0.580   +0.200 [+0.112, +0.288]  better
gate: passed (1 passed)
promoted: production of sentiment is 3 few_shot, was 2 zero_shot
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.completion import complete_names
from workbench.cli.open_task import OpenTask, connect_task, open_subject, split_selector
from workbench.cli.output import REDACTOR, print_lines, print_result
from workbench.cli.package import WithWeights
from workbench.cli.run import AsJson, Target, TrackingUri
from workbench.cli.setup import OpenExperiment, keep_private, open_project
from workbench.cli.signals import note_on_stderr
from workbench.errors import ExitCode, WorkbenchError
from workbench.report.safe_text import plain

if TYPE_CHECKING:
    from workbench.releasing.evidence import Evidence
    from workbench.releasing.ledger import Move
    from workbench.releasing.task_model import NewVersion

Names = Annotated[
    list[str] | None,
    typer.Argument(
        help="A task or an experiment file (if there are several), then a variant of its newest "
        "run, or the id of a variant's run.",
        metavar="[TASK|FILE] VARIANT|RUN",
        autocompletion=complete_names,
    ),
]
Alias = Annotated[str, typer.Option("--to", help="The alias to move.", metavar="ALIAS")]
Force = Annotated[
    str | None,
    typer.Option(help="Promote it against the evidence; the reason is kept.", metavar="REASON"),
]
Note = Annotated[str, typer.Option(help="Why: it is kept in the ledger.", metavar="TEXT")]


def promote(
    names: Names = None,
    to: Alias = "production",
    force: Force = None,
    note: Note = "",
    with_weights: WithWeights = False,
    tracking_uri: TrackingUri = "",
    as_json: AsJson = False,
) -> int:
    """Put a variant into production, if the evidence allows it.

    Exit code 0: it is promoted, 1: it is worse or the gate failed, 8: not enough or no evidence,
    7: someone else is moving the alias.
    """
    from workbench.evaluator.row_values import require_evaluators
    from workbench.releasing.gaps import is_release
    from workbench.report.promote import promoted_json

    if force is not None and not force.strip():
        raise WorkbenchError("--force needs the reason", fix='--force "why"')
    project = open_project(tracking_uri)
    project.require_tracking(tracking_uri, "workbench promote")
    target, selector = split_selector(names or [], project)
    task = connect_task(project, tracking_uri, target, to, selector)
    with (
        task.promoter.model.errors("READ"),
        open_subject(task, selector, tracking_uri) as (opened, subject),
    ):
        evidence = task.gather(opened, subject)
        if subject.replaced and not force and is_release(subject.evaluated, subject.replaced):
            move, code = None, ExitCode.DONE
            lines = [f"{evidence.result.variant.name} is {to} already: {subject.replaced.title}"]
        else:
            if force is None:
                path = opened.experiment.path
                require_evaluators(opened.experiment.evaluators, "promote", where=path)
            options = _Options(
                REDACTOR.redact(force or ""), REDACTOR.redact(note), with_weights, as_json
            )
            move, code, lines = _move(task, opened, evidence, options)
        document = promoted_json(evidence, task.promoter.model.names, move, force or "")
        print_result({**document, "exit_code": int(code)} if as_json else map(plain, lines))
    return code


def rollback(
    target: Target = "",
    to: Alias = "production",
    note: Note = "",
    tracking_uri: TrackingUri = "",
    as_json: AsJson = False,
) -> int:
    """Let an alias name again what it named before.

    Once more, and it names what it named before that.
    """
    from workbench.releasing.ledger import ROLLBACK, Move
    from workbench.report.promotions import move_json, moved_json, moved_lines, rollback_markdown

    project = open_project(tracking_uri)
    project.require_tracking(tracking_uri, "workbench rollback")
    task = connect_task(project, tracking_uri, target, to)
    names = task.promoter.model.names
    with task.promoter.model.errors("READ"):
        for line in task.hand_moved():
            note_on_stderr(f"note: {line}")
        move = task.promoter.rollback(
            Move(ROLLBACK, to, task.person, note=REDACTOR.redact(note)),
            lambda claim: (rollback_markdown(claim), move_json(claim)),
        )
    print_result(moved_json(move, names) if as_json else moved_lines(move, names))
    return _problem_code(move)


def promotions(target: Target = "", tracking_uri: TrackingUri = "", as_json: AsJson = False) -> int:
    """List promotions and rollbacks: when, by whom, from, to, why."""
    from workbench.report.promotions import promotion_lines, promotions_json
    from workbench.tracking.tracking_store import connect_to_read

    project = open_project(tracking_uri)
    project.require_tracking(tracking_uri, "workbench promotions")
    keep_private(project, tracking_uri)
    store = connect_to_read(project, tracking_uri)
    task = OpenTask.of(project, store, target)
    model = task.promoter.model
    with model.errors("READ"):
        moves, aliases = task.promoter.ledger.moves(), model.aliases()
    show = promotions_json if as_json else promotion_lines
    print_result(show(moves, aliases, model.names))
    return ExitCode.DONE


@dataclass(frozen=True)
class _Options:
    """Options of `promote`.

    Attributes:
        force: the reason for promoting against the evidence; empty: it must allow it.
    """

    force: str
    note: str
    with_weights: bool
    as_json: bool


def _move(
    task: OpenTask, opened: OpenExperiment, evidence: "Evidence", options: _Options
) -> "tuple[Move | None, ExitCode, list[str]]":
    """Promote a variant if its evidence or a reason allows it; the move, or None: it is refused."""
    from workbench.releasing.ledger import PROMOTE, Move
    from workbench.releasing.verdict import TAKEN
    from workbench.report.promote import evidence_lines, refusal
    from workbench.report.promotions import moved_lines

    force, note = options.force, options.note
    if not options.as_json:
        print_lines(evidence_lines(evidence))
    if evidence.ruling.outcome == TAKEN:
        force, note = "", note or force
    elif not force:
        if not options.as_json:
            raise refusal(evidence)
        return None, evidence.ruling.exit_code, []
    record = evidence.subject.evaluated.record
    move = Move(
        PROMOTE,
        task.alias,
        task.person,
        variant=record.name,
        prompt=evidence.subject.evaluated.prompt,
        evaluation=record.run_id,
        verdict=evidence.verdict,
        gate=evidence.gate,
        forced=force,
        note=note,
    )
    new_version = _new_version(task, opened, evidence, replace(options, force=force))
    move = task.promoter.promote(new_version, move, replaced=evidence.subject.replaced)
    return move, _problem_code(move), [*moved_lines(move, task.promoter.model.names)]


def _problem_code(move: "Move") -> ExitCode:
    """Exit code 6 if MLflow refused a part of a move; the part is named on stderr."""
    if not move.problem:
        return ExitCode.DONE
    note_on_stderr(f"error: {plain(move.problem)}")
    return ExitCode.NOT_RECORDED


def _new_version(
    task: OpenTask, opened: OpenExperiment, evidence: "Evidence", options: _Options
) -> "NewVersion":
    """The packaged variant with the description, the tags and the evidence of its version."""
    from workbench.releasing.task_model import NewVersion
    from workbench.releasing.variant_package import log_package, open_package
    from workbench.report.promote import evidence_markdown

    client, evaluated, force = task.store.client, evidence.subject.evaluated, options.force
    parts = (evidence.registered_plan(), evidence.number, opened.store, opened.renderer)
    with open_package(*parts, with_weights=options.with_weights) as package:
        model = log_package(package, run_id=evaluated.record.run_id, name="variant")
    text = evidence_markdown(evidence, task.promoter.model.names, forced=force)
    tags = {name: client.storable_tag(tag) for name, tag in evidence.tags(forced=force).items()}
    evidence_json = evidence.as_json(forced=force)
    return NewVersion(model.model_uri, client.storable_tag(text), tags, evidence_json)
