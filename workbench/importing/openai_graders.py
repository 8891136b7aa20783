"""Graders of OpenAI as evaluators of ours.

{"type": "string_check", "name": "label", "operation": "eq",
 "input": "{{ sample.output_text }}", "reference": "{{ item.label }}"}

becomes `exact_match: {name: label, expected_column: label, strip: false, normalize: none}`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.importing.column_table import ColumnTable, variable_name
from workbench.importing.foreign_values import quoted
from workbench.importing.import_log import ImportLog
from workbench.importing.imported import Entry
from workbench.importing.openai_formula import weights
from workbench.importing.openai_judges import (
    UnreadableGraderError,
    judge_settings,
    judge_source,
    label_scores,
    score_steps,
    unknown_sampling,
)
from workbench.importing.openai_references import (
    GraderReference,
    Pieces,
    path_expression,
    sole_reference,
    text_pieces,
)
from workbench.importing.task_names import NameSet, task_name

Grader = Mapping[str, Any]
SYMMETRIC = ("eq", "ne", "fuzzy_match", "cosine")
_NEW_EVALUATOR = "write it as an evaluator: `workbench evaluators new NAME`"
_SIMILARITY: dict[str, tuple[str, dict[str, Any], str]] = {
    "fuzzy_match": ("edit_similarity", {}, "`edit_similarity`, the share of equal characters"),
    "bleu": ("bleu", {}, "`bleu`, as sacrebleu computes it"),
    "rouge_1": ("rouge", {"type": "rouge1"}, "`rouge`, as rouge-score computes it"),
    "rouge_2": ("rouge", {"type": "rouge2"}, "`rouge`, as rouge-score computes it"),
    "rouge_l": ("rouge", {"type": "rougeL"}, "`rouge`, as rouge-score computes it"),
    "cosine": ("embedding_similarity", {"model": "openai:text-embedding-3-large"}, ""),
}


@dataclass
class GraderImport:
    """Graders that become evaluators of one task.

    Attributes:
        derived: columns that are computed of a row of the source, by name.
        references: columns with expected values, of evaluators that aren't judges.
        judge_files: sources of judges by file name.
        code: code of graders by file name.
    """

    task: str
    table: ColumnTable
    log: ImportLog
    entries: list[Entry] = field(default_factory=list)
    derived: dict[str, Pieces] = field(default_factory=dict)
    references: dict[str, None] = field(default_factory=dict)
    judge_files: dict[str, str] = field(default_factory=dict)
    code: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    files: NameSet = field(default_factory=lambda: NameSet("judge"))

    def read(self, grader: Any, where: str) -> str:
        """Add the evaluators of a grader; returns the name of its score, or an empty text."""
        kind = grader.get("type") if isinstance(grader, dict) else None
        reader = _READERS.get(str(kind))
        label = f"{kind} {quoted(grader.get('name'))}" if isinstance(grader, dict) else "a grader"
        if reader is None:
            self.log.left_out(where, f"{label}: an unknown type", fix=_NEW_EVALUATOR)
            return ""
        try:
            return reader(self, grader, where)
        except UnreadableGraderError as error:
            self.log.left_out(where, f"{label}: {error}", fix=_NEW_EVALUATOR)
            return ""

    def add(self, kind: str, settings: Mapping[str, Any]) -> None:
        """Add an entry of `evaluators:`."""
        self.entries.append({kind: dict(settings)})

    def name(self, grader: Grader) -> str:
        """A name for the grader's score that no other one has."""
        text = re.sub(r"[^\w .:+-]+", " ", str(grader.get("name") or grader.get("type"))).strip()
        base = text[:60].strip() or "grader"
        name, number = base, 1
        while name in self.names:
            number += 1
            name = f"{base} {number}"
        self.names.add(name)
        return name

    def column(self, pieces: Pieces, name: str) -> str:
        """The column that has the text of a reference; computed if it is no column by itself."""
        reference = sole_reference(pieces)
        if reference and reference.namespace == "item" and len(reference.path) == 1:
            column = self.table.name(str(reference.path[0]))
        else:
            if any(isinstance(p, GraderReference) and p.namespace == "sample" for p in pieces):
                raise UnreadableGraderError("its reference reads the answer")
            column = self.table.name(f"{variable_name(name)}_reference")
            self.derived[column] = pieces
        self.references.setdefault(column)
        return column


