"""The assertions of all tests: mapped, counted, and combined into the result of a test."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.importing.foreign_values import quoted
from workbench.importing.imported import Entry
from workbench.importing.promptfoo.assertion_kinds import SIMILARITY, MappedAssertion, map_assertion
from workbench.importing.promptfoo.case_values import printed_text
from workbench.importing.promptfoo.configured_cases import CODE, ConfiguredCase, code_file
from workbench.importing.promptfoo.evaluator_columns import MOST_EVALUATORS, EvaluatorColumns
from workbench.importing.promptfoo.import_notes import ImportNotes
from workbench.importing.promptfoo.provider_entries import read_provider
from workbench.importing.promptfoo.source_keys import (
    ASSERT_SET,
    ASSERTION,
    SourceKeys,
    type_name,
)
from workbench.importing.promptfoo.source_tree import SCHEME, SourceTree
from workbench.importing.promptfoo.value_templates import substitute

SCORE, PASSED = "score", "passed"
ALL = 1.0


class RowAssertions:
    """Collects the assertions of rows."""

    def __init__(
        self, tree: SourceTree, notes: ImportNotes, rows: Sequence[Mapping[str, Any]]
    ) -> None:
        self.tree, self.notes, self.rows = tree, notes, rows
        self.keys = SourceKeys(notes)
        self.columns = EvaluatorColumns()
        self.thresholds: Counter[float | None] = Counter()
        self.set_thresholds: dict[str, float | None] = {}
        self.set_weights: dict[str, set[float]] = {}
        self.lost = False
        self.where = ""
        self._mapped: dict[str, MappedAssertion] = {}
        self._files: dict[str, Any] = {}

    def add(self, cases: Iterable[ConfiguredCase]) -> None:
        """Add the assertions of all cases."""
        for row, case in enumerate(cases):
            self.thresholds[case.threshold] += 1
            sets = 0
            for index, assertion in enumerate(case.asserts):
                where = f"{case.where} assert[{index}]"
                if assertion.get("type") == "assert-set":
                    sets += 1
                    self._add_set(row, case, assertion, where, sets)
                else:
                    self._add(row, case, assertion, where)

    def _add_set(
        self,
        row: int,
        case: ConfiguredCase,
        assertion: Mapping[str, Any],
        where: str,
        number: int,
    ) -> None:
        assertion = self.keys.readable(assertion, ASSERT_SET, where)
        name = assertion.get("metric") or f"assert-set {number}"
        threshold = assertion.get("threshold")
        if name in self.set_thresholds and self.set_thresholds[name] != threshold:
            name = f"{name} at {threshold}"
        self.set_thresholds[name] = threshold
        self.set_weights.setdefault(name, set()).add(float(assertion.get("weight", 1)))
        for part in assertion.get("assert", ()):
            if isinstance(part, Mapping):
                self._add(row, case, part, where, name)
            else:
                text = f"an assertion that is {type_name(part)}"
                self.notes.left_out(where, text, "write a mapping with its `type`")

    def _add(
        self,
        row: int,
        case: ConfiguredCase,
        assertion: Mapping[str, Any],
        where: str,
        group: str = "",
    ) -> None:
        assertion = self.keys.readable(assertion, ASSERTION, where)
        kind = assertion.get("type")
        try:
            value = self._value(assertion.get("value"), row, case)
            mapped = map_assertion(assertion, value)
            if mapped.function == "judge":
                assertion = {**assertion, "provider": self._grader(assertion, case, where)}
            elif mapped.function == SIMILARITY:
                assertion = {**assertion, "provider": self._embedder(assertion, case)}
            elif "provider" in assertion:
                assertion = {k: v for k, v in assertion.items() if k != "provider"}
            column = self.columns.add(row, mapped, assertion, group)
        except WorkbenchError as error:
            self.lost = True
            self.notes.left_out(where, error.message, error.fix)
            self._copy_code(assertion.get("value"))
            return
        if column is None:
            self.lost = True
            fix = "give equal assertions equal thresholds and metrics"
            text = f"assert `{kind}`: more than {MOST_EVALUATORS} different evaluators"
            self.notes.left_out(where, text, fix)
        elif mapped.change:
            self.notes.changed(where, f"assert `{kind}`: {mapped.change}")
        elif mapped.function == "judge":
            text = f"assert `{kind}` is a judge with a prompt of Workbench, and says yes or no"
            fix = "workbench judge calibrate says how wrong it is"
            self.notes.changed(where, text, fix)
        else:
            self.notes.carried(where, f"assert `{kind}`")

    def _value(self, value: Any, row: int, case: ConfiguredCase) -> Any:
        """The value with the row's variables, or the content of its file."""
        if isinstance(value, list):
            return [self._value(each, row, case) for each in value]
        if not isinstance(value, str):
            return value
        if value.startswith(SCHEME):
            code = code_file(value)
            return value if Path(code).suffix in CODE else self._file(value)
        rendered = substitute(value, {**case.vars, **self.rows[row]}, printed_text)
        if rendered is None:
            raise WorkbenchError(
                f"an assertion whose value is a template: {quoted(value)}",
                fix="write the text itself into the column of rows.jsonl",
            )
        return rendered

    def _file(self, reference: str) -> Any:
        if reference not in self._files:
            path = self.tree.path(reference, self.tree.root)
            is_data = path.suffix.lower() in (".json", ".yaml", ".yml")
            content = self.tree.document(path).content if is_data else self.tree.text(path).strip()
            self._files[reference] = content
        return self._files[reference]

    def _copy_code(self, value: Any) -> None:
        if isinstance(value, str) and value.startswith(SCHEME):
            self.tree.copy(code_file(value), self.tree.root)

    def _grader(self, assertion: Mapping[str, Any], case: ConfiguredCase, where: str) -> Any:
        """The entry of the model that grades; None: the source names none."""
        provider = assertion.get("provider") or case.options.get("provider")
        if isinstance(provider, Mapping) and "id" not in provider:  # by the kind of the task
            provider = provider.get("text")
        if provider is None:
            return None
        entry = read_provider(provider, where, ImportNotes())
        if entry is None:
            fix = "name a model that judges: docs/judges.md"
            raise WorkbenchError(f"assert graded by {quoted(provider)}", fix=fix)
        settings = entry.entry[entry.ref]
        return {entry.ref: dict(settings)} if settings else entry.ref

    def _embedder(self, assertion: Mapping[str, Any], case: ConfiguredCase) -> Any:
        """The entry of the model that embeds; None: the source names none.

        Raises:
            WorkbenchError: it is of another provider.
        """
        provider = assertion.get("provider") or case.options.get("provider")
        if isinstance(provider, Mapping) and "id" not in provider:  # by the kind of the task
            provider = provider.get("embedding")
        config = provider.get("config") if isinstance(provider, Mapping) else None
        identifier = provider.get("id") if isinstance(provider, Mapping) else provider
        if identifier is None:
            return None
        match = re.fullmatch(r"openai:embeddings?:(.+)", str(identifier))
        if not match:
            fix = "- embedding_similarity: {model: openai:text-embedding-3-large}"
            raise WorkbenchError(f"embeddings of {quoted(identifier)}", fix=fix)
        base_url = config.get("apiBaseUrl") if isinstance(config, Mapping) else None
        entry = f"openai:{match[1]}"
        return {entry: {"base_url": str(base_url)}} if base_url else entry

    def finish(self) -> None:
        """Leave out what needs a value in every row; call it after all rows are added."""
        if count := self.columns.drop_partial_similarities(len(self.rows)):
            self.lost = True
            text = "assert `similar`: some tests have none, or several"
            fix = "give every row one expected text: - embedding_similarity in docs/evaluators.md"
            self.notes.left_out("", text, fix, count)

    def entries(self, judge_model: str | None) -> list[Entry]:
        """The entries of `evaluators:`; the result of a test stands first, and leads the tables."""
        entries: list[Entry] = []
        parts: dict[str, float] = {}
        in_sets = {name for names in self.columns.sets.values() for name in names}
        for column, column_entries in self.columns.entries(len(self.rows), judge_model):
            if column.mapped.function == "judge" and column.model is None:
                text = (
                    f"the judge {column.name} asks {judge_model or 'the model of workbench.yaml'}"
                )
                self.notes.changed("", text, "name another one: `model:` at the judge")
            entries += column_entries
            if column.name not in in_sets and 0 not in column.weights:
                parts[column.name] = max(column.weights)
        for name, names in self.columns.sets.items():
            entries += self._set_entries(name, list(names))
            parts[name] = max(self.set_weights[name])
        entries += self._test_entries(parts)
        leaders = [PASSED, SCORE] if len(parts) > 1 else list(parts)
        return sorted(entries, key=lambda entry: _rank(entry, leaders))

    def _set_entries(self, name: str, names: list[str]) -> list[Entry]:
        threshold = self.set_thresholds[name] or ALL
        if len(names) == 1:
            bound = {"of": names[0], "at_least": threshold, "name": name}
            return [{"threshold": bound}]
        of = {each: self._weight(each) for each in names}
        score = f"{name} score"
        return [
            {"weighted": {"of": of, "missing": "skip", "name": score}},
            {"threshold": {"of": score, "at_least": threshold, "name": name}},
        ]

    def _weight(self, name: str) -> float:
        weights = next(c.weights for c in self.columns.columns.values() if c.name == name)
        return max(weights) or 1.0

    def _test_entries(self, parts: Mapping[str, float]) -> list[Entry]:
        """The share of a test's assertions that pass, and its result."""
        thresholds = {each for each in self.thresholds if each}
        if len(parts) < 2:
            return []
        mixed = [c.name for c in self.columns.columns.values() if len(c.weights) > 1]
        if mixed:
            self.notes.changed(
                "", f"weights of {mixed[0]} differ between tests: the largest counts"
            )
        entries: list[Entry] = [{"weighted": {"of": dict(parts), "missing": "skip", "name": SCORE}}]
        if thresholds and (len(thresholds) > 1 or self.thresholds[None] or self.thresholds[0]):
            text = "the result of a test: thresholds differ between tests"
            self.notes.left_out("", text, "evaluators: - threshold: {of: score, at_least: …}")
            return entries
        threshold = next(iter(thresholds), ALL)
        entries.append({"threshold": {"of": SCORE, "at_least": threshold, "name": PASSED}})
        if thresholds and any(c.mapped.is_continuous for c in self.columns.columns.values()):
            self.notes.changed("", f"{PASSED}: similarities count as passed or failed in `{SCORE}`")
        if self.lost:
            self.notes.changed("", f"{PASSED}: without the assertions that are left out")
        return entries


def _rank(entry: Entry, leaders: Sequence[str]) -> int:
    """The position of an entry's name among those that stand first."""
    settings = {} if isinstance(entry, str) else next(iter(entry.values()))
    name = settings.get("name")
    return leaders.index(name) if name in leaders else len(leaders)
