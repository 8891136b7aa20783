"""An invocation as MLflow's pages show it: a leaderboard in Markdown, best first, and its metrics.

**Take few_shot: exact_match 0.840 [0.773, 0.890], n=150.**
| variant | exact_match | verdict |
|---|---|---|
| [few_shot](#/experiments/1/runs/91ab…) | 0.840 [0.773, 0.890] | +0.060 better |

Addresses begin with `#`, so that they work wherever the server is.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate

from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.decision import Limits, Ranking, decide
from workbench.comparing.history import Measurement
from workbench.errors import WorkbenchError, cost_text, pluralize
from workbench.report.compare import difference_text
from workbench.report.estimates import estimate
from workbench.report.history import change_text
from workbench.report.leaderboard import rank_numbers, verdict_lines, verdict_text
from workbench.report.safe_text import escape_markdown, seconds, shorten
from workbench.results.types import VariantResult, interval_text
from workbench.tracking.page_addresses import ExperimentPages
from workbench.tracking.protocol import Occasion, Overview, RecordLinks

MAX_VARIANTS = 30  # lines of the leaderboard
MAX_METRICS = 4  # of the leaderboard
MAX_CHANGES = 12
MAX_LENGTH = 7_500  # characters; a tag of MLflow has 8,000
NAME_LENGTH = 60  # characters
GAP = "\N{NO-BREAK SPACE}" * 2


def run_overview(
    compared: ExperimentComparison, links: RecordLinks, occasion: Occasion, *, currency: str
) -> Overview:
    """The overview of an invocation; its `best/…` are the numbers that `workbench decide` shows."""
    decisions = _decisions(compared)
    first = next(iter(decisions), "")
    best = [decisions[first].candidates[0].variant] if first else []
    order = list(dict.fromkeys([*best, *rank_numbers(compared.results)]))
    mean = compared.results[order[0]].metrics[first].mean if first else None
    lines = _Page(compared, links, occasion, order, currency).lines(decisions.get(first))
    return Overview(
        headline="" if mean is None else f"{mean:.2f}" if abs(mean) < 100 else f"{mean:,.0f}",
        description="\n".join(lines),
        descriptions=[_variant_text(result) for result in compared.results],
        metrics=_metrics(compared, decisions),
        order=order,
        baseline=best_baseline(compared.plan.baselines, order),
    )


def best_baseline(baselines: Sequence[int | None], order: Sequence[int]) -> int | None:
    """The number of the variant with which the best one is compared; `order` is best first.

    If it is a baseline itself, it is the next best of those that are compared with it.
    """
    best = order[0]
    if not baselines or baselines[best] is not None:
        return baselines[best] if baselines else None
    return next((number for number in order[1:] if baselines[number] == best), None)


def _decisions(compared: ExperimentComparison) -> dict[str, Ranking]:
    """The decision by the first metric that has one, then those by the other metrics of the gate.

    A column in MLflow for the best of every metric would leave no room for the names.
    """
    decisions: dict[str, Ranking] = {}
    experiment = compared.plan.experiment
    for name in (evaluator.name for evaluator in experiment.evaluators):
        if decisions and name not in experiment.gate:
            continue
        with suppress(WorkbenchError):  # a time, one value for all rows, or no value at all
            decision = decide(compared, Limits(name))
            if decision.after_choosing:
                decisions[name] = decision
    return decisions


def _metrics(compared: ExperimentComparison, decisions: Mapping[str, Ranking]) -> dict[str, float]:
    """The best of each metric after choosing, and the baseline of that variant."""
    best = {
        f"best/{name}": d.after_choosing.mean for name, d in decisions.items() if d.after_choosing
    }
    baselines: dict[str, float] = {}
    for name, decision in decisions.items():
        number = decision.candidates[0].variant
        base = compared.plan.baselines[number] if compared.plan.baselines else None
        result = compared.results[number if base is None else base]
        if (mean := result.metrics[name].decisive) is not None:
            baselines[f"baseline/{name}"] = mean
    return best | baselines


@dataclass(frozen=True)
class _Page:
    """The description of a parent run."""

    compared: ExperimentComparison
    links: RecordLinks
    occasion: Occasion
    order: Sequence[int]
    currency: str

    @property
    def _pages(self) -> ExperimentPages:
        """MLflow's pages, as addresses that work wherever the server is."""
        return ExperimentPages("", self.links.experiment_id)

    def lines(self, decision: Ranking | None) -> list[str]:
        """The lines that fit: note, decision, links, leaderboard, changes, verdicts."""
        choice, caution = (_choice(decision), decision.caution) if decision else ("", "")
        note = shorten(self.occasion.note, 500)
        head = [escape_markdown(note), ""] if note else []
        head += [f"**{escape_markdown(shorten(choice, 300))}**", ""] if choice else []
        head += [" · ".join(self._addresses()), ""]
        head += [escape_markdown(shorten(caution, 600)), ""] if caution else []
        tail = ["", *self._changes()]
        notes = [line for line in verdict_lines(self.compared.results) if line[:1] != " "]
        tail += [f"{escape_markdown(note)}\n" for note in notes]
        table, rows = self._table()
        space = MAX_LENGTH - sum(len(line) + 1 for line in [*head, *table, *tail])
        sizes = accumulate(len(row) + 1 for row in rows)
        shown = [row for row, size in zip(rows, sizes, strict=True) if size <= space]
        more = len(self.order) - len(shown)
        return [*head, *table, *shown, *([f"\nand {more} more"] if more else []), *tail]

    def _addresses(self) -> Iterator[str]:
        links, best = self.links, self.order[0]
        base = best_baseline(self.compared.plan.baselines, self.order)
        if base is not None:
            pair = self._pages.row_by_row(links.run_ids[best], links.run_ids[base])
            yield f"[Best against {self._name(base)}, row by row]({pair})"
        if self.occasion.has_comparison:
            address = self._pages.comparison(links.parent_run_id)
            yield f"[All variants, row by row]({address})"

    def _table(self) -> tuple[list[str], list[str]]:
        """The head and the rows of the leaderboard."""
        results = self.compared.results
        names = list(results[0].metrics)[:MAX_METRICS]
        compares = {name for result in results for name in result.comparisons}
        priced = any(result.cost is not None for result in results)
        head = ["variant"]
        for name in names:
            head += [name, "verdict"] if name in compares else [name]
        head += ["rows", *([f"{self.currency} / 1,000 rows"] if priced else []), "latency"]
        rows: list[str] = []
        for number in self.order[:MAX_VARIANTS]:
            result = results[number]
            cells = [f"[{self._name(number)}]({self._pages.run(self.links.run_ids[number])})"]
            for name in names:
                metric = result.metrics[name]
                shown = "no value" if metric.mean is None else estimate(metric.mean, metric)
                cells.append(escape_markdown(shown))
                if name in compares:
                    comparison = result.comparisons.get(name)
                    cells.append(
                        escape_markdown(verdict_text(comparison)) if comparison else "baseline"
                    )
            cells.append(f"{result.rows.scored:,}")
            if priced:
                cost = result.cost_of_1000
                cells.append("unknown" if cost is None else cost_text(cost))
            cells.append("" if result.latency_s is None else seconds(result.latency_s))
            rows.append(_table_row(cells))
        return [_table_row(map(escape_markdown, head)), "|---" * len(head) + "|"], rows

    def _changes(self) -> Iterator[str]:
        """The edits since the invocation before, and the differences that they made."""
        previous = self.occasion.previous
        if previous is None:
            return
        time = datetime.fromtimestamp(previous.started_ms / 1000, UTC)
        commit = f", commit {previous.commit[:7]}" if previous.commit else ""
        address = self._pages.run(previous.invocation)
        run = f"[the run of {time:%Y-%m-%d %H:%M} UTC]({address})"
        yield f"**Since {run}{escape_markdown(commit)}**"
        yield ""
        lines: list[str] = []
        for series in self.occasion.changes:
            name, measured = escape_markdown(shorten(series.name, NAME_LENGTH)), series.measurements
            newest = measured[-1].equal[-1] if measured[-1].equal else measured[-1].record
            if newest.invocation == previous.invocation:
                lines.append(f"- {name}: left out")
            elif len(measured) > 1:
                text = _change_summary(measured[-1], series.metric)
                lines.append(f"- {name}: {escape_markdown(text)}")
            elif not measured[-1].equal:
                lines.append(f"- {name}: new")
        yield from lines[:MAX_CHANGES] or ["- nothing: the same requests got the same answers"]
        if len(lines) > MAX_CHANGES:
            yield f"- and {len(lines) - MAX_CHANGES} more: workbench history"
        yield ""

    def _name(self, number: int) -> str:
        """The variant's name with the version of its prompt."""
        variant, version = self.compared.plan.variants[number], self.links.versions[number]
        name = shorten(variant.name, NAME_LENGTH)
        if version is not None and "@" not in variant.prompt.ref:
            name = name.replace(variant.prompt.ref, f"{variant.prompt.ref} v{version}", 1)
        return escape_markdown(name)


