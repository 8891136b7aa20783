"""The tests of a configuration: inline, in files, by scenarios; with those of `defaultTest`.

ConfiguredCase("promptfooconfig.yaml:12", vars={"city": "Rome"}, asserts=[{"type": "equals", …}], …)
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

from workbench.document import Document
from workbench.errors import WorkbenchError
from workbench.importing.foreign_values import quoted
from workbench.importing.promptfoo.assertion_text import parse_row
from workbench.importing.promptfoo.import_notes import ImportNotes
from workbench.importing.promptfoo.source_keys import OPTIONS, TEST, SourceKeys, type_name
from workbench.importing.promptfoo.source_tree import SCHEME, SourceTree, resolve_references

CODE = (".js", ".cjs", ".mjs", ".ts", ".cts", ".mts", ".py", ".rb")
REMOTE = ("huggingface:", "http:", "https:", "az:", "s3:", "gs:")
MOST_ROWS = 1_000_000


@dataclass(frozen=True)
class ConfiguredCase:
    """A test with what `defaultTest` adds to it.

    Attributes:
        where: its place in the source.
        number: of the test, from 1; those that a list of values makes share it.
    """

    where: str
    number: int
    vars: Mapping[str, Any] = field(default_factory=dict)
    asserts: Sequence[Mapping[str, Any]] = ()
    threshold: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""


class CaseReader:
    """Reads the tests of one configuration."""

    def __init__(self, tree: SourceTree, config: Document, notes: ImportNotes) -> None:
        self.tree, self.config, self.notes = tree, config, notes
        self.keys = SourceKeys(notes)

    def cases(self) -> list[ConfiguredCase]:
        """All tests, each once for each combination of its listed values."""
        content = self.config.content
        default = self._default()
        entries = list(self._entries(content.get("tests"), self.config.folder, "tests"))
        entries += self._scenarios(content.get("scenarios"))
        if not entries and not content.get("scenarios"):
            entries = [(self.config.where(), {})]
        cases: list[ConfiguredCase] = []
        for number, (where, test) in enumerate(entries, start=1):
            cases += self._expanded(self._case(where, number, test, default))
            if len(cases) > MOST_ROWS:
                raise WorkbenchError(f"more than {MOST_ROWS:,} rows", where=where)
        return cases

    def _default(self) -> Mapping[str, Any]:
        where, default = self.config.where("defaultTest"), self.config.content.get("defaultTest")
        if isinstance(default, str):
            try:
                path = self.tree.path(default, self.config.folder)
                default = self.tree.document(path).content
            except WorkbenchError as error:
                self.notes.refused(where, "defaultTest", error)
                return {}
        default = resolve_references(default, self.config.content)
        if default is not None and not isinstance(default, Mapping):
            self.notes.left_out(where, f"`defaultTest` is {type_name(default)}", "write a mapping")
        return self._readable(default, where) if isinstance(default, Mapping) else {}

    def _readable(self, test: Mapping[str, Any], where: str) -> Mapping[str, Any]:
        """The keys of a test that are read; the others are named."""
        readable = self.keys.readable(test, TEST, where)
        if "options" in readable:
            readable["options"] = self.keys.readable(readable["options"], OPTIONS, where)
        for each in readable.get("assert", ()):
            if not isinstance(each, Mapping):
                text = f"an assertion that is {type_name(each)}"
                self.notes.left_out(where, text, "write a mapping with its `type`")
        return readable

    def _entries(self, tests: Any, base: Path, key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Each test with its place."""
        if tests is None:
            return
        for index, entry in enumerate(tests if isinstance(tests, list) else [tests]):
            where = self.config.where(key, index) if isinstance(tests, list) else ""
            where = where or self.config.where(key)
            try:
                if isinstance(entry, Mapping) and isinstance(entry.get("path"), str):
                    entry = entry["path"]
                if isinstance(entry, str):
                    yield from self._file_entries(entry, base, where)
                elif isinstance(entry, Mapping):
                    yield (
                        where,
                        self._with_file_vars(resolve_references(entry, self.config.content), base),
                    )
                else:
                    self.notes.left_out(
                        where, f"{key}: {quoted(entry)} is no test", "write a mapping"
                    )
            except WorkbenchError as error:
                self.notes.refused(where, key, error)

    def _file_entries(
        self, name: str, base: Path, where: str
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        bare = name.removeprefix(SCHEME)
        if bare.startswith(REMOTE):
            fix = "download it, save it as CSV or JSON lines, and name the file"
            self.notes.left_out(where, f"tests from {bare}", fix)
            return
        if Path(code := code_file(bare)).suffix in CODE:
            self.tree.copy(code, base)
            fix = "run it yourself, save its tests as JSON lines, and name the file"
            self.notes.left_out(where, f"tests made by the program {bare}: no code is run", fix)
            return
        for path in self.tree.paths(name, base):
            yield from self._read_file(path)

    def _read_file(self, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
        shown, suffix = self.tree.shown(path), path.suffix.lower()
        if suffix in (".csv", ".tsv"):
            for line, row in self.tree_rows(path, "\t" if suffix == ".tsv" else ","):
                yield f"{shown}:{line}", parse_row(row)
        elif suffix in (".jsonl", ".ndjson"):
            for line, test in self.tree.json_lines(path):
                if isinstance(test, Mapping):
                    yield f"{shown}:{line}", self._with_file_vars(test, path.parent)
        elif suffix in (".json", ".yaml", ".yml"):
            document = self.tree.document(path)
            content = resolve_references(document.content, document.content)
            listed = content if isinstance(content, list) else [content]
            for index, test in enumerate(listed):
                where = document.where(index) if document.marks else f"{shown}: test {index + 1}"
                if isinstance(test, Mapping):
                    yield where, self._with_file_vars(test, path.parent)
                elif test is not None:
                    self.notes.left_out(where, f"{quoted(test)} is no test", "write a mapping")
        else:
            fix = "save it as CSV, JSON, JSON lines or YAML"
            raise WorkbenchError(f"tests in {suffix or 'such'} files", where=shown, fix=fix)

    def tree_rows(self, path: Path, delimiter: str) -> Iterator[tuple[int, Mapping[str, str]]]:
        """The rows of a CSV file with their lines."""
        csv.field_size_limit(50_000_000)
        reader = csv.DictReader(io.StringIO(self.tree.text(path), newline=""), delimiter=delimiter)
        try:
            for row in reader:
                cells = {k: v for k, v in row.items() if isinstance(k, str) and isinstance(v, str)}
                if any(cells.values()):
                    yield reader.line_num, cells
        except csv.Error as error:
            where = f"{self.tree.shown(path)}:{reader.line_num}"
            raise WorkbenchError(f"not CSV: {error}", where=where, fix="save it as CSV") from error

    def _with_file_vars(self, test: Mapping[str, Any], base: Path) -> Mapping[str, Any]:
        """The test, whose `vars` may be a file with a mapping."""
        names = test.get("vars")
        if not isinstance(names, str | list):
            return test
        merged: dict[str, Any] = {}
        for name in [names] if isinstance(names, str) else names:
            for path in self.tree.paths(str(name), base):
                content = self.tree.document(path).content
                merged |= content if isinstance(content, dict) else {}
        return {**test, "vars": merged}

    def _scenarios(self, scenarios: Any) -> list[tuple[str, Mapping[str, Any]]]:
        entries: list[tuple[str, Mapping[str, Any]]] = []
        for index, scenario in enumerate(scenarios if isinstance(scenarios, list) else []):
            where = self.config.where("scenarios", index)
            if isinstance(scenario, str):
                try:
                    scenario = self.tree.document(
                        self.tree.path(scenario, self.config.folder)
                    ).content
                except WorkbenchError as error:
                    self.notes.refused(where, "scenarios", error)
                    continue
            if not isinstance(scenario, Mapping):
                self.notes.left_out(where, f"scenario {quoted(scenario)}", "write a mapping")
                continue
            scenario = resolve_references(scenario, self.config.content)
            data = [
                e for _, e in self._entries(scenario.get("config"), self.tree.root, "scenarios")
            ]
            tests = [
                e for _, e in self._entries(scenario.get("tests"), self.tree.root, "scenarios")
            ]
            for first, second in product(data, tests or [{}]):
                entries.append((where, _joined(first, second)))
        return entries

    def _case(
        self, where: str, number: int, test: Mapping[str, Any], default: Mapping[str, Any]
    ) -> ConfiguredCase:
        test = self._readable(test, where)
        options = {**_mapping(default, "options"), **_mapping(test, "options")}
        defaults = [] if options.get("disableDefaultAsserts") else _listed(default, "assert")
        threshold = test.get("threshold", default.get("threshold"))
        return ConfiguredCase(
            where,
            number,
            {**_mapping(default, "vars"), **_mapping(test, "vars")},
            [*defaults, *_listed(test, "assert")],
            threshold,
            options,
            {**_mapping(default, "metadata"), **_mapping(test, "metadata")},
            test.get("description", ""),
        )

    def _expanded(self, case: ConfiguredCase) -> Iterator[ConfiguredCase]:
        """The case for each combination of values: a list that begins with a text is several."""
        names, choices = list(case.vars), []
        for name in names:
            value = case.vars[name]
            several = isinstance(value, list) and value and isinstance(value[0], str)
            if isinstance(value, str) and value.startswith(SCHEME) and "*" in value:
                try:
                    paths = self.tree.paths(value, self.config.folder)
                    choices.append([SCHEME + self.tree.shown(path) for path in paths])
                    continue
                except WorkbenchError as error:
                    self.notes.refused(case.where, f"vars.{name}", error)
            stays_list = case.options.get("disableVarExpansion")
            choices.append(value if several and not stays_list else [value])
        for values in product(*choices):
            changed = dict(zip(names, values, strict=True))
            yield replace(case, vars=changed)


def code_file(name: str) -> str:
    """The file of a program's reference, which may name a function: `tests.py:make`."""
    file, colon, function = name.removeprefix(SCHEME).rpartition(":")
    return file if colon and function.isidentifier() else name.removeprefix(SCHEME)


def _joined(data: Mapping[str, Any], test: Mapping[str, Any]) -> Mapping[str, Any]:
    """The test of a scenario with one entry of its data."""
    merged = {**data, **test}
    for name in ("vars", "metadata"):
        merged[name] = {**_mapping(data, name), **_mapping(test, name)}
    return {**merged, "assert": [*_listed(data, "assert"), *_listed(test, "assert")]}


def _mapping(test: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = test.get(key)
    return value if isinstance(value, Mapping) else {}


def _listed(test: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    value = test.get(key)
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
