"""A comparison on a terminal, as Markdown, and as JSON.

few_shot · m against zero_shot · m
  metric       before  after  difference               verdict  rows
  label_match  0.580   0.780  +0.200 [+0.112, +0.288]  better   150
  label_match: 38 rows better, 8 worse
"""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from workbench.canonical import JSON, SCHEMA_VERSION
from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.row_patterns import RowPatterns
from workbench.errors import list_first, pluralize
from workbench.evaluator.row_values import NO_VERDICT
from workbench.prompt import Prompt
from workbench.prompt.write import template_text
from workbench.report.changed_rows import answer_lines, example_text, row_lines
from workbench.report.estimates import add_median_note, estimate, with_median_note
from workbench.report.factors import factor_lines, factor_markdown, factors_json
from workbench.report.run_metrics import column_lines
from workbench.report.safe_text import (
    NAME_WIDTH,
    escape_commands,
    escape_markdown,
    plain,
    shorten,
)
from workbench.report.slices import (
    interactions_json,
    slice_lines,
    slices_json,
    unpaired_lines,
    value_lines,
    value_markdown,
)
from workbench.report.tables import align_rows, markdown_table
from workbench.results.score_notes import score_notes
from workbench.results.scores import number_text
from workbench.results.serialize import variant_json
from workbench.results.types import MetricComparison
from workbench.stats.pairs import Difference
from workbench.stats.verdicts import Verdict

COLUMNS = ("metric", "before", "after", "difference", "verdict", "rows")
MAX_SUSPECTS, MAX_PARTIAL = 10, 5  # rows, variants


@with_median_note
def compare_lines(compared: ExperimentComparison) -> Iterator[str]:
    """The terminal's lines: a block per pair of variants; with factors a block per metric."""
    if compared.factors:
        yield from factor_lines(compared.factors)
        yield from no_verdict_lines(compared)
        yield from caveat_lines(compared, range(len(compared.results)))
        return
    yield from value_lines(compared)
    for number, base in compared.pairs:
        comparisons = compared.results[number].comparisons
        yield f"{_name(compared, number)} against {_name(compared, base)}"
        yield from answer_lines(compared, base, number)
        if compared.results[number].metrics:
            yield from align_rows([COLUMNS, *map(_cells, comparisons, comparisons.values())])
        yield from _evidence_lines(comparisons)
        yield from unpaired_lines(compared, base, number)
        yield from column_lines(compared, base, number)
        yield from row_lines(compared, number)
        yield from slice_lines(compared, number)
        yield from _prompt_lines(compared, base, number)
        yield ""
    yield from pattern_lines(compared)
    yield from anytime_lines(compared)
    yield from caveat_lines(compared, compared.compared_variants)


def no_verdict_lines(compared: ExperimentComparison) -> Iterator[str]:
    """A line per metric that can't be compared row by row."""
    for evaluator in compared.plan.experiment.evaluators:
        if evaluator.traits.by_column:
            yield f"{shorten(evaluator.name)}: {NO_VERDICT}"


def caveat_lines(compared: ExperimentComparison, numbers: Sequence[int]) -> Iterator[str]:
    """Notes on the models, and variants with rows not run: their tests ignore the reason."""
    yield from map(plain, score_notes(compared.results[number] for number in numbers))
    partial = [
        f"{_name(compared, number)}: {counts.answered:,} of {counts.planned:,}"
        for number in numbers
        if (counts := compared.results[number].rows).not_run and not compared.plan.withdrawn
    ]
    if partial and not compared.anytime:
        names = list_first(partial, MAX_PARTIAL, "; ")
        yield (
            f"not all rows were run ({names}): if a race or a growing gate stopped early, these "
            "verdicts claim too much; workbench run completes the rows"
        )


