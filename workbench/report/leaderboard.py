"""The leaderboard of a run: each variant's metrics with interval and n, then the verdicts.

variant  exact_match     rows  tokens in/out  model time
plain    0.500 n=2          2            2/2        0 ms
         [0.095, 0.905]
loud     0.000 n=2          2            2/2        0 ms
         [0.000, 0.658]
         -0.500 unclear
verdicts: against plain, on the same rows; …
"""

from collections.abc import Iterator, Sequence
from math import sqrt
from statistics import fmean

from rich.table import Table
from rich.text import Text

from workbench.errors import cost_text, pluralize
from workbench.evaluator.row_values import ADD_EVALUATORS, NO_EVALUATORS
from workbench.report.compare import difference_text, left_out_lines, rows_needed_text
from workbench.report.estimates import MEDIAN_NOTE
from workbench.report.safe_text import NAME_WIDTH, plain, seconds, shorten
from workbench.report.tables import new_table
from workbench.results.score_notes import score_notes
from workbench.results.scores import number_text, shown_ends
from workbench.results.types import (
    MetricComparison,
    MetricResult,
    VariantResult,
    count_notes,
    interval_text,
)
from workbench.stats.verdicts import BETTER, EQUIVALENT, INCONCLUSIVE, WORSE, Verdict

STYLES = {BETTER: "green", WORSE: "red", EQUIVALENT: "cyan", INCONCLUSIVE: "dim"}
NOTED_COUNTS = ("failed", "not_run", "truncated", "refused")  # answers, under the rows
MAX_DETAILS = 6  # lines about single comparisons


def leaderboard(
    variants: Sequence[VariantResult], *, currency: str, best: int | None = None
) -> Table:
    """The variants as `rank_variants` orders them."""
    names = list(variants[0].metrics) if variants else []
    table = new_table()
    table.add_column("variant", overflow="fold")
    for name in names:
        table.add_column(Text(plain(name)), no_wrap=True)
    table.add_column("rows", justify="right")
    table.add_column("tokens in/out", justify="right", no_wrap=True)
    priced = any(variant.cost is not None for variant in variants)
    if priced:
        table.add_column(Text(plain(f"cost {currency}")), justify="right")
    if not names:
        table.add_column("latency", justify="right", no_wrap=True)
    table.add_column("model time", justify="right", no_wrap=True)
    for variant in rank_variants(variants, best):
        cells = [Text(shorten(variant.variant.name, NAME_WIDTH))]
        cells += [_metric(variant.metrics[name], variant.comparisons.get(name)) for name in names]
        cells += [_rows(variant), Text(_tokens(variant))]
        if priced:
            cells.append(Text("unknown" if variant.cost is None else cost_text(variant.cost)))
        if not names:
            latency = variant.latency_s
            cells.append(Text("unknown" if latency is None else seconds(latency)))
        table.add_row(*cells, Text(seconds(variant.seconds)))
    return table


def leaderboard_blocks(
    variants: Sequence[VariantResult], *, currency: str, best: int | None = None
) -> Text:
    """The leaderboard for a narrow terminal: a block per variant, a line per metric."""
    text = Text()
    for variant in rank_variants(variants, best):
        text.append(shorten(variant.variant.name, NAME_WIDTH) + "\n", style="bold")
        for name, metric in variant.metrics.items():
            text.append(plain(f"  {name}: {interval_text(metric)}\n"))
            if comparison := variant.comparisons.get(name):
                text.append("    ").append(styled_verdict(comparison, ", ")).append("\n")
        scored, *notes = _rows(variant).plain.split("\n")
        rows = ", ".join([f"{scored} {'row' if scored == '1' else 'rows'}", *notes])
        cost = "" if variant.cost is None else f", {currency} {cost_text(variant.cost)}"
        spent = f"{_tokens(variant)} tokens{plain(cost)}, {seconds(variant.seconds)}"
        text.append(f"  {rows}, {spent}\n")
    text.rstrip()
    return text


def rank_variants(
    variants: Sequence[VariantResult], best: int | None = None
) -> list[VariantResult]:
    """The variants in the order of `rank_numbers`, the one with the number `best` first."""
    first = [] if best is None else [best]
    return [variants[number] for number in dict.fromkeys([*first, *rank_numbers(variants)])]