def _pieces(grader: Grader, key: str) -> Pieces:
    text = grader.get(key)
    if not isinstance(text, str):
        raise UnreadableGraderError(f"{key} is no text")
    try:
        return text_pieces(text)
    except ValueError as error:
        raise UnreadableGraderError(f"{error} is no value of a row or an answer") from error


def _sides(grader: Grader, operation: str) -> tuple[GraderReference, Pieces]:
    """The part of the answer that is compared, and what it is compared with."""
    answer, reference = _pieces(grader, "input"), _pieces(grader, "reference")
    for side, other in ((answer, reference), (reference, answer)):
        part = sole_reference(side)
        if part and part.namespace == "sample":
            return part, other
        if operation not in SYMMETRIC:
            break
    raise UnreadableGraderError("its input is no part of the answer")


def _transform(part: GraderReference) -> dict[str, Any]:
    if part.is_answer:
        return {}
    if part.path[:1] == ("output_json",):
        return {"transform": {"json": part.json_path}}
    raise UnreadableGraderError(f"sample.{'.'.join(map(str, part.path))} isn't read here")


def _string_check(task: GraderImport, grader: Grader, where: str) -> str:
    operation = str(grader.get("operation"))
    if operation not in ("eq", "ne", "like", "ilike"):
        raise UnreadableGraderError(f"operation {quoted(operation, 40)}")
    part, reference = _sides(grader, operation)
    if part.path == ("output_tools", 0, "function", "name") and operation == "eq":
        name = task.name(grader)
        column = task.column(reference, name)
        task.add("tool_call", {"name": name, "expected_column": column, "arguments": "ignore"})
        task.log.changed(where, "`tool_call`: a second call makes the answer wrong")
        return name
    transform = _transform(part)
    name = task.name(grader)
    plain = "".join(map(str, reference)) if all(isinstance(p, str) for p in reference) else None
    if operation in ("like", "ilike"):
        settings: dict[str, Any] = {"ignore_case": operation == "ilike", "normalize": "none"}
        settings |= transform
        expected = (
            {"texts": [plain]} if plain else {"expected_column": task.column(reference, name)}
        )
        task.add("contains", {"name": name, **expected, **settings})
    elif plain is not None:
        match = {"match": "none"} if operation == "ne" else {}
        pattern = {"pattern": re.escape(plain), "full": True}
        task.add("regex_match", {"name": name, **pattern, **match, **transform})
    else:
        equal = name if operation == "eq" else f"{name} equal"
        expected = {"expected_column": task.column(reference, name)}
        exact = {"strip": False, "normalize": "none"}
        task.add("exact_match", {"name": equal, **expected, **exact, **transform})
        if operation == "ne":
            task.add("threshold", {"of": equal, "at_most": 0, "name": name})
    task.log.carried(where, f"string_check {name!r}")
    return name


def _text_similarity(task: GraderImport, grader: Grader, where: str) -> str:
    metric = str(grader.get("evaluation_metric"))
    if metric not in _SIMILARITY:
        raise UnreadableGraderError(f"metric {quoted(metric, 40)} isn't computed here")
    kind, settings, text = _SIMILARITY[metric]
    part, reference = _sides(grader, metric)
    transform = _transform(part)
    name = task.name(grader)
    column = task.column(reference, name)
    task.add(kind, {"name": name, "expected_column": column, **settings, **transform})
    if text:
        fix = "compare a few scores, and set the threshold anew"
        task.log.changed(where, f"text_similarity {name!r}: {text}", fix=fix)
    else:
        task.log.carried(where, f"text_similarity {name!r}")
    _add_threshold(task, grader, name)
    return name


def _add_threshold(task: GraderImport, grader: Grader, name: str) -> None:
    threshold = grader.get("pass_threshold")
    if isinstance(threshold, int | float) and not isinstance(threshold, bool):
        task.add("threshold", {"of": name, "at_least": threshold, "name": f"{name} passed"})