def anytime_lines(compared: ExperimentComparison) -> Iterator[str]:
    """With --anytime: the promise, and the metrics that have no verdict that keeps it."""
    if not compared.anytime:
        return
    yield "verdicts and intervals of differences hold at every look at the rows (--anytime)"
    pairs = [number for number, _ in compared.pairs]
    for name in compared.results[0].metrics if pairs else ():
        results = [compared.results[number] for number in pairs]
        by_column = results[0].metrics[name].kind == "column"
        if not by_column and not any(name in result.comparisons for result in results):
            yield f"{shorten(name)}: no verdict that holds at every look; the metric has no range"


def compare_markdown(compared: ExperimentComparison) -> str:
    """Markdown for a pull request or a step summary."""
    if compared.factors:
        caveats = caveat_lines(compared, range(len(compared.results)))
        blocks = map(escape_markdown, [*no_verdict_lines(compared), *caveats])
        lines = [factor_markdown(compared.factors), *blocks]
        return "\n".join(add_median_note(lines))
    lines = value_markdown(compared)
    for number, base in compared.pairs:
        comparisons = compared.results[number].comparisons
        lines += [
            f"### {escape_markdown(f'{_name(compared, number)} against {_name(compared, base)}')}",
            "",
        ]
        if compared.results[number].metrics:
            lines += markdown_table([COLUMNS, *map(_cells, comparisons, comparisons.values())])
        details = [
            *answer_lines(compared, base, number),
            *_evidence_lines(comparisons),
            *unpaired_lines(compared, base, number),
            *column_lines(compared, base, number),
            *row_lines(compared, number),
            *slice_lines(compared, number),
        ]
        lines += ["", *(f"- {escape_markdown(line.strip())}" for line in details)]
        if diff := _prompt_lines(compared, base, number):
            runs = [len(run) for line in diff for run in re.findall("`+", line)]
            fence = "`" * max(3, 1 + max(runs, default=0))
            lines += ["", f"{fence}diff", *diff, fence]
        lines.append("")
    notes = [
        *pattern_lines(compared),
        *anytime_lines(compared),
        *caveat_lines(compared, compared.compared_variants),
    ]
    lines += [f"- {escape_markdown(note)}" for note in notes]
    return "\n".join(add_median_note(lines))


def compare_json(compared: ExperimentComparison) -> dict[str, JSON]:
    """The comparison with every changed row; differences are after minus before."""
    names = [variant.name for variant in compared.plan.variants]
    return {
        "schema_version": SCHEMA_VERSION,
        "experiment": compared.plan.experiment.name,
        "dataset": compared.plan.experiment.dataset.digest,
        "variants": [
            variant_json(compared.results[number]) for number in compared.compared_variants
        ],
        "changes": [
            {
                **asdict(change),
                "variant": names[change.variant],
                "gain": change.gain if abs(change.gain) != float("inf") else None,
                "answers": list(change.answers),
            }
            for change in compared.changes
        ],
        "patterns": [_pattern_json(compared, pattern) for pattern in compared.patterns],
        "slices": slices_json(compared),
        "interactions": interactions_json(compared),
        "factors": factors_json(compared.factors),
    }


def _pattern_json(compared: ExperimentComparison, pattern: RowPatterns) -> dict[str, JSON]:
    ids = [example.id for example in compared.plan.examples]
    return {
        "metric": pattern.metric,
        "rows": pattern.rows,
        "strong": [compared.plan.variants[number].name for number in pattern.strong],
        "suspect": [ids[row] for row in pattern.suspect],
        "same": [ids[row] for row in pattern.same],
    }


def pattern_lines(compared: ExperimentComparison) -> Iterator[str]:
    """The rows whose labels deserve a look, and the number that never differ."""
    examples = compared.plan.examples
    for pattern in compared.patterns:
        metric = shorten(pattern.metric)
        if pattern.suspect:
            yield (
                f"{metric}: {pluralize(len(pattern.suspect), 'row')} that all "
                f"{len(pattern.strong)} strong variants get wrong, check their labels:"
            )
            for row in pattern.suspect[:MAX_SUSPECTS]:
                yield f"  {example_text(row + 1, examples[row])}"
            if (more := len(pattern.suspect) - MAX_SUSPECTS) > 0:
                yield f"  and {pluralize(more, 'more row')}: --json lists all of them"
        if pattern.same:
            rows = pluralize(pattern.rows, "row")
            yield f"{metric}: {len(pattern.same):,} of {rows} never differ"