def rank_numbers(variants: Sequence[VariantResult]) -> list[int]:
    """Best first by the first metric with a mean; those without one last, in the file's order.

    Failed answers count as the worst score, so that failing does not lead the table.
    """

    def rank(number: int) -> tuple[bool, float]:
        for metric in variants[number].metrics.values():
            mean = metric.decisive
            if mean is not None:
                return False, -mean if metric.higher_is_better else mean
            if metric.kind != "category":
                break
        return True, 0.0

    return sorted(range(len(variants)), key=rank)


def verdict_lines(variants: Sequence[VariantResult]) -> list[str]:
    """The baseline, margins and open comparisons, if there are any; or that nothing is measured."""
    if variants and not variants[0].metrics:
        return [f"{NO_EVALUATORS}; {ADD_EVALUATORS}", *map(plain, score_notes(variants))]
    comparisons = [
        (f"  {shorten(variant.variant.name, NAME_WIDTH)}, {shorten(name)}", name, comparison)
        for variant in variants
        for name, comparison in variant.comparisons.items()
    ]
    metrics = variants[0].metrics if variants else {}
    problems = {
        name: problem
        for name in metrics
        if (problem := next(filter(None, (v.metrics[name].problem for v in variants)), ""))
    }
    no_verdicts = [f"no verdict on {shorten(name)}: {words}" for name, words in problems.items()]
    shown = [metric for variant in variants for metric in variant.metrics.values()]
    medians = [MEDIAN_NOTE] if any(metric.median for metric in shown) else []
    if not comparisons:
        lines = [*(no_verdicts if variants[1:] else ()), *medians, *variance_lines(variants)]
        return [*lines, *map(plain, score_notes(variants))]
    baselines = list({shorten(each.baseline, NAME_WIDTH): None for _, _, each in comparisons})
    baseline = baselines[0] if len(baselines) == 1 else "the baseline that shares all else"
    sizes = {name: comparison.margin for _, name, comparison in comparisons}
    margins = [f"{name} {size:.3g}" for name, size in sizes.items() if not metrics[name].slice_of]
    lines = [
        f"verdicts: against {baseline}, on the same rows; of each metric a false one in at most 5% "
        "of runs, all variants together (Holm)",
        f"equivalent: within {', '.join(margins)} (`margin:` in the experiment file)",
    ]
    reasons = {(name, c.verdict.reason): None for _, name, c in comparisons if c.verdict.reason}
    lines += [f"no verdict on {shorten(name)}: {reason}" for name, reason in reasons]
    lines += [*no_verdicts, *medians]
    details = [
        f"{label}: {detail}"
        for label, _, comparison in comparisons
        for detail in _details(comparison)
    ]
    lines += [*variance_lines(variants), *map(plain, score_notes(variants))]
    lines += details[:MAX_DETAILS]
    if len(details) > MAX_DETAILS:
        lines.append(f"  and {len(details) - MAX_DETAILS} more: --json lists all of them")
    return lines


def variance_lines(variants: Sequence[VariantResult]) -> list[str]:
    """The sources of each repeated metric's variance, and what more rows or repeats would bring."""
    lines: list[str] = []
    for name in variants[0].metrics if variants else ():
        shares = [metric.variance for v in variants if (metric := v.metrics[name]).variance]
        if not shares or variants[0].metrics[name].slice_of:
            continue
        means = {
            source: fmean(parts[source] for parts in shares if source in parts)
            for source in dict.fromkeys(source for parts in shares for source in parts)
        }
        repeats = variants[0].answers.planned / max(1, variants[0].rows.planned)
        noise = (1 - means["rows"]) / repeats
        narrower = 1 - sqrt((means["rows"] + noise / 2) / (means["rows"] + noise))
        sources = ", ".join(f"{source} {share:.0%}" for source, share in means.items())
        lines.append(
            f"variance of {shorten(name)}: {sources}; twice the repeats would narrow its intervals "
            f"by {narrower:.0%}, twice the rows by {1 - sqrt(0.5):.0%}"
        )
    return lines


def _details(comparison: MetricComparison) -> Iterator[str]:
    """An unclear verdict, and the worst case of failed rows."""
    difference, verdict = comparison.difference, comparison.verdict
    raced = difference.anytime_valid  # after a race more rows don't help
    if verdict.outcome == INCONCLUSIVE and not raced and not verdict.reason:
        text = f"{difference_text(difference)}, {verdict.text}"
        if rows := rows_needed_text(verdict):
            text += f"; {rows}"
        if verdict.detectable is not None:
            text += f" ({difference.rows:,} show {verdict.detectable:.3g} or more)"
        yield text
    if comparison.worst or comparison.not_applicable:  # the table shows an unknown worst case
        yield from left_out_lines(comparison)


