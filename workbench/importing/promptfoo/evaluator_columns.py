"""Assertions of single tests as evaluators of all rows, with the values of each row in columns.

Equal assertions with different values are one evaluator, which reads a column. The second such
assertion of a test is an evaluator of its own: `contains 2`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from workbench.canonical import canonical_json
from workbench.evaluator.coverage import EXPECTED
from workbench.importing.imported import Entry
from workbench.importing.promptfoo.assertion_kinds import SIMILARITY, MappedAssertion
from workbench.importing.promptfoo.row_judges import (
    judge_entry,
    judge_file,
    similarity_entries,
)

MOST_EVALUATORS = 100
NOT_NAME = re.compile(r"[^A-Za-z0-9 _.:+-]+")


@dataclass
class EvaluatorColumn:
    """An evaluator with the values of its rows.

    Attributes:
        name: of the metric and of the column.
        values: by the position of the row.
        weights: that its assertions have.
    """

    name: str
    mapped: MappedAssertion
    model: Any = None
    values: dict[int, Any] = field(default_factory=dict)
    weights: set[float] = field(default_factory=set)

    def constant(self, rows: int) -> bool:
        """True if all rows have the same value."""
        if len(self.values) < rows:
            return False
        first = canonical_json(next(iter(self.values.values())))
        return all(canonical_json(value) == first for value in self.values.values())


class EvaluatorColumns:
    """The evaluators of a task."""

    def __init__(self) -> None:
        self.columns: dict[tuple[str, int], EvaluatorColumn] = {}
        self.sets: dict[str, dict[str, None]] = {}
        self._names: set[str] = set()
        self._used: dict[str, int] = {}  # of the row that is being added
        self._row = -1

    def add(
        self, row: int, mapped: MappedAssertion, assertion: Mapping[str, Any], group: str = ""
    ) -> EvaluatorColumn | None:
        """Add an assertion of a row; None: there are too many evaluators.

        `group` names the set of assertions that it belongs to.
        """
        if row != self._row:
            self._row, self._used = row, {}
        metric, model = assertion.get("metric"), assertion.get("provider")
        metric = metric if isinstance(metric, str) and "{{" not in metric else ""
        key = canonical_json([mapped.function, mapped.kind, mapped.settings, metric, model, group])
        slot = self._used[key] = self._used.get(key, 0) + 1
        column = self.columns.get((key, slot))
        if column is None:
            if len(self.columns) >= MOST_EVALUATORS:
                return None
            name = self._name(mapped, metric, group, slot)
            column = self.columns[key, slot] = EvaluatorColumn(name, mapped, model)
        column.values[row] = mapped.value
        weight = assertion.get("weight", 1)
        column.weights.add(float(weight) if isinstance(weight, int | float) else 1.0)
        if group:
            self.sets.setdefault(group, {})[column.name] = None
        return column

    def _name(self, mapped: MappedAssertion, metric: str, group: str, slot: int) -> str:
        base = metric or mapped.kind
        base = f"{group}: {base}" if group else base
        base = " ".join(NOT_NAME.sub(" ", base).split())[:52] or mapped.kind
        choices = [base, *([f"{base}: {mapped.kind}"[:60]] if metric else [])]
        number = max(slot, 2)
        name = choices[0] if slot == 1 else f"{base} {slot}"
        if name in self._names and len(choices) > 1 and choices[1] not in self._names:
            name = choices[1]
        while name in self._names:
            name, number = f"{base} {number}", number + 1
        self._names.add(name)
        return name

    def entries(self, rows: int, judge_model: Any) -> Iterator[tuple[EvaluatorColumn, list[Entry]]]:
        """The entries of `evaluators:` of each column, in order."""
        for column in self.columns.values():
            yield column, self._entries(column, rows, judge_model)

    def _entries(self, column: EvaluatorColumn, rows: int, judge_model: Any) -> list[Entry]:
        mapped, name = column.mapped, column.name
        if mapped.function == "judge":
            return judge_entry(name, column.model or judge_model, partial=len(column.values) < rows)
        settings: dict[str, Any] = dict(mapped.settings)
        if mapped.function == SIMILARITY:
            return similarity_entries(name, column.model, settings)
        if ":" not in mapped.function:  # of the library: it has no value of a row
            if len(column.values) < rows:
                settings["rows"] = {name: ["True"]}
            return [{mapped.function: {**settings, "name": name}}]
        if column.constant(rows):
            settings["value"] = next(iter(column.values.values()))
        else:
            settings["expected_column"] = name
        return [{f"evaluators/{mapped.function}": {**settings, "name": name}}]

    def expectations(self, rows: int) -> list[dict[str, Any]]:
        """Expected values of each row, by the name of the evaluator."""
        expected: list[dict[str, Any]] = [{} for _ in range(rows)]
        for column in self.columns.values():
            is_setting = ":" in column.mapped.function and column.constant(rows)
            is_uniform = column.mapped.function == "sql_valid" and len(column.values) == rows
            name = EXPECTED if column.mapped.function == SIMILARITY else column.name
            if not is_setting and not is_uniform:
                for row, value in column.values.items():
                    expected[row][name] = value
        return expected

    def drop_partial_similarities(self, rows: int) -> int:
        """Drop similarities of some rows only, and all but the first; return their number.

        `embedding_similarity` with a model has one expected text in every row.
        """
        similar = [k for k, c in self.columns.items() if c.mapped.function == SIMILARITY]
        carried = [key for key in similar if len(self.columns[key].values) == rows][:1]
        dropped = [self.columns.pop(key) for key in similar if key not in carried]
        for names in self.sets.values():
            for column in dropped:
                names.pop(column.name, None)
        return sum(len(column.values) for column in dropped)

    def files(self) -> dict[str, str]:
        """The evaluators' files that the project needs."""
        names = {c.mapped.function.partition(":")[0] for c in self.columns.values()}
        names = {name for name in names if name.endswith(".py")}
        if any(c.mapped.function == "judge" for c in self.columns.values()):
            names.add("promptfoo_text.py")
        folder = resources.files("workbench.importing.evaluator_sources")
        return {name: (folder / name).read_text(encoding="utf-8") for name in sorted(names)}

    def judges(self) -> dict[str, str]:
        """The judges' files that the project needs."""
        judged = [c for c in self.columns.values() if c.mapped.function == "judge"]
        return dict(judge_file(column.name, column.mapped) for column in judged)
