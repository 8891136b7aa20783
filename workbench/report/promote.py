"""A promotion's evidence as text, Markdown and JSON, and the refusal.

few_shot for production of sentiment, in place of version 2 (zero_shot)
  metric       mean                  rows  before  difference               verdict
  label_match  0.780 [0.707, 0.839]  150   0.580   +0.200 [+0.112, +0.288]  better
gate: passed (1 passed)
"""

import shlex
from collections.abc import Iterator, Sequence

from workbench.canonical import JSON
from workbench.comparing.checks import FAILED
from workbench.errors import WorkbenchError, pluralize
from workbench.releasing.evidence import Evidence
from workbench.releasing.ledger import Move, utc
from workbench.releasing.registered_models import ReleaseNames
from workbench.releasing.verdict import GATE_FAILED, NO_EVIDENCE, TAKEN, decisive
from workbench.report.compare import difference_text, rows_needed_text, rows_text
from workbench.report.estimates import estimate, with_median_note
from workbench.report.gate import check_note, verdict
from workbench.report.promotions import move_json
from workbench.report.safe_text import escape_markdown, plain, shorten
from workbench.report.tables import align_rows, markdown_table
from workbench.results.scores import number_text
from workbench.stats.verdicts import INCONCLUSIVE, WORSE


@with_median_note
def evidence_lines(evidence: Evidence) -> Iterator[str]:
    """The variant, its metrics beside those of the variant in production, and the gate."""
    subject, result = evidence.subject, evidence.result
    task = evidence.plan.experiment.task
    place = f"in place of {subject.replaced.title}" if subject.replaced else "the first"
    yield plain(f"{result.variant.name} for {subject.alias} of {task}, {place}")
    yield from align_rows(_metric_rows(evidence))
    yield verdict(evidence.checks) if evidence.checks else "gate: none"
    for note in evidence.notes:
        yield f"note: {plain(note)}"


def _metric_rows(evidence: Evidence) -> list[Sequence[str]]:
    """A header, then each metric of the variant with its difference from production."""
    compared = bool(evidence.result.comparisons) and evidence.subject.replaced is not None
    before = ("before", "difference", "verdict") if compared else ()
    rows: list[Sequence[str]] = [("metric", "mean", "rows", *before)]
    for name, metric in evidence.result.metrics.items():
        mean = "no value" if metric.mean is None else estimate(metric.mean, metric)
        cells = [shorten(name), mean, rows_text(metric.n, metric.clusters or metric.n)]
        if compared and (comparison := evidence.result.comparisons.get(name)):
            difference, ruling = decisive(comparison)
            before_mean = number_text(difference.before)
            cells += [before_mean, difference_text(difference), ruling.text]
        elif compared:
            cells += ["", "", ""]
        rows.append(cells)
    return rows


def refusal(evidence: Evidence) -> WorkbenchError:
    """The error for a promotion that the evidence does not allow, with the command to go on."""
    ruling, subject = evidence.ruling, evidence.subject
    name = evidence.result.variant.name
    now = f"{subject.replaced.title}, which is {subject.alias!r}" if subject.replaced else ""
    fixes = [gap.fix for gap in ruling.gaps]
    if ruling.outcome == NO_EVIDENCE:
        message = "; ".join(gap.message for gap in ruling.gaps)
    elif ruling.outcome == GATE_FAILED:
        message = f"the gate failed for {name}: {_checks_text(evidence, (FAILED,))}"
        fixes.append(f"workbench gate {shlex.quote(name)} shows every check")
    elif ruling.outcome == WORSE:
        message = f"{name} is worse than {now}: {_differences(evidence)}"
        fixes.append(f"promote another variant; {_compare_command(evidence)} shows the difference")
    else:
        parts = [_differences(evidence)] if ruling.metrics else []
        if open_checks := _checks_text(evidence, (INCONCLUSIVE,)):
            parts.append(f"the gate is open: {open_checks}")
        message = f"{name} against {now}: {'; '.join(parts)}" if now else f"{name}: {parts[0]}"
        fixes.append("add rows to the dataset, then workbench run and promote again")
    return WorkbenchError(
        f"{_refused(ruling.outcome)}: {message}",
        where=evidence.plan.experiment.path,
        fix="; ".join([*dict.fromkeys(fixes), '--force "why" promotes it all the same']),
        exit_code=ruling.exit_code,
    )


def _refused(outcome: str) -> str:
    return f"refused, {outcome}" if outcome in (NO_EVIDENCE, INCONCLUSIVE) else "refused"