def _metric(metric: MetricResult, comparison: MetricComparison | None) -> Text:
    """`0.833 n=150`, then median, interval, verdict, and the outcomes that are not in the mean."""
    text = Text()
    if metric.mean is None:
        text.append("no value" if metric.kind != "category" else "", style="dim")
    else:
        unit = f" {shorten(metric.unit)}" if metric.unit else ""
        text.append(mean_number(metric.mean) + unit, style="bold")
    text.append(f" n={metric.n}", style="dim")
    if metric.median:
        text.append(f"\nmedian {mean_number(metric.median.value)}")
    if ends := shown_ends(metric):
        text.append(f"\n[{mean_number(ends[0])}, {mean_number(ends[1])}]")
    if comparison:
        text.append("\n").append(styled_verdict(comparison, "\n"))
    notes = [f"{count} {name}" for name, count in _outcomes(metric)]
    notes += _repeats(metric)
    notes += count_notes(metric)
    if metric.worst:
        text.append(
            f"\nat worst {mean_number(metric.worst.mean)} n={metric.worst.n}", style="yellow"
        )
    if notes:
        text.append("\n" + "\n".join(notes), style="yellow" if metric.answers.errors else "dim")
    return text


def _repeats(metric: MetricResult) -> list[str]:
    """`pass^3 0.62`, `pass@3 0.91`, `12 flaky rows`; empty without repeats."""
    if not metric.pass_all:
        return []
    k = max(metric.pass_all)
    rows = "" if metric.pass_rows[k] == metric.n else f" of {pluralize(metric.pass_rows[k], 'row')}"
    return [
        f"pass^{k} {metric.pass_all[k]:.3f}{rows}",
        f"pass@{k} {metric.pass_at[k]:.3f}{rows}",
        *([pluralize(len(metric.flaky), "flaky row")] if metric.flaky else []),
    ]


def styled_verdict(comparison: MetricComparison, separator: str) -> Text:
    """`+0.053 better`; and `at worst -0.020 unclear` where failed answers change the word."""
    text = _worded(comparison.difference.mean, comparison.verdict)
    worst, verdict = comparison.worst, comparison.worst_verdict
    if worst and verdict and verdict.outcome != comparison.verdict.outcome:
        text.append(f"{separator}at worst ", style="yellow")
        text.append(_worded(worst.mean, verdict))
    return text


def verdict_text(comparison: MetricComparison) -> str:
    """`+0.053 better`; and `at worst -0.020 unclear` where failed answers change the word."""
    return styled_verdict(comparison, ", ").plain


def _worded(mean: float, verdict: Verdict) -> Text:
    signed = ("+" if mean >= 0 else "-") + mean_number(abs(mean))
    return Text(f"{signed} {verdict.word}", style=STYLES[verdict.outcome])


def _outcomes(metric: MetricResult) -> list[tuple[str, int]]:
    """The categories, else the outcomes that are neither right nor wrong."""
    outcomes = [(shorten(name, 20), count) for name, count in metric.outcomes.items()]
    if metric.kind == "category":
        return outcomes[:5]
    return [(name, count) for name, count in outcomes if name not in ("right", "wrong")]


def mean_number(value: float) -> str:
    """A mean in a table: with decimals below 100."""
    return number_text(value) if abs(value) < 100 else f"{value:,.0f}"


def _rows(variant: VariantResult) -> Text:
    """`150`, or `147 of 150` and the reasons; with repeats the reasons count answers."""
    rows, answers = variant.rows, variant.answers
    text = Text(str(rows.scored))
    if rows.scored != rows.planned:
        text.append(f" of {rows.planned}", style="red" if variant.missing else "")
    states = [(name.replace("_", " "), getattr(answers, name)) for name in NOTED_COUNTS]
    notes = [f"{count} {state}" for state, count in states if count]
    notes += [f"{n} ended {shorten(word, 30)!r}" for word, n in variant.unknown_finishes.items()]
    notes += [pluralize(variant.ties, "tie")] if variant.ties else []
    if answers.planned != rows.planned:
        notes = [f"{answers.scored} of {answers.planned} answers", *notes]
    if notes:
        text.append("\n" + "\n".join(notes), style="dim")
    return text


def _tokens(variant: VariantResult) -> str:
    if variant.input_tokens is None or variant.output_tokens is None:
        return "unknown"
    return f"{variant.input_tokens:,}/{variant.output_tokens:,}"
