"""The switch from one model to another, on a terminal and as JSON.

gpt-4o-mini → gpt-6-luna: 60 rows of support
max_tokens is sent as max_completion_tokens: openai:gpt-6-luna: HTTP 400: Unsupported parameter: …
  prompt  metric       gpt-4o-mini  gpt-6-luna  difference               verdict     rows
  triage  label_match  0.800        0.833       +0.033 [-0.080, +0.146]  equivalent  60
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from workbench.canonical import JSON
from workbench.comparing.comparison import ExperimentComparison
from workbench.errors import ExitCode, cost_text, pluralize
from workbench.experiment.model_switch import ModelSwitch
from workbench.plan import Variant
from workbench.releasing.verdict import deciding_metrics, decisive, decisive_outcome
from workbench.report.changed_rows import row_lines
from workbench.report.compare import (
    caveat_lines,
    compare_json,
    difference_text,
    left_out_lines,
    rows_needed_text,
    rows_text,
)
from workbench.report.estimates import with_median_note
from workbench.report.safe_text import NAME_WIDTH, seconds, shorten
from workbench.report.tables import align_rows
from workbench.results.scores import number_text
from workbench.results.types import VariantResult
from workbench.stats.verdicts import BETTER, EQUIVALENT, WORSE

MAX_REASONS = 3
NOT_WORSE, UNDECIDED = "not worse", "not enough evidence"
EXIT_CODES = {NOT_WORSE: ExitCode.DONE, WORSE: ExitCode.GATE, UNDECIDED: ExitCode.UNDECIDED}


@dataclass(frozen=True)
class SwitchReport:
    """Two models compared with the same prompts.

    Attributes:
        compared: the variants of both; those of the old one are the baselines.
        gone: why the old model answers no longer; empty: it does, or was not asked.
        unanswered: requests to it that never got a reply, by the reason.
    """

    switch: ModelSwitch
    compared: ExperimentComparison
    gone: str
    unanswered: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """True if each row was asked, of a model that is gone as far as it has answers."""
        results = self.compared.results
        numbers = {
            number for pair in self.compared.pairs for number in pair[: 1 if self.gone else 2]
        }
        return not any(results[number].rows.not_run for number in numbers)

    @property
    def metrics(self) -> list[str]:
        """The metrics that decide: those of the gate, else the first with values of rows."""
        return deciding_metrics(self.compared.plan.experiment)

    @property
    def outcomes(self) -> list[tuple[int, str, str]]:
        """The number of each variant of the new model, with each deciding metric's outcome."""
        results = self.compared.results
        return [
            (number, metric, decisive_outcome(results[number].comparisons.get(metric)))
            for number, _ in self.compared.pairs
            for metric in self.metrics
        ]

    @property
    def conclusion(self) -> str:
        """`worse` if the new model is by any deciding metric; `not worse` if it is by none."""
        outcomes = {outcome for _, _, outcome in self.outcomes}
        if WORSE in outcomes:
            return WORSE
        return NOT_WORSE if outcomes and outcomes <= {BETTER, EQUIVALENT} else UNDECIDED

    @property
    def exit_code(self) -> ExitCode:
        """0: not worse, 1: worse, 8: not enough evidence."""
        return EXIT_CODES[self.conclusion]


@with_median_note
def switch_lines(report: SwitchReport, currency: str) -> Iterator[str]:
    """The mended settings, verdicts, changed rows, cost and latency, and the conclusion."""
    switch, compared, plan = report.switch, report.compared, report.compared.plan
    names = shorten(switch.old.label, NAME_WIDTH), shorten(switch.new.label, NAME_WIDTH)
    rows = pluralize(plan.rows, "row")
    yield f"{names[0]} → {names[1]}: {rows} of {shorten(plan.experiment.name)}"
    yield from (shorten(words, 300) for words in switch.mended.values())
    if report.gone:
        reason = shorten(report.gone, 200)
        yield f"{names[0]} answers no longer, so its stored answers count: {reason}"
    yield from _missing_lines(report)
    yield ""
    yield from align_rows([_header(names), *_verdict_rows(report)])
    for number, base in compared.pairs:
        if changed := list(_changed_lines(compared, number)):
            yield f"{_prompt_name(plan.variants[number])}: rows that changed"
            yield from changed
        yield from caveat_lines(compared, [base, number])
    yield ""
    yield from align_rows(list(_usage_rows(compared, names, currency)))
    yield ""
    yield from _conclusion_lines(report, names)


def _header(names: tuple[str, str]) -> Sequence[str]:
    return ("prompt", "metric", *names, "difference", "verdict", "rows")


def _verdict_rows(report: SwitchReport) -> Iterator[Sequence[str]]:
    compared = report.compared
    for number, _ in compared.pairs:
        result = compared.results[number]
        for metric, comparison in result.comparisons.items():
            difference = comparison.difference
            yield (
                _prompt_name(result.variant),
                shorten(metric),
                number_text(difference.before),
                number_text(difference.after),
                difference_text(difference),
                comparison.verdict.text,
                rows_text(difference.rows, difference.clusters),
            )


