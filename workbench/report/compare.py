"""A comparison on a terminal, as Markdown, and as JSON.

few_shot · m against zero_shot · m, 150 rows
metric        before  after   difference                verdict
label_match   0.580   0.780   +0.200 [+0.112, +0.288]   better
label_match: 38 rows fixed, 8 broken
"""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from workbench.canonical import JSON
from workbench.comparing import ExperimentComparison, RowChange
from workbench.dataset import EXPECTED
from workbench.prompt import Prompt
from workbench.prompt.write import template_text
from workbench.report.safe_text import escape_commands, plain, shorten
from workbench.results.metrics import Comparison, comparison_json, variant_json
from workbench.stats import Difference

SCHEMA_VERSION = 1
COLUMNS = ("metric", "before", "after", "difference", "verdict", "rows")
WORST_ROWS = 5  # broken rows that are shown of a pair
MOST_SLICES = 20
LONGEST = 70  # characters of an answer
SIGNS = re.compile(r"[\\`*_{}\[\]<>#|!~&@$]")  # what Markdown may take for more than a letter
# What GitHub makes links of, backslash or not: names, issues, addresses.
LINKING = re.compile(r"[@#]|:(?=//)|www(?=\.)|gh(?=-\d)", re.IGNORECASE)
Cells = Sequence[str]


def compare_lines(found: ExperimentComparison) -> Iterator[str]:
    """For a terminal: a block for each pair, then the slices and what differs in the prompts."""
    for number, base in _pairs(found):
        comparisons = found.results[number].comparisons
        yield f"{_name(found, number)} against {_name(found, base)}"
        yield from align_rows([COLUMNS, *(_cells(name, one) for name, one in comparisons.items())])
        yield from _settling(comparisons)
        yield from _row_lines(found, number)
        yield from _slice_lines(found, number)
        yield from _prompt_lines(found, base, number)
        yield ""
    yield from partial_lines(found, found.compared_variants)


def partial_lines(found: ExperimentComparison, numbers: Sequence[int]) -> Iterator[str]:
    """Which variants were not run to the end: a test of theirs may not know why they stopped."""
    some = [
        f"{_name(found, number)}: {counts.planned - counts.not_run:,} of {counts.planned:,}"
        for number in numbers
        if (counts := found.results[number].rows).not_run
    ]
    if some:
        shown = "; ".join(some[:5]) + ("; …" if some[5:] else "")
        yield (
            f"not all rows were run ({shown}): where a race or a gate that grew chose when to "
            "stop, a verdict says too much; workbench run asks for the others"
        )