def prompt_diff_lines(before: Prompt, after: Prompt) -> Iterator[str]:
    """A unified diff of two prompts; empty if they are the same."""
    if before.digest != after.digest:
        yield from difflib.unified_diff(
            plain(template_text(before)).splitlines(),
            plain(template_text(after)).splitlines(),
            f"{before.task}/{before.ref}",
            f"{after.task}/{after.ref}",
            lineterm="",
            n=1,
        )


def _prompt_lines(compared: ExperimentComparison, base: int, number: int) -> list[str]:
    variants = compared.plan.variants
    if variants[number].reads_answers:
        return []  # the templates are not the user's
    diff = prompt_diff_lines(variants[base].prompt, variants[number].prompt)
    return [escape_commands(line) for line in diff]


def _name(compared: ExperimentComparison, number: int) -> str:
    return shorten(compared.plan.variants[number].name, NAME_WIDTH)


def _cells(metric: str, comparison: MetricComparison) -> Sequence[str]:
    difference, left_out = comparison.difference, comparison.left_out
    return (
        shorten(metric),
        number_text(difference.before),
        number_text(difference.after),
        difference_text(difference),
        comparison.verdict.text,
        rows_text(difference.rows, difference.clusters)
        + (f", {left_out:,} left out" if left_out else "") * (not comparison.imputed),
    )


def rows_text(rows: int, clusters: int) -> str:
    """`150`, or `150 (120 clusters)` where rows depend on each other."""
    return f"{rows:,}" + (f" ({pluralize(clusters, 'cluster')})" if clusters < rows else "")


def difference_text(difference: Difference) -> str:
    """`+0.200 [+0.112, +0.288]`; of a corrected one with the judge's, `(judge +0.310)`."""
    raw = f" (judge {difference.after - difference.before:+.3f})" if difference.corrected else ""
    return estimate(difference.mean, difference, "+") + raw


def _evidence_lines(comparisons: Mapping[str, MetricComparison]) -> Iterator[str]:
    """The rows that an unclear verdict needs, and the worst case of failed rows."""
    for metric, comparison in comparisons.items():
        verdict = comparison.verdict
        if verdict.reason:
            yield f"  {shorten(metric)}: no verdict: {verdict.reason}"
        if rows := rows_needed_text(verdict):
            if verdict.detectable is not None:
                rows += f" ({comparison.difference.rows:,} show {verdict.detectable:.3g} or more)"
            yield f"  {shorten(metric)}: {rows}"
        yield from (f"  {shorten(metric)}: {line}" for line in left_out_lines(comparison))


def rows_needed_text(verdict: Verdict) -> str:
    """`180 to 1,300 rows would settle it`; empty where no number of rows is likely to."""
    low, high = verdict.rows_needed_low, verdict.rows_needed
    if high is None:
        return f"about {low:,} rows would settle it if it is what it seems" if low else ""
    rows = f"{low:,} to {high:,}" if low and low < high else f"about {high:,}"
    return f"{rows} rows would settle it"


def left_out_lines(comparison: MetricComparison) -> Iterator[str]:
    """The rows without a value in one of the two, and the verdict if failed answers count."""
    notes = [f"{pluralize(comparison.left_out, 'row')} left out"] if comparison.left_out else []
    notes += [f"{comparison.not_applicable} not applicable"] if comparison.not_applicable else []
    if comparison.worst and comparison.worst_verdict:
        notes.append(
            f"with the worst score for failed answers {difference_text(comparison.worst)}, "
            f"{comparison.worst_verdict.text}"
        )
    elif comparison.worst_unknown:
        notes.append("failed answers can't count as the worst score: the metric has no range")
    yield from ["; ".join(notes)] if notes else []
