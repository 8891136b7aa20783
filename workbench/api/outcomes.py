"""Comparisons, decisions, plans and rows in Python.

Each is text, HTML, a data frame, and the object that the command prints with `--json`.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from operator import index
from typing import TYPE_CHECKING, Any, SupportsIndex

from workbench.api.html_tables import html_details, html_frame, html_lines, html_table
from workbench.api.python_words import python_text
from workbench.canonical import JSON, SCHEMA_VERSION
from workbench.cli.setup import OpenExperiment
from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.decision import Ranking
from workbench.errors import WorkbenchError, unknown_name
from workbench.plan import Plan
from workbench.plan.forecast import forecast, key_warnings, total
from workbench.report.compare import compare_json, compare_lines
from workbench.report.decide import decision_json, decision_lines
from workbench.report.plan import judge_lines, plan_json, plan_lines
from workbench.report.row_names import metric_column
from workbench.report.safe_text import plain
from workbench.scoring.judge_forecast import forecast_judges

if TYPE_CHECKING:
    import pandas as pd

SHOWN_SLICES = 40  # lines of the table


@dataclass(frozen=True, repr=False)
class TabularResult:
    """A data frame with its text, and with the object of the command's `--json`."""

    _frame: "pd.DataFrame" = field(repr=False)
    _lines: Sequence[str] = field(repr=False)
    _document: dict[str, JSON] = field(repr=False)
    _html: str = field(repr=False)

    def to_pandas(self) -> "pd.DataFrame":
        """Its numbers as a data frame."""
        return self._frame.copy()

    def to_dict(self) -> dict[str, JSON]:
        """The object that the command prints with `--json`."""
        return {"schema_version": SCHEMA_VERSION, **self._document}

    def __repr__(self) -> str:
        return "\n".join(self._lines)

    def _repr_html_(self) -> str:
        return self._html


@dataclass(frozen=True, repr=False)
class Comparison(TabularResult):
    """Variants compared with their baselines on the same rows.

    Attributes:
        changes: the rows whose score differs from the baseline's, with both answers.
        slices: the comparison within each value of the columns `by`; empty without any.

    >>> comparison = results.compare("short", "loud")
    >>> comparison.verdict
    'not enough evidence'
    >>> comparison.to_pandas()[["variant", "metric", "difference", "n"]]
      variant       metric  difference  n
    0    loud  exact_match        -1.0  2
    >>> comparison.changes["id"].tolist()
    ['a', 'b']
    """

    changes: "pd.DataFrame"
    slices: "pd.DataFrame"

    @property
    def verdict(self) -> str:
        """The verdict on the first variant by the first metric; empty: there is none."""
        return str(self._frame["verdict"].iloc[0]) if len(self._frame) else ""


@dataclass(frozen=True, repr=False)
class Decision(TabularResult):
    """The variant to take by quality, cost and latency, with its evidence.

    Attributes:
        variant: the name of the variant to take; empty: none is within the limits.
        words: the decision in words.

    >>> decision = results.decide(floor=0.2)
    >>> decision.variant
    'short'
    >>> decision.to_pandas()[["variant", "exact_match", "within_limits"]]
      variant  exact_match  within_limits
    0   short          1.0           True
    1    loud          0.0          False
    """

    variant: str
    words: str


@dataclass(frozen=True, repr=False)
class Preview(TabularResult):
    """The requests that `run` would send.

    Attributes:
        variants: names of the variants.
        rows: of the dataset.
        to_send: number of requests; the answers of the others are stored.
        cost: of these, expected, in the project's currency; None: unknown.
        notes: on the data, the prompts and the models.
        judges: a line per judge with the most that it may be asked beside them; empty without any.

    >>> preview.variants
    ['prompt']
    >>> preview.to_pandas()[["variant", "rows", "to_send"]]
      variant  rows  to_send
    0  prompt     3        1
    """

    variants: list[str]
    rows: int
    to_send: int
    cost: float | None
    notes: tuple[str, ...]
    judges: "pd.DataFrame"


def build_comparison(compared: ExperimentComparison, by: Sequence[str]) -> Comparison:
    """The comparison, read completely while the store is open."""
    from workbench.api.frames import changes_frame, comparison_frame, slices_frame

    frame, changes = comparison_frame(compared), changes_frame(compared)
    slices = slices_frame(compared, by)
    lines = list(map(python_text, compare_lines(compared)))
    html = html_frame(frame, "difference") + html_details(lines)
    if len(slices):
        estimate = "difference" if "difference" in slices else "mean"
        html += html_frame(slices.head(SHOWN_SLICES), estimate)
    return Comparison(frame, lines, compare_json(compared), html, changes, slices)


def build_decision(compared: ExperimentComparison, ranking: Ranking, currency: str) -> Decision:
    """The decision, read completely while the store is open."""
    from workbench.api.frames import candidates_frame

    lines = list(map(python_text, decision_lines(compared, ranking, currency)))
    frame, document = candidates_frame(compared.plan, ranking), decision_json(compared, ranking)
    variant = frame["variant"][0] if frame["within_limits"][0] else ""
    shown = frame.rename(columns={"cost_of_1000": f"{currency} / 1,000 rows"})
    html = html_lines([ranking.words]) + html_frame(shown, ranking.metric) + html_details(lines)
    return Decision(frame, lines, document, html, variant, ranking.words)


