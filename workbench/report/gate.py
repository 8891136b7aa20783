"""What a gate said: on a terminal, as JUnit XML, for GitHub.

few_shot  exact_match  no worse than zero_shot by 0.02  passed  +0.220 [+0.128, +0.306]  150 rows
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from workbench.canonical import JSON
from workbench.comparing import FAILED, INCONCLUSIVE, PASSED, Check, ExperimentComparison
from workbench.report.compare import align_rows, compare_markdown, escape_markdown
from workbench.report.safe_text import UNSAFE, shorten
from workbench.run.grow import Grown

SCHEMA_VERSION = 1
HERE = PurePosixPath()
COLUMNS = ("variant", "metric", "rule", "outcome", "value", "rows")


def gate_lines(found: ExperimentComparison, checks: Sequence[Check]) -> Iterator[str]:
    """A line a check, and below them what would decide those that are open."""
    yield from align_rows([COLUMNS, *(_cells(found, check) for check in checks)])
    for check in checks:
        if check.outcome != PASSED and check.rows_needed:
            yield (
                f"{_name(found, check)}, {shorten(check.metric)} {shorten(check.rule)}: "
                f"{check.rows:,} rows; about {check.rows_needed:,} would decide it"
            )
    yield verdict(checks)


def verdict(checks: Sequence[Check]) -> str:
    """`gate: passed (6 checks)`."""
    counts = {
        word: sum(one.outcome == word for one in checks) for word in (FAILED, INCONCLUSIVE, PASSED)
    }
    worst = next(word for word, count in counts.items() if count or word == PASSED)
    said = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return f"gate: {worst} ({said})"


def gate_json(found: ExperimentComparison, checks: Sequence[Check], code: int) -> dict[str, JSON]:
    """Every check; `p` is that of failing by chance, adjusted for all of them."""
    names = [variant.name for variant in found.plan.variants]
    return {
        "schema_version": SCHEMA_VERSION,
        "experiment": found.plan.experiment.name,
        "checks": [_check_json(check, names[check.variant]) for check in checks],
        "exit_code": code,
    }


def _check_json(check: Check, variant: str) -> dict[str, JSON]:
    fields = {**vars(check), "variant": variant}
    names = (("baseline", "base"), ("fixed_sample", "once"), ("anytime_valid", "again"))
    return fields | {key: fields.pop(name) for name, key in names}


def grown_lines(grown: Grown | None, currency: str) -> list[str]:
    """What was asked for, and why no more."""
    if grown is None:
        return []
    asked = f"{grown.calls:,} calls" + (
        "" if grown.spent is None else f", {currency} {grown.spent:.4f}"
    )
    rows = f"{grown.rows:,} rows" + (
        f", {grown.begun:,} of them stored before" if grown.begun else ""
    )
    repeats = grown.plan.experiment.repeats
    rows += f", {repeats} times each" if repeats > 1 else ""
    outcomes = {check.outcome for check in grown.checks}
    if FAILED in outcomes or INCONCLUSIVE not in outcomes:
        why = "decided"
    elif grown.exhausted:
        why = "the budget is spent"
    elif grown.problems:
        why = "a model does not answer"
    elif grown.rows >= grown.plan.rows:
        why = "no row is left to ask for"
    else:
        why = "more rows would not decide it"
    lost = f"; {grown.unreached:,} rows got no reply" if grown.unreached else ""
    return [f"grown: {rows}; {asked}{lost}; {why}"]


def grown_json(grown: Grown | None) -> dict[str, JSON]:
    """The same as data, under `grown`."""
    if grown is None:
        return {}
    said: dict[str, JSON] = {
        "rows": grown.rows,
        "rows_before": grown.begun,
        "repeats": grown.plan.experiment.repeats,
        "calls": grown.calls,
        "cost": grown.spent,
        "unreached": grown.unreached,
        "exhausted": grown.exhausted,
        "problems": [problem.message for problem in grown.problems],
    }
    return {"grown": said}


def junit(found: ExperimentComparison, checks: Sequence[Check]) -> str:
    """A suite with a case a check; what can't be decided is skipped, with the reason."""
    suite = ET.Element(
        "testsuite",
        name=_xml(f"workbench gate {found.plan.experiment.name}"),
        tests=str(len(checks)),
        failures=str(sum(check.outcome == FAILED for check in checks)),
        errors="0",
        skipped=str(sum(check.outcome == INCONCLUSIVE for check in checks)),
    )
    for check in checks:
        case = ET.SubElement(
            suite,
            "testcase",
            classname=_xml(f"{found.plan.experiment.name}.{_name(found, check)}"),
            name=_xml(f"{check.metric} {check.rule}"),
        )
        if check.outcome != PASSED:
            tag = "failure" if check.outcome == FAILED else "skipped"
            ET.SubElement(case, tag, message=_xml(_said(check)))
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def annotations(
    found: ExperimentComparison, checks: Sequence[Check], *, below: PurePosixPath = HERE
) -> Iterator[str]:
    """GitHub's workflow commands: an error for what failed, a warning for what is open.

    Args:
        found: the variants.
        checks: what was said of them.
        below: the project's folder in its repository.
    """
    for check in checks:
        if check.outcome != PASSED:
            kind = "error" if check.outcome == FAILED else "warning"
            prompt = found.plan.variants[check.variant].prompt
            file, _, line = prompt.where().rpartition(":")
            title = f"{_name(found, check)}: {check.metric} {check.rule}"
            path = str(below / file)
            place = f"file={_property(path)},line={line}," if prompt.origins else ""
            yield f"::{kind} {place}title={_property(title)}::{_data(_said(check))}"


def summary_markdown(found: ExperimentComparison, checks: Sequence[Check]) -> str:
    """For a step summary: the checks, then every pair with its rows and its prompt diff."""
    rows = [
        f"| {' | '.join(escape_markdown(cell) for cell in _cells(found, one))} |" for one in checks
    ]
    head = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    return "\n".join([f"## {verdict(checks)}", "", *head, *rows, "", compare_markdown(found)])


def _cells(found: ExperimentComparison, check: Check) -> Sequence[str]:
    signed = "+" if check.baseline else ""
    value = "" if check.value is None else f"{check.value:{signed}.3f}"
    if check.low is not None and check.high is not None:
        value += f" [{check.low:{signed}.3f}, {check.high:{signed}.3f}]"
    return (
        _name(found, check),
        shorten(check.metric),
        shorten(check.rule),
        check.outcome,
        value,
        f"{check.rows:,}",
    )


def _said(check: Check) -> str:
    if check.value is None:
        return f"{check.outcome}: there is no value"
    value = f"{check.value:.3f}"
    if check.low is not None and check.high is not None:
        value += f" [{check.low:.3f}, {check.high:.3f}]"
    more = f"; about {check.rows_needed:,} would decide it" if check.rows_needed else ""
    what = "the difference is" if check.baseline else "the mean is"
    return f"{check.outcome}: {what} {value} on {check.rows:,} rows{more}"


def _name(found: ExperimentComparison, check: Check) -> str:
    return shorten(found.plan.variants[check.variant].name, 100)


def _xml(text: str) -> str:
    """Without what XML 1.0 has no word for."""
    return UNSAFE.sub("", text).replace("\ufffe", "").replace("\uffff", "")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
