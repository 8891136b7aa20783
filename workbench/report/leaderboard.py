"""The table at the end of a run: every variant, every metric with its interval and its n."""

from collections import Counter
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from workbench.report.safe_text import plain, seconds, shorten
from workbench.results.metrics import Comparison, MetricResult, VariantResult, interval_text
from workbench.run.invocation import Invocation
from workbench.stats import BETTER, EQUIVALENT, UNCLEAR, WORSE

SHORT = {UNCLEAR: "unclear"}
STYLES = {BETTER: "green", WORSE: "red", EQUIVALENT: "cyan", UNCLEAR: "dim"}


def leaderboard(variants: Sequence[VariantResult], *, currency: str) -> Table:
    """The variants, best first by the first evaluator that has a mean."""
    names = list(variants[0].metrics) if variants else []
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("variant", overflow="fold")
    for name in names:
        table.add_column(Text(plain(name)), no_wrap=True)
    table.add_column("rows", justify="right")
    table.add_column("tokens in/out", justify="right", no_wrap=True)
    priced = any(variant.cost is not None for variant in variants)
    if priced:
        table.add_column(Text(plain(f"cost {currency}")), justify="right")
    table.add_column("model time", justify="right", no_wrap=True)
    for variant in rank_variants(variants):
        cells = [Text(shorten(variant.variant.name, 60))]
        cells += [_metric(variant.metrics[name], variant.comparisons.get(name)) for name in names]
        cells += [_rows(variant), Text(_tokens(variant))]
        if priced:
            cells.append(Text("unknown" if variant.cost is None else f"{variant.cost:.4f}"))
        table.add_row(*cells, Text(seconds(variant.seconds)))
    return table


def leaderboard_blocks(variants: Sequence[VariantResult], *, currency: str) -> Text:
    """The same for a narrow terminal: a block a variant, a line a metric."""
    text = Text()
    for variant in rank_variants(variants):
        text.append(shorten(variant.variant.name, 200) + "\n", style="bold")
        for name, metric in variant.metrics.items():
            text.append(plain(f"  {name}: {interval_text(metric)}\n"))
            if comparison := variant.comparisons.get(name):
                text.append("    ").append(_verdict(comparison)).append("\n")
        rows = " ".join(_rows(variant).plain.split("\n"))
        cost = "" if variant.cost is None else f", {currency} {variant.cost:.4f}"
        spent = f"{_tokens(variant)} tokens{plain(cost)}, {seconds(variant.seconds)}"
        text.append(f"  {rows} rows, {spent}\n")
    text.rstrip()
    return text


def rank_variants(variants: Sequence[VariantResult]) -> list[VariantResult]:
    """Best first by the first metric with a mean; those without one last, in the file's order."""

    def rank(variant: VariantResult) -> tuple[bool, float]:
        for metric in variant.metrics.values():
            if metric.mean is not None:
                return False, -metric.mean if metric.higher_is_better else metric.mean
            if metric.kind != "category":
                break
        return True, 0.0

    return sorted(variants, key=rank)


def _metric(metric: MetricResult, comparison: Comparison | None) -> Text:
    """`0.833 n=150`, under it the interval, the verdict, and what is not in the mean."""
    text = Text()
    if metric.mean is None:
        text.append("no value" if metric.kind != "category" else "", style="dim")
    else:
        unit = f" {shorten(metric.unit)}" if metric.unit else ""
        text.append(_number(metric.mean) + unit, style="bold")
    text.append(f" n={metric.n}", style="dim")
    if metric.low is not None and metric.high is not None:
        text.append(f"\n[{_number(metric.low)}, {_number(metric.high)}]")
    if comparison:
        text.append("\n").append(_verdict(comparison))
    aside = [f"{count} {name}" for name, count in _notable(metric)]
    aside += _repeated(metric)
    aside += [f"{metric.errors} errors"] if metric.errors else []
    aside += [f"{metric.not_applicable} not applicable"] if metric.not_applicable else []
    if aside:
        text.append("\n" + "\n".join(aside), style="yellow" if metric.errors else "dim")
    return text


def _repeated(metric: MetricResult) -> list[str]:
    """`pass^3 0.62`, `pass@3 0.91`, `12 flaky rows`, where rows are repeated."""
    if not metric.pass_all:
        return []
    k = max(metric.pass_all)
    return [
        f"pass^{k} {metric.pass_all[k]:.3f}",
        f"pass@{k} {metric.pass_at[k]:.3f}",
        *([f"{len(metric.flaky):,} flaky rows"] if metric.flaky else []),
    ]


