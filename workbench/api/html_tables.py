"""Tables for a notebook: HTML that needs no script and no style sheet.

>>> html_lines(["<short> is better", "`margin=` in the call"])
'<p>&lt;short&gt; is better<br><code>margin=</code> in the call</p>'
"""

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from workbench.errors import cost_text
from workbench.report.estimates import estimate
from workbench.report.leaderboard import rank_variants, verdict_text
from workbench.report.safe_text import NAME_WIDTH, plain, seconds, shorten
from workbench.results.scores import number_text, shown_ends
from workbench.results.types import MetricComparison, MetricResult, VariantResult
from workbench.stats.verdicts import BETTER, EQUIVALENT, WORSE

if TYPE_CHECKING:
    import pandas as pd

COLOURS = {BETTER: "#1a9c63", WORSE: "#d1453b", EQUIVALENT: "#2f87bd"}  # on light and on dark
CELL = "text-align:left;vertical-align:top;white-space:pre-wrap"
CODE = re.compile(r"`([^`<]+)`")
BAR = 120  # pixels of an interval's drawing


class SafeHtml(str):
    """HTML that needs no escapes."""

    __slots__ = ()


def html_text(text: str) -> str:
    """The text as HTML."""
    return text if isinstance(text, SafeHtml) else escape(plain(text))


def html_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; all cells but SafeHtml are escaped."""

    def line(cells: Iterable[str], tag: str) -> str:
        cells = (f'<{tag} style="{CELL}">{html_text(cell)}</{tag}>' for cell in cells)
        return f"<tr>{''.join(cells)}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f"<table><thead>{line(header, 'th')}</thead><tbody>{body}</tbody></table>"


def html_frame(frame: "pd.DataFrame", estimate: str = "") -> str:
    """The table of a frame without empty columns; empty without rows.

    The column `estimate` has the interval, too.
    """
    if not len(frame):
        return ""
    shown = frame.columns[frame.map(lambda value: _cell_text(value) != "").any()]
    header = [str(name) for name in shown if name not in ("low", "high", "p")]
    rows = []
    for line in frame.to_dict("records"):
        cells = {name: _cell_text(line[name]) for name in header}
        if cells.get("difference"):
            cells["difference"] = number_text(line["difference"], "+")
        if estimate and not is_missing(line["low"]):
            sign = "+" if estimate == "difference" else ""
            cells[estimate] += f" [{line['low']:{sign}.3f}, {line['high']:{sign}.3f}]"
        if colour := COLOURS.get(line.get("verdict") or ""):
            text = escape(cells["verdict"])
            cells["verdict"] = SafeHtml(f'<span style="color:{colour}">{text}</span>')
        rows.append([cells[name] for name in header])
    titles = {"latency_s": "latency, s", estimate: estimate}
    return html_table([titles.get(name, name.replace("_", " ")) for name in header], rows)


def is_missing(value: object) -> bool:
    """True for None and NaN."""
    return value is None or value != value


def _cell_text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if is_missing(value):
        return ""
    return f"{value:,.3f}" if isinstance(value, float) else str(value)


def html_details(lines: Iterable[str]) -> str:
    """The lines as text, folded."""
    text = html_text("\n".join(lines))
    return f"<details><summary>evidence</summary><pre>{text}</pre></details>"


def html_lines(lines: Iterable[str]) -> str:
    """Lines of text as a paragraph; what stands in backticks is code."""
    text = CODE.sub(r"<code>\1</code>", "<br>".join(map(html_text, lines)))
    return f"<p>{text}</p>"


def html_leaderboard(results: Sequence[VariantResult], *, currency: str) -> str:
    """The variants, best first: each metric with interval and verdict, rows, cost, latency."""
    names = list(results[0].metrics)
    spans = {name: _span([result.metrics[name] for result in results]) for name in names}
    rows = []
    for result in rank_variants(results):
        cost, counts, latency = result.cost_of_1000, result.rows, result.latency_s
        metrics = ((result.metrics[n], result.comparisons.get(n), spans[n]) for n in names)
        rows.append(
            [
                shorten(result.variant.name, NAME_WIDTH),
                *(_metric(*metric) for metric in metrics),
                f"{counts.scored:,}"
                + (f" of {counts.planned:,}" if counts.scored < counts.planned else ""),
                "unknown" if cost is None else cost_text(cost),
                "unknown" if latency is None else seconds(latency),
            ]
        )
    return html_table(["variant", *names, "rows", f"{currency} / 1,000 rows", "latency"], rows)


def _metric(
    metric: MetricResult, comparison: MetricComparison | None, span: tuple[float, float]
) -> str:
    if metric.mean is None:
        counts = ", ".join(f"{count:,} {name}" for name, count in metric.outcomes.items())
        return counts or "no value"
    mean = f"{estimate(metric.mean, metric)} n={metric.n:,}"
    parts = [escape(mean), _interval(metric, metric.mean, span)]
    if comparison:
        colour = COLOURS.get(comparison.verdict.outcome, "inherit")
        text = escape(verdict_text(comparison))
        parts.append(f'<span style="color:{colour}">{text}</span>')
    return SafeHtml("<br>".join(parts))


def _span(metrics: Sequence[MetricResult]) -> tuple[float, float]:
    """The ends of a metric's axis: 0 and 1, unless a value is outside."""
    values = [0.0, 1.0]
    for metric in metrics:
        values += [*(shown_ends(metric) or ()), *([] if metric.mean is None else [metric.mean])]
    return min(values), max(values)


def _interval(metric: MetricResult, mean: float, span: tuple[float, float]) -> str:
    """A line from the low to the high end, a dot at the mean."""
    low, high = span
    ends = [4 + (BAR - 8) * (value - low) / (high - low) for value in shown_ends(metric) or ()]
    x = 4 + (BAR - 8) * (mean - low) / (high - low)
    drawing = f'<line x1="4" x2="{BAR - 4}" y1="6" y2="6" opacity=".2"/>'
    if ends:
        x1, x2 = ends
        drawing += f'<line x1="{x1:.1f}" x2="{x2:.1f}" y1="6" y2="6" stroke-width="2"/>'
    drawing += f'<circle cx="{x:.1f}" cy="6" r="3"/>'
    colours = 'stroke="currentColor" fill="currentColor"'
    return f'<svg width="{BAR}" height="12" role="img" {colours}>{drawing}</svg>'