def _label_model(task: GraderImport, grader: Grader, where: str) -> str:
    name = _add_judge(task, grader, label_scores(grader))
    task.log.carried(where, f"label_model {name!r}, as a judge")
    _report_sampling(task, grader, where)
    return name


def _score_model(task: GraderImport, grader: Grader, where: str) -> str:
    scores = score_steps(grader)
    name = _add_judge(task, grader, scores)
    text = f"score_model {name!r}: the judge chooses one of {len(scores)} scores"
    task.log.changed(where, text, fix="`scores:` in the judge's file lists them")
    _report_sampling(task, grader, where)
    _add_threshold(task, grader, name)
    return name


def _report_sampling(task: GraderImport, grader: Grader, where: str) -> None:
    for key in unknown_sampling(grader):
        task.log.left_out(where, f"sampling parameter {key}", fix="set it at the judge's model")


def _add_judge(task: GraderImport, grader: Grader, scores: Mapping[str, float]) -> str:
    if not isinstance(grader.get("model"), str):
        raise UnreadableGraderError("it names no model")

    def expression(reference: GraderReference) -> str:
        if reference.namespace == "sample":
            if reference.is_answer or reference.path[:1] == ("output_json",):
                return "outputs"
            raise UnreadableGraderError(f"a judge can't read sample.{reference.path[0]}")
        if not reference.path:
            return "inputs | tojson"
        column = task.table.name(str(reference.path[0]))
        value = path_expression("inputs", (column, *reference.path[1:]))
        return f"{value} if {value} is string else {value} | tojson"

    source = judge_source(grader, scores, expression)
    name = task.name(grader)
    file = task.files.add(f"{task.task}_{task_name(name, 'judge')}")
    task.judge_files[f"{file}.jinja"] = source
    task.add("judge", judge_settings(grader, file, name))
    return name


def _python(task: GraderImport, grader: Grader, where: str) -> str:
    source = grader.get("source")
    file = f"{task.files.add(task_name(str(grader.get('name') or 'grader'), 'grader'))}.py.txt"
    if isinstance(source, str):
        task.code[file] = source
    text = f"python {quoted(grader.get('name'))}: its code is in {file}, and is never run"
    fix = "write it as a function of `outputs` and `inputs`: `workbench evaluators new NAME`"
    task.log.left_out(where, text, fix=fix)
    return ""


def _multi(task: GraderImport, grader: Grader, where: str) -> str:
    graders = grader.get("graders")
    if isinstance(graders, dict) and isinstance(graders.get("type"), str):
        graders = [graders]
    if isinstance(graders, list):
        graders = {str(each.get("name")): each for each in graders if isinstance(each, dict)}
    named = graders if isinstance(graders, dict) else {}
    scores = {key: task.read(each, f"{where}.graders.{key}") for key, each in named.items()}
    formula = str(grader.get("calculate_output") or "")
    parts = weights(formula)
    if parts is None or not all(scores.get(part) for part in parts):
        why = "is no weighted sum" if parts is None else "needs a grader that was left out"
        raise UnreadableGraderError(f"its formula {quoted(formula, 80)} {why}")
    name = task.name(grader)
    if len(parts) == 1:
        task.log.changed(where, f"multi {name!r} is the score of its only grader")
        return next(iter(scores.values()))
    task.add("weighted", {"of": {scores[part]: w for part, w in parts.items()}, "name": name})
    total = sum(parts.values())
    if abs(total - 1) > 1e-9:
        shown = quoted(formula, 80)
        text = f"multi {name!r}: the sum {shown} is divided by {total:g}, to be at most 1"
        task.log.changed(where, text, fix="multiply thresholds by the same number")
    else:
        task.log.carried(where, f"multi {name!r}")
    return name


_READERS: dict[str, Callable[[GraderImport, Grader, str], str]] = {
    "string_check": _string_check,
    "text_similarity": _text_similarity,
    "label_model": _label_model,
    "score_model": _score_model,
    "python": _python,
    "multi": _multi,
}
GRADER_TYPES = tuple(_READERS)