def _prompt_name(variant: Variant) -> str:
    """The prompt, and the point of the grid."""
    point = (f"{name}={value}" for name, value in variant.point.items())
    return shorten(" · ".join([variant.prompt.ref, *point]), NAME_WIDTH)


def _changed_lines(compared: ExperimentComparison, number: int) -> Iterator[str]:
    yield from row_lines(compared, number)
    for metric, comparison in compared.results[number].comparisons.items():
        yield from (f"  {shorten(metric)}: {line}" for line in left_out_lines(comparison))


def _missing_lines(report: SwitchReport) -> Iterator[str]:
    compared = report.compared
    for pair in compared.pairs:
        for number in (pair[1], pair[0]):
            rows, variant = compared.results[number].rows, compared.plan.variants[number]
            name = f"{_prompt_name(variant)} on {shorten(variant.model.model.label)}"
            of_rows = f"of {pluralize(rows.planned, 'row')}"
            if rows.not_run:
                verbs = ("has", "is") if rows.not_run == 1 else ("have", "are")
                words = f"{verbs[0]} no answer and {verbs[1]} left out"
                yield f"{name}: {rows.not_run:,} {of_rows} {words}"
            if rows.failed:
                yield f"{name}: {rows.failed:,} {of_rows} failed"
    for reason, count in list(report.unanswered.items())[:MAX_REASONS]:
        requests = pluralize(count, "request")
        old = shorten(report.switch.old.label)
        yield f"  {requests} to {old} got no reply: {shorten(reason, 200)}"


def _usage_rows(
    compared: ExperimentComparison, names: tuple[str, str], currency: str
) -> Iterator[Sequence[str]]:
    yield ("prompt", "per answer", *names)
    for number, base in compared.pairs:
        before, after = compared.results[base], compared.results[number]
        prompt = _prompt_name(after.variant)
        yield prompt, f"{currency} of 1,000", _cost(before), _cost(after)
        yield "", "latency", _latency(before), _latency(after)
        yield "", "tokens in/out", _tokens(before), _tokens(after)


def _cost(result: VariantResult) -> str:
    cost = result.cost_of_1000
    return "unknown" if cost is None else cost_text(cost)


def _latency(result: VariantResult) -> str:
    return "unknown" if result.latency_s is None else seconds(result.latency_s)


def _tokens(result: VariantResult) -> str:
    if result.input_tokens is None or result.output_tokens is None or not result.replies:
        return "unknown"
    counts = (result.input_tokens, result.output_tokens)
    return "/".join(f"{tokens / result.replies:,.0f}" for tokens in counts)


def _conclusion_lines(report: SwitchReport, names: tuple[str, str]) -> Iterator[str]:
    decided = ", ".join(map(shorten, report.metrics))
    if report.conclusion == NOT_WORSE:
        yield f"{names[1]} is not worse than {names[0]} by {decided}"
        return
    is_worse = report.conclusion == WORSE
    results, variants = report.compared.results, report.compared.plan.variants
    if is_worse:
        yield f"{names[1]} is worse than {names[0]} by {decided}:"
    else:
        yield f"not enough evidence that {names[1]} is not worse than {names[0]} by {decided}:"
    for number, metric, outcome in report.outcomes:
        if outcome in (BETTER, EQUIVALENT) or (is_worse and outcome != WORSE):
            continue
        comparison = results[number].comparisons.get(metric)
        text = "no row has a value of both"
        if comparison:
            difference, verdict = decisive(comparison)
            needed = verdict.reason or rows_needed_text(verdict)
            text = f"{difference_text(difference)}, {verdict.text}"
            text += f"; {needed}" if needed and outcome != WORSE else ""
        yield f"  {_prompt_name(variants[number])}, {shorten(metric)}: {text}"


def entry_lines(report: SwitchReport, path: str, *, written: bool) -> list[str]:
    """The entry of the new model, which is written or to be written."""
    switch = report.switch
    if written:
        return [f"written: {shorten(path, 200)}: {switch.new.text}"]
    if switch.new.index is not None and not switch.mended:
        return []
    return [f"to switch, write in `models:` of {shorten(path, 200)}:", f"  - {switch.new.text}"]


def switch_json(report: SwitchReport, *, written: bool) -> dict[str, JSON]:
    """The same as one object, with every changed row."""
    switch, variants = report.switch, report.compared.plan.variants
    return {
        **compare_json(report.compared),
        "old": switch.old.ref,
        "new": switch.new.ref,
        "mended": dict(switch.mended),
        "entry": {switch.new.ref: dict(switch.new.settings)},
        "gone": report.gone,
        "unanswered": dict(report.unanswered),
        "metrics": report.metrics,
        "outcomes": [
            {"variant": variants[number].name, "metric": metric, "outcome": outcome}
            for number, metric, outcome in report.outcomes
        ],
        "conclusion": report.conclusion,
        "written": written,
    }