def _verdict(comparison: Comparison) -> Text:
    """`better by 0.053`, or `? +0.020`: the difference from the baseline, and what it is worth."""
    apart, word = comparison.difference.mean, comparison.verdict.word
    signed = ("+" if apart >= 0 else "-") + _number(abs(apart))
    return Text(f"{signed} {SHORT.get(word, word)}", style=STYLES[word])


def _notable(metric: MetricResult) -> list[tuple[str, int]]:
    """The outcomes worth a word: all categories, else what is neither right nor wrong."""
    outcomes = [(shorten(name, 20), count) for name, count in metric.outcomes.items()]
    if metric.kind == "category":
        return outcomes[:5]
    return [(name, count) for name, count in outcomes if name not in ("right", "wrong")]


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"


def _rows(variant: VariantResult) -> Text:
    """`150`, or `147 of 150` with what became of the others."""
    counts = variant.rows
    text = Text(str(counts.scored))
    if counts.scored != counts.planned:
        text.append(f" of {counts.planned}", style="red" if variant.missing else "")
    aside = [
        f"{count} {word}"
        for word, count in (
            ("failed", counts.failed),
            ("not run", counts.not_run),
            ("truncated", counts.truncated),
            ("refused", counts.refused),
        )
        if count
    ]
    if aside:
        text.append("\n" + "\n".join(aside), style="dim")
    return text


def _tokens(variant: VariantResult) -> str:
    if variant.input_tokens is None or variant.output_tokens is None:
        return "unknown"
    return f"{variant.input_tokens:,}/{variant.output_tokens:,}"


def _reasons(done: Invocation) -> list[str]:
    """Why rows failed: the most frequent reasons, and what can be done about useless answers."""
    reasons: Counter[str] = Counter()
    for variant in done.variants:
        reasons.update(variant.reasons)
    lines = [f"  {count:,} × {shorten(text, 200)}" for text, count in reasons.most_common(5)]
    lines += [f"  and {len(reasons) - 5} other reasons"] if len(reasons) > 5 else []
    useless = sum(v.rows.failed for v in done.variants) - done.requests.failed
    if useless > 0:
        lines.append(f"{useless:,} useless answers are stored: --retry-failed asks again")
    return lines


def _raced(done: Invocation, currency: str) -> list[str]:
    """Who dropped out, and what that saved."""
    race = done.race
    if race is None:
        return []
    if race.off:
        return [f"race: {race.off}"]
    cost = f", about {currency} {race.cost:.4f}" if race.cost else ""
    head = (
        f"race by {race.metric}: {len(race.out)} of {len(done.variants)} variants dropped out, "
        f"{race.spared:,} requests spared{cost}"
    )
    whole = {one.variant.name for one in done.variants if not one.stopped}
    lines = [
        f"  {shorten(name, 60)}: {shorten(why, 100)}"
        + (" (all its rows were stored)" if name in whole else "")
        for name, why in race.out.items()
    ]
    return [head, *lines]


def summary(done: Invocation, *, currency: str) -> list[str]:
    """Under the table: what was sent, what is missing, where to look."""
    requests = done.requests
    parts = [f"{requests.planned:,} rows"]
    parts += [
        f"{count:,} {word}"
        for word, count in (
            ("stored", requests.stored),
            ("shared", requests.shared),
            ("sent", requests.sent),
            ("failed", requests.failed),
            ("not run", requests.not_run),
        )
        if count
    ]
    lines = [", ".join(parts), *_raced(done, currency), *_reasons(done)]
    if done.not_run:
        named = ", ".join(shorten(row, 40) for row in done.not_run[:10])
        lines.append(f"  not run: {named}" + (", …" if len(done.not_run) > 10 else ""))
    if done.known:
        lines.append(
            "the same invocation is recorded already: these are its runs (--again: new ones)"
        )
    if done.parent_run_id:
        lines.append(f"recorded in {done.tracking_uri}, run {done.parent_run_id}")
        if done.traced is not None:
            lines.append(
                f"traces: {done.traced:,} rows of each variant, and all failures; every row is in "
                "the artifact rows.parquet (`traces:` in workbench.yaml sets how many)"
            )
        lines.append("compare: workbench ui")
    return lines