def compare_markdown(found: ExperimentComparison) -> str:
    """For a pull request or a step summary."""
    lines: list[str] = []
    for number, base in _pairs(found):
        comparisons = found.results[number].comparisons
        title = f"{_name(found, number)} against {_name(found, base)}"
        lines += [f"### {escape_markdown(title)}", ""]
        lines += [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
        for name, one in comparisons.items():
            lines.append(f"| {' | '.join(map(escape_markdown, _cells(name, one)))} |")
        lines += ["", *(f"- {escape_markdown(line.strip())}" for line in _settling(comparisons))]
        lines += [f"- {escape_markdown(line.strip())}" for line in _row_lines(found, number)]
        lines += [f"- {escape_markdown(line.strip())}" for line in _slice_lines(found, number)]
        if diff := _prompt_lines(found, base, number):
            fence = "`" * max(3, 1 + max(_ticks(line) for line in diff))
            lines += ["", f"{fence}diff", *diff, fence]
        lines.append("")
    lines += [escape_markdown(line) for line in partial_lines(found, found.compared_variants)]
    return "\n".join(lines)


def compare_json(found: ExperimentComparison) -> dict[str, JSON]:
    """Everything, each row that changed included; differences are after minus before."""
    names = [variant.name for variant in found.plan.variants]
    return {
        "schema_version": SCHEMA_VERSION,
        "experiment": found.plan.experiment.name,
        "dataset": found.plan.experiment.dataset.digest,
        "variants": [variant_json(found.results[number]) for number in found.compared_variants],
        "changes": [
            {
                **asdict(one),
                "variant": names[one.variant],
                "gain": one.gain if abs(one.gain) != float("inf") else None,
                "answers": list(one.answers),
            }
            for one in found.changes
        ],
        "slices": [
            {
                "column": part.column,
                "value": part.value,
                "rows": part.rows,
                "comparisons": {
                    names[number]: {name: comparison_json(one) for name, one in own.items()}
                    for number, own in part.comparisons.items()
                },
            }
            for part in found.slices
        ],
    }


def prompt_diff_lines(before: Prompt, after: Prompt) -> Iterator[str]:
    """A unified diff of two prompts; nothing where they are the same."""
    if before.digest != after.digest:
        yield from difflib.unified_diff(
            plain(template_text(before)).splitlines(),
            plain(template_text(after)).splitlines(),
            f"{before.task}/{before.ref}",
            f"{after.task}/{after.ref}",
            lineterm="",
            n=1,
        )


def _prompt_lines(found: ExperimentComparison, *numbers: int) -> list[str]:
    pair = (found.plan.variants[number].prompt for number in numbers)
    return [escape_commands(line) for line in prompt_diff_lines(*pair)]


def _pairs(found: ExperimentComparison) -> list[tuple[int, int]]:
    return [(n, base) for n, base in enumerate(found.plan.baselines) if base is not None]


def _name(found: ExperimentComparison, number: int) -> str:
    return shorten(found.plan.variants[number].name, 100)


def _cells(name: str, one: Comparison) -> Cells:
    apart = one.difference
    rows = f"{apart.rows:,}" + (f", {one.left_out:,} left out" if one.left_out else "")
    before, after = f"{apart.before:.3f}", f"{apart.after:.3f}"
    return shorten(name), before, after, difference_text(apart), one.verdict.outcome, rows


def difference_text(apart: Difference) -> str:
    """`+0.200 [+0.112, +0.288]`."""
    if apart.low is None or apart.high is None:
        return f"{apart.mean:+.3f}"
    return f"{apart.mean:+.3f} [{apart.low:+.3f}, {apart.high:+.3f}]"


def align_rows(rows: Sequence[Cells]) -> Iterator[str]:
    """Rows of cells, the columns below each other."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield ("  " + "  ".join(cells)).rstrip()


def _settling(comparisons: Mapping[str, Comparison]) -> Iterator[str]:
    for name, one in comparisons.items():
        if one.verdict.rows_needed:
            yield (
                f"  {shorten(name)}: about {one.verdict.rows_needed:,} rows would settle it"
                f" ({one.difference.rows:,} show {one.verdict.detectable or 0:.3g} or more)"
            )
        if one.worst:
            worst = difference_text(one.worst)
            yield f"  {shorten(name)}, with the worst score for failed rows: {worst}"


def _row_lines(found: ExperimentComparison, number: int) -> Iterator[str]:
    """How many rows got better and worse by each metric, and the worst by the first of them."""
    own = [one for one in found.changes if one.variant == number]
    worst: dict[str, RowChange] = {}
    for evaluator in found.plan.experiment.evaluators:
        gains: dict[str, float] = {}
        changed = [one for one in own if one.metric == evaluator.name]
        for one in changed:
            gains[one.row] = gains.get(one.row, 0.0) + one.gain
        if not gains:
            continue
        up, down = (sum(sign * gain > 0 for gain in gains.values()) for sign in (1, -1))
        yield f"  {shorten(evaluator.name)}: {up:,} rows better, {down:,} worse"
        for one in sorted(changed, key=lambda change: gains[change.row]):
            if gains[one.row] < 0 and one.gain < 0:
                worst.setdefault(one.row, one)
    for one in list(worst.values())[:WORST_ROWS]:
        yield f"  worse: {_change(one)}"


def _change(one: RowChange) -> str:
    """`r12, exact_match 1 → 0: 'yes' is now 'no' (expected 'yes')`."""
    before, after = (f"{shorten(text, LONGEST)!r}" for text in one.answers)
    wanted = one.expectations.get(EXPECTED)
    beside = "" if wanted is None else f" (expected {shorten(str(wanted), LONGEST)!r})"
    values = " → ".join(
        "none" if value is None else f"{value:g}" for value in (one.before, one.after)
    )
    where = f"{shorten(one.row, 40)}, {shorten(one.metric)} {values}"
    return f"{where}: {before} is now {after}{beside}"


def _slice_lines(found: ExperimentComparison, number: int) -> Iterator[str]:
    if len(found.slices) > MOST_SLICES:
        yield f"  the {MOST_SLICES} largest of {len(found.slices):,} slices; --json has all of them"
    for part in found.slices[:MOST_SLICES]:
        for name, one in part.comparisons.get(number, {}).items():
            yield (
                f"  {shorten(part.column)}={shorten(part.value, 40)}, {shorten(name)}: "
                f"{difference_text(one.difference)}, {one.verdict.outcome}, "
                f"{one.difference.rows:,} rows"
            )


def _ticks(line: str) -> int:
    """The longest run of backticks."""
    return max((len(run) for run in re.findall("`+", line)), default=0)


def escape_markdown(text: str) -> str:
    """Text that Markdown leaves as it is, and of which GitHub makes no link and no mention."""
    return LINKING.sub(r"\g<0>&#8203;", SIGNS.sub(r"\\\g<0>", text))
