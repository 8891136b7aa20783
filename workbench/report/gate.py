"""The result of a gate on a terminal, as JSON, as JUnit XML, and for GitHub.

variant   metric       rule                            outcome  value                    rows
few_shot  exact_match  no worse than zero_shot by 0.02  passed  +0.220 [+0.128, +0.306]  150
gate: passed (1 passed)
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import PurePosixPath

from workbench.canonical import JSON
from workbench.comparing.checks import FAILED, PASSED, Check
from workbench.comparing.comparison import ExperimentComparison
from workbench.errors import cost_text, pluralize
from workbench.report.compare import compare_markdown, rows_text
from workbench.report.estimates import estimate, with_median_note
from workbench.report.safe_text import UNSAFE, escape_markdown, plain, shorten
from workbench.report.tables import align_rows, markdown_table
from workbench.results.score_notes import score_notes, score_notes_json
from workbench.run.grow import Grown
from workbench.stats.verdicts import INCONCLUSIVE

COLUMNS = ("variant", "metric", "rule", "outcome", "value", "rows")


@with_median_note
def gate_lines(compared: ExperimentComparison, checks: Sequence[Check]) -> Iterator[str]:
    """One line per check, the rows that undecided checks need, and the verdict."""
    yield from align_rows([COLUMNS, *(_cells(compared, check) for check in checks)])
    for check in checks:
        if note := check_note(check):
            yield f"{_name(compared, check)}, {shorten(check.metric)} {shorten(check.rule)}: {note}"
        if check.outcome != PASSED and check.rows_needed:
            yield (
                f"{_name(compared, check)}, {shorten(check.metric)} {shorten(check.rule)}: "
                f"{pluralize(check.rows, 'row')}; about {check.rows_needed:,} would decide it"
            )
    yield from map(plain, score_notes(compared.results))
    yield verdict(checks)


def check_note(check: Check) -> str:
    """The reason that a check is open, and its rows that no value counts; empty: none."""
    notes = [check.reason] if check.outcome == INCONCLUSIVE and check.reason else []
    if check.unreached and not check.reason:
        verb = "counts" if check.unreached == 1 else "count"
        notes.append(f"{pluralize(check.unreached, 'answer')} without a reply {verb} as the worst")
    if check.not_applicable:
        rows = pluralize(check.not_applicable, "row")
        notes.append(f"{rows} not counted, as the evaluator does not apply")
    if check.left_out:
        notes.append(
            f"{pluralize(check.left_out, 'row')} not counted, as the baseline has no score"
        )
    return "; ".join(notes)


def verdict(checks: Sequence[Check]) -> str:
    """`gate: failed (1 failed, 5 passed)`."""
    outcomes = [check.outcome for check in checks]
    counts = {word: outcomes.count(word) for word in (FAILED, INCONCLUSIVE, PASSED)}
    worst = next(word for word, count in counts.items() if count or word == PASSED)
    return f"gate: {worst} ({', '.join(f'{n} {word}' for word, n in counts.items() if n)})"


def gate_json(
    compared: ExperimentComparison, checks: Sequence[Check], code: int
) -> dict[str, JSON]:
    """Every check; `p` is the chance of such a failure if nothing changed, adjusted for all."""
    names = [variant.name for variant in compared.plan.variants]
    return {
        "experiment": compared.plan.experiment.name,
        "checks": [_check_json(check, names) for check in checks],
        "exit_code": code,
        **score_notes_json(compared.results),
    }


def _check_json(check: Check, names: Sequence[str]) -> dict[str, JSON]:
    base = "" if check.base is None else names[check.base]
    fields = {**asdict(check), "variant": names[check.variant], "base": base}
    renamed = (("fixed_sample", "once"), ("anytime_valid", "again"))
    return fields | {key: fields.pop(name) for name, key in renamed}


def grown_lines(grown: Grown | None, currency: str) -> list[str]:
    """The rows and calls of a grown gate, and why it stopped; empty without --grow."""
    if grown is None:
        return []
    spent = "" if grown.spent is None else f", {currency} {cost_text(grown.spent)}"
    before = f", {grown.begun:,} of them stored before" if grown.begun else ""
    repeats = grown.plan.experiment.repeats
    times = f", {repeats} times each" if repeats > 1 else ""
    outcomes = {check.outcome for check in grown.gate.checks}
    if FAILED in outcomes or INCONCLUSIVE not in outcomes:
        reason = "decided"
    elif grown.outcome.exhausted:
        reason = "the budget is spent"
    elif grown.outcome.model_errors:
        reason = "a model does not answer"
    elif grown.gate.max_rows >= grown.plan.rows:
        reason = "no rows are left"
    else:
        reason = "more rows would not decide it"
    unreached = pluralize(grown.gate.unreached, "row")
    lost = f"; {unreached} got no reply" if grown.gate.unreached else ""
    rows, calls = pluralize(grown.gate.max_rows, "row"), pluralize(grown.calls, "call")
    return [f"grown: {rows}{before}{times}; {calls}{spent}{lost}; {reason}"]


def grown_json(grown: Grown | None) -> dict[str, JSON]:
    """The same under `grown`; empty without --grow."""
    if grown is None:
        return {}
    fields: dict[str, JSON] = {
        "rows": grown.gate.max_rows,
        "rows_before": grown.begun,
        "repeats": grown.plan.experiment.repeats,
        "calls": grown.calls,
        "cost": grown.spent,
        "unreached": grown.gate.unreached,
        "exhausted": grown.outcome.exhausted,
        "problems": [problem.message for problem in grown.outcome.model_errors],
    }
    return {"grown": fields}


def junit_xml(compared: ExperimentComparison, checks: Sequence[Check]) -> str:
    """A test suite with a case per check; an inconclusive one is skipped, with the reason."""
    experiment = compared.plan.experiment.name
    suites = ET.Element("testsuites")
    suite = ET.SubElement(
        suites,
        "testsuite",
        name=_xml(f"workbench gate {experiment}"),
        tests=str(len(checks)),
        failures=str(sum(check.outcome == FAILED for check in checks)),
        errors="0",
        skipped=str(sum(check.outcome == INCONCLUSIVE for check in checks)),
    )
    if notes := score_notes(compared.results):
        properties = ET.SubElement(suite, "properties")
        for note in notes:
            ET.SubElement(properties, "property", name="model_note", value=_xml(note))
    for check in checks:
        case = ET.SubElement(
            suite,
            "testcase",
            classname=_xml(f"{experiment}.{_name(compared, check)}"),
            name=_xml(f"{check.metric} {check.rule}"),
        )
        if check.outcome != PASSED:
            tag = "failure" if check.outcome == FAILED else "skipped"
            ET.SubElement(case, tag, message=_xml(_reason(check)))
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def annotations(
    compared: ExperimentComparison, checks: Sequence[Check], *, folder: PurePosixPath
) -> Iterator[str]:
    """GitHub's workflow commands: an error per failed check, a warning per inconclusive one.

    Args:
        compared: the variants.
        checks: the checks of them.
        folder: the project's folder in its repository.
    """
    for check in checks:
        if check.outcome != PASSED:
            kind = "error" if check.outcome == FAILED else "warning"
            prompt = compared.plan.variants[check.variant].prompt
            file, _, line = prompt.where().rpartition(":")
            title = f"{_name(compared, check)}: {check.metric} {check.rule}"
            path = str(folder / file)
            location = f"file={_property(path)},line={line}," if prompt.origins else ""
            yield f"::{kind} {location}title={_property(title)}::{_data(_reason(check))}"


def summary_markdown(compared: ExperimentComparison, checks: Sequence[Check]) -> str:
    """Markdown for a step summary: the checks, then every pair with its rows and prompt diff."""
    rows = markdown_table([COLUMNS, *(_cells(compared, check) for check in checks)])
    notes = [
        f"- {escape_markdown(f'{_name(compared, check)}, {check.metric} {check.rule}: {note}')}"
        for check in checks
        if (note := check_note(check))
    ]
    lines = [f"## {verdict(checks)}", "", *rows, "", *notes, "", compare_markdown(compared)]
    return "\n".join(lines)


def _cells(compared: ExperimentComparison, check: Check) -> Sequence[str]:
    return (
        _name(compared, check),
        shorten(check.metric),
        shorten(check.rule),
        check.outcome,
        _value(check, "" if check.base is None else "+"),
        rows_text(check.rows, check.clusters),
    )


def _value(check: Check, sign: str = "") -> str:
    """`+0.220 [+0.128, +0.306]`, or empty."""
    return "" if check.value is None else estimate(check.value, check, sign)


def _reason(check: Check) -> str:
    if check.value is None:
        return "; ".join(
            [f"{check.outcome}: there is no value", *filter(None, [check_note(check)])]
        )
    subject = "the mean is" if check.base is None else "the difference is"
    more = f"; about {check.rows_needed:,} would decide it" if check.rows_needed else ""
    note = f"; {note}" if (note := check_note(check)) else ""
    rows = f"{pluralize(check.rows, 'row')}{more}{note}"
    return f"{check.outcome}: {subject} {_value(check)} on {rows}"


def _name(compared: ExperimentComparison, check: Check) -> str:
    return shorten(compared.plan.variants[check.variant].name, 100)


def _xml(text: str) -> str:
    """Text without the characters that XML 1.0 cannot express."""
    return UNSAFE.sub("", text).replace("\ufffe", "").replace("\uffff", "")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