def _compare_command(evidence: Evidence) -> str:
    """The command that shows how a variant differs from the one in production."""
    comparisons = filter(None, evidence.comparisons.values())
    names = [next(comparison.baseline for comparison in comparisons), evidence.result.variant.name]
    return shlex.join(["workbench", "compare", *names])


def _differences(evidence: Evidence) -> str:
    """The differences of the metrics for which a promotion is refused."""
    texts = []
    for name in evidence.ruling.metrics:
        comparison = evidence.comparisons[name]
        if comparison is None:
            texts.append(f"{name} has no row with a value of both")
            continue
        difference, ruling = decisive(comparison)
        text = f"{name} {difference_text(difference)} on {pluralize(difference.rows, 'row')}"
        if comparison.worst_unknown:
            text += ", and failed answers can't count as the worst score, as it has no range"
        elif ruling.reason:
            text += f", no verdict: {ruling.reason}"
        elif ruling.outcome == INCONCLUSIVE:
            needed = rows_needed_text(ruling)
            text += f", {ruling.text}" + (f": {needed}" if needed else "")
        texts.append(text)
    return "; ".join(texts)


def _checks_text(evidence: Evidence, outcomes: Sequence[str]) -> str:
    texts = []
    for check in evidence.checks:
        if check.outcome in outcomes:
            sign = "" if check.base is None else "+"
            value = "no value" if check.value is None else estimate(check.value, check, sign)
            text = f"{check.metric} {check.rule}: {value} on {pluralize(check.rows, 'row')}"
            if check.rows_needed:
                text += f"; about {check.rows_needed:,} would decide it"
            if note := check_note(check):
                text += f"; {note}"
            texts.append(text)
    return "; ".join(texts)


def evidence_markdown(evidence: Evidence, names: ReleaseNames, *, forced: str = "") -> str:
    """The description of a model version and of the move to it.

    Addresses begin with `#`, so that they work wherever the server is.
    """
    subject, record = evidence.subject, evidence.subject.evaluated.record
    experiment, result = evidence.plan.experiment, evidence.result
    runs = f"#/experiments/{subject.evaluated.experiment_id}/runs"
    place = f"replaces {subject.replaced.title}" if subject.replaced else "the first version"
    name, _, number = subject.evaluated.prompt.rpartition("/")
    parameters = ", ".join(f"{k} {v}" for k, v in result.variant.parameters.items())
    commit = evidence.commit.removesuffix("+") or "none"
    commit += " and uncommitted changes" if record.modified else ""
    dataset = experiment.dataset
    facts = [
        ("Verdict", evidence.verdict),
        ("Gate", verdict(evidence.checks).removeprefix("gate: ") if evidence.checks else "none"),
        ("Dataset", f"{dataset.name}, {result.rows.planned:,} rows, digest {dataset.digest[:12]}"),
        ("Model", f"{result.variant.model.model.ref}{f' with {parameters}' if parameters else ''}"),
        ("Commit", commit),
        ("Promoted by", f"{evidence.person}, {utc(evidence.when)}"),
    ]
    lines = [
        escape_markdown(f"{result.variant.name} for {subject.alias} of {names.task}: {place}"),
        "",
        *markdown_table(_metric_rows(evidence)),
        "",
        *(f"- {label}: {escape_markdown(text)}" for label, text in facts),
        f"- Prompt: [{escape_markdown(name)} version {number}](#/prompts/{name})",
        f"- Evaluation: [the variant's run]({runs}/{record.run_id}), "
        f"[the invocation]({runs}/{record.invocation})",
    ]
    if forced:
        against = refusal(evidence).message.partition(": ")[2]
        lines += ["", f"**Forced**: {escape_markdown(forced)}"]
        lines += [f"- The evidence said: {escape_markdown(against)}"]
    return "\n".join(lines)


def promoted_json(
    evidence: Evidence, names: ReleaseNames, move: Move | None, forced: str
) -> dict[str, JSON]:
    """The evidence of a promotion, and the move if it was taken."""
    refused = refusal(evidence) if evidence.ruling.outcome != TAKEN else None
    code = int(refused.exit_code) if refused and move is None else 0
    return {
        "task": names.task,
        "model": names.model,
        "alias": evidence.subject.alias,
        "taken": move is not None,
        "ruling": evidence.ruling.outcome,
        "refusal": refused.as_json() if refused else None,
        "forced": forced if refused else "",
        "move": move_json(move) if move else None,
        "evidence": evidence.as_json(forced=forced),
        "notes": list(evidence.notes),
        "exit_code": code,
    }