def _choice(decision: Ranking) -> str:
    """The variant to take, and the number of those that the tests do not exclude."""
    close = sum(c.as_good for c in decision.candidates[1:])
    others = f" {pluralize(close, 'other')} may be as good." if close else ""
    return f"{decision.choice}{others}"


def _table_row(cells: Iterable[str]) -> str:
    """A line of a table; MLflow's pages leave no space between columns, so it is in the cells."""
    return f"| {f'{GAP} | '.join(cells)} |"


def _change_summary(measurement: Measurement, metric: str) -> str:
    edits = "; ".join(map(change_text, measurement.changes)) or "other answers"
    comparison = measurement.comparison
    if comparison:
        difference = f"{difference_text(comparison.difference)} {comparison.verdict.word}"
        return f"{edits}: {shorten(metric)} {difference}"
    return (
        f"{edits}; not compared: {measurement.not_compared}" if measurement.not_compared else edits
    )


def _variant_text(result: VariantResult) -> str:
    """A variant's whole name, its metrics with verdicts, and the note on its model."""
    lines = [f"**{escape_markdown(shorten(result.variant.name, 200))}**", ""]
    for name, metric in result.metrics.items():
        comparison = result.comparisons.get(name)
        verdict = (
            f"; {verdict_text(comparison)}, against {comparison.baseline}" if comparison else ""
        )
        lines.append(f"- {escape_markdown(f'{name} {interval_text(metric)}{verdict}'[:500])}")
    race = result.stopped and f"dropped out of a race: {result.stopped}"
    notes = [result.model_note, *result.judge_notes, race]
    return "\n".join([*lines, *(f"\n{escape_markdown(note)}" for note in notes if note)])