def build_preview(plan: Plan, opened: OpenExperiment) -> Preview:
    """The preview of a plan, by the prices and earlier answers of the project."""
    from workbench.api.frames import judges_frame, plan_frame

    currency, prices = opened.project.file.currency, opened.project.prices
    forecasts = forecast(plan, opened.store, prices)
    of_judges = forecast_judges(plan, opened.store, prices)
    frame, judges = plan_frame(plan, forecasts), judges_frame(of_judges)
    lines = plan_lines(plan, forecasts, currency) + judge_lines(of_judges, currency)
    lines = [frame.to_string(index=False), *lines, *(f"note: {note}" for note in plan.notes)]
    warnings = key_warnings(plan, scorers_ask=any(judge.requests for judge in of_judges))
    lines += [f"warning: {warning}" for warning in warnings]
    lines = [python_text(line) for line in lines]
    document, names = plan_json(plan, forecasts, currency), frame["variant"].tolist()
    document |= {"warnings": warnings}
    document |= {"judges": [asdict(judge) for judge in of_judges]} if of_judges else {}
    cost, notes = total(forecasts).low, plan.notes
    html = html_frame(frame) + html_frame(judges) + html_lines(lines[1:])
    counts = (names, plan.rows, plan.to_send)
    return Preview(frame, lines, document, html, *counts, cost, notes, judges)


class ShownRow:
    r"""One row with the prompt, the output, the scores and the reasons of each variant.

    >>> results.show("a")
    row 0, a: text='yes', expected_response='yes'
    <BLANKLINE>
    short
        user:
        yes
      → yes
      exact_match 1
    ...
    >>> results.show(0).prompts["loud"]
    'user:\nYES'
    """

    def __init__(self, plan: Plan, number: int, lines: "pd.DataFrame") -> None:
        example, repeats = plan.examples[number], plan.experiment.repeats
        values = {**example.inputs, **example.expectations}
        shown = ", ".join(f"{name}={value!r}" for name, value in values.items())
        metrics = [evaluator.name for evaluator in plan.experiment.evaluators]
        self._title = f"row {number}, {example.id}: {shown}"
        self._lines = lines
        self.prompts = {
            variant.name: _request_text(plan.bodies[cells[number * repeats].key].body)
            for variant, cells in zip(plan.variants, plan.cells, strict=True)
        }
        self._answers = [
            (line, _output_text(line), "; ".join(_score_text(n, line) for n in metrics))
            for line in lines.to_dict("records")
        ]

    def to_pandas(self) -> "pd.DataFrame":
        """The lines of the row in `Results.to_pandas`."""
        return self._lines.copy()

    def __repr__(self) -> str:
        blocks = [self._title]
        for line, output, scores in self._answers:
            sent = "\n".join(f"    {text}" for text in self.prompts[line["variant"]].splitlines())
            blocks.append(f"{_variant_text(line)}\n{sent}\n  → {output}\n  {scores}")
        return plain("\n\n".join(blocks))

    def _repr_html_(self) -> str:
        rows = [
            (_variant_text(line), self.prompts[line["variant"]], output, scores)
            for line, output, scores in self._answers
        ]
        table = html_table(("variant", "prompt", "output", "scores"), rows)
        return html_lines([self._title]) + table


def find_row(plan: Plan, row: int | str) -> int:
    """The number of a row, given by its number or its id.

    Raises:
        WorkbenchError: there is no such row.
    """
    if isinstance(row, str):
        ids = [example.id for example in plan.examples]
        if row not in ids:
            raise unknown_name("row", row, ids)
        return ids.index(row)
    count = len(plan.examples)
    if isinstance(row, bool) or not isinstance(row, SupportsIndex):
        fix = f"use 0 to {count - 1}, or the id of a row as a text"
        raise WorkbenchError(f"{type(row).__name__} is no row", where="row", fix=fix)
    row = index(row)
    if not -count <= row < count:
        fix = f"use 0 to {count - 1}, or the id of a row as a text"
        raise WorkbenchError(f"there is no row {row}", fix=fix)
    return row % count


def _variant_text(line: dict[Any, Any]) -> str:
    """`short`, or with repeats `short, repeat 1`."""
    return str(line["variant"]) + (f", repeat {line['repeat']}" if "repeat" in line else "")


def _output_text(line: dict[Any, Any]) -> str:
    output = line["output"]
    return output if isinstance(output, str) else f"({line['state']}: {line['error']})"


def _score_text(name: str, line: dict[Any, Any]) -> str:
    """`exact_match 1 (right)`."""
    column = metric_column(name)
    value, reason, error = line[column], line[f"{column}.reason"], line[f"{column}.error"]
    if isinstance(error, str):
        return f"{name}: error: {error}"
    if value is None or value != value:  # NaN
        return f"{name}: no score"
    text = value if isinstance(value, str) else f"{value:g}"
    return f"{name} {text}" + (f" ({reason})" if isinstance(reason, str) else "")


def _request_text(body: dict[str, Any]) -> str:
    """The messages of a request's body, or its text."""
    raw = body.get("text", body.get("prompt"))
    if isinstance(raw, str):
        return raw
    if not isinstance(messages := body.get("messages"), list):
        return json.dumps(body, ensure_ascii=False, indent=1)
    contents = [(turn.get("role"), turn.get("content")) for turn in messages]
    return "\n".join(
        f"{role}:\n{text if isinstance(text, str) else json.dumps(text, ensure_ascii=False)}"
        for role, text in contents
    )
