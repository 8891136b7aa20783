"""Assertions of promptfoo as evaluators of the same meaning.

map_assertion({"type": "not-icontains", "value": "sorry"}, "sorry")
MappedAssertion("promptfoo_text.py:contains", "sorry", {"ignore_case": True, "negate": True})
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from workbench.errors import WorkbenchError
from workbench.importing.foreign_values import quoted
from workbench.importing.promptfoo.javascript_pattern import PatternFaultError, python_pattern

Settings = dict[str, Any]
TEXT, DOCUMENTS, OVERLAP = "promptfoo_text.py", "promptfoo_documents.py", "promptfoo_overlap.py"
SIMILARITY = "embedding_similarity"
QUOTED_PARTS = re.compile(r'(".*?"|[^,]+)(?=\s*,|\s*$)')
AS_FUNCTION = "write it as an evaluator: workbench evaluators new NAME"
JUDGED = ("llm-rubric", "g-eval", "model-graded-closedqa", "factuality", "model-graded-factuality")
UNIFORM_JUDGES = {
    "answer-relevance": "answer_relevance",
    "context-faithfulness": "faithfulness",
    "context-recall": "context_recall",
    "context-relevance": "context_precision",
}
OTHERS = {
    "javascript": f"code of JavaScript is not run; {AS_FUNCTION}",
    "python": f"code of the source is not run; read it, and {AS_FUNCTION}",
    "ruby": f"code of Ruby is not run; {AS_FUNCTION}",
    "webhook": AS_FUNCTION,
    "cost": "set `prices:` in workbench.yaml: `run` shows the cost, and `gate:` can limit it",
    "perplexity": "set `logprobs: true` in parameters, and read completion.raw in an evaluator",
    "perplexity-score": "set `logprobs: true` in parameters, and read completion.raw",
    "select-best": "evaluators: - pairwise: {}",
    "max-score": "workbench compare shows the best variant",
    "moderation": AS_FUNCTION,
    "guardrails": AS_FUNCTION,
    "classifier": AS_FUNCTION,
    "is-valid-openai-tools-call": "evaluators: - tool_call, with expected calls in the rows",
    "is-valid-openai-function-call": "evaluators: - tool_call, with expected calls in the rows",
    "is-valid-function-call": "evaluators: - tool_call, with expected calls in the rows",
    "meteor": "evaluators: - rouge or chrf",
}

ROUGE_CHANGE = "words as in Penn Treebank; rare quotes and abbreviations differ"


class UnmappedError(WorkbenchError):
    """An assertion that has no evaluator of the same meaning."""


@dataclass(frozen=True)
class MappedAssertion:
    """An evaluator, and the value that it compares a row's answer with.

    Attributes:
        function: file and function of a check; `judge`, or an evaluator of the library.
        kind: the assertion's type.
        change: how it differs from the source; empty: not at all.
    """

    function: str
    value: Any
    settings: Settings = field(default_factory=dict)
    kind: str = ""
    change: str = ""
    is_continuous: bool = False


def map_assertion(assertion: Mapping[str, Any], value: Any) -> MappedAssertion:
    """The evaluator of an assertion whose rendered value is `value`.

    Raises:
        UnmappedError: there is none; the fix says what to do.
    """
    kind = assertion.get("type")
    if not isinstance(kind, str):
        raise UnmappedError("an assertion without a type", fix="write its `type`")
    negated, base = kind.startswith("not-"), kind.removeprefix("not-")
    if assertion.get("transform"):
        fix = "write it as `transform:` of the evaluator: docs/evaluators.md"
        raise UnmappedError(f"assert `{kind}` with a transform", fix=fix)
    if isinstance(value, str) and value.startswith("file://"):
        raise UnmappedError(f"assert `{kind}` with code", fix=AS_FUNCTION)
    if base in JUDGED:
        return MappedAssertion("judge", _text_of(value), {"negate": negated}, kind)
    if base in UNIFORM_JUDGES:
        fix = f"evaluators: - judge: {{prompt: workbench/{UNIFORM_JUDGES[base]}}}"
        raise UnmappedError(f"assert `{kind}`", fix=fix)
    if base in ("is-sql", "contains-sql"):
        return _sql(kind, base, value, negated=negated)
    if base == "similar" or base == "similar:cosine":
        return _similar(kind, value, assertion, negated=negated)
    maker = _CHECKS.get(base)
    if maker is None:
        raise UnmappedError(f"assert `{kind}`", fix=OTHERS.get(base, AS_FUNCTION))
    function, row_value, settings = maker(_Part(base, value, assertion))
    if negated and base not in ("levenshtein", "latency", "finish-reason"):
        settings = {**settings, "negate": True}
    change = (
        "words as in Penn Treebank; rare quotes and abbreviations differ"
        if base == "rouge-n"
        else ""
    )
    is_continuous = function.startswith(OVERLAP) and base != "levenshtein"
    return MappedAssertion(function, row_value, settings, kind, change, is_continuous)


CheckEntry = tuple[str, Any, Settings]


@dataclass(frozen=True)
class _Part:
    """An assertion whose type has no `not-`, with its rendered value."""

    base: str
    value: Any
    assertion: Mapping[str, Any]

    @property
    def fault(self) -> UnmappedError:
        """The error for a value that the type doesn't take."""
        message = f"assert `{self.base}` of {quoted(self.value, 40)}: an error in promptfoo, too"
        return UnmappedError(message, fix="mend its `value`")


def _equals(part: _Part) -> CheckEntry:
    value = part.value
    if value is None:
        raise UnmappedError("assert `equals` without a value", fix="write its `value`")
    return f"{TEXT}:equals", value, {}


def _contains(part: _Part) -> CheckEntry:
    value = part.value
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value in ("", 0):
        raise part.fault
    return f"{TEXT}:{part.base}", value, {}


def _contains_list(part: _Part) -> CheckEntry:
    value = part.value
    if isinstance(value, str) and value:
        if part.base == "contains-any":
            texts = [match[1].strip() for match in QUOTED_PARTS.finditer(value)]
            value = [re.sub(r'^"|"$', "", text) for text in texts]
        else:
            value = [text.strip() for text in value.split(",")]
    if not isinstance(value, list):
        raise part.fault
    settings = {"match": "any"} if part.base.endswith("any") else {}
    return f"{TEXT}:{part.base.partition('-')[0]}", value, settings


def _starts_with(part: _Part) -> CheckEntry:
    value = part.value
    if not isinstance(value, str) or not value:
        raise part.fault
    return f"{TEXT}:starts_with", value, {}


def _regex(part: _Part) -> CheckEntry:
    value = part.value
    if not isinstance(value, str) or not value:
        raise part.fault
    try:
        return f"{TEXT}:regex", python_pattern(value), {}
    except PatternFaultError as error:
        fix = "mend the pattern: promptfoo fails every answer by it"
        raise UnmappedError(f"assert `regex` {quoted(value)}: {error}", fix=fix) from error


def _presence(part: _Part) -> CheckEntry:
    return f"{TEXT}:{part.base.replace('-', '_')}", True, {}


def _word_count(part: _Part) -> CheckEntry:
    value = part.value
    is_number = isinstance(value, int | float | str) and re.fullmatch(r"\s*\d+\s*", str(value))
    if not is_number and not isinstance(value, Mapping):
        raise UnmappedError(f"assert `word-count` of {quoted(value, 40)}", fix="{min: 5, max: 20}")
    return f"{TEXT}:word_count", int(value) if is_number else dict(value), {}


def _finish_reason(part: _Part) -> CheckEntry:
    value = part.value
    if not isinstance(value, str):
        raise UnmappedError("assert `finish-reason` without a value", fix="write its `value`")
    return f"{TEXT}:finish_reason", value, {}


def _latency(part: _Part) -> CheckEntry:
    if not isinstance(part.assertion.get("threshold"), int | float):
        raise UnmappedError("assert `latency` without a threshold", fix="write its `threshold`")
    return f"{TEXT}:latency", True, {"threshold_ms": float(part.assertion["threshold"])}


def _document(part: _Part) -> CheckEntry:
    value = part.value
    if isinstance(value, str) and value.strip() and part.base.endswith("json"):
        from workbench.document import parse_document

        value = parse_document(value, f"assert {part.base}").content
    if part.base.endswith("xml"):
        value = value.get("requiredElements") if isinstance(value, Mapping) else value
        if isinstance(value, str):
            value = [text.strip() for text in value.split(",")]
    elif value and not isinstance(value, Mapping | bool):
        raise UnmappedError(
            f"assert `{part.base}` whose schema is {quoted(value, 40)}", fix="write a mapping"
        )
    return f"{DOCUMENTS}:{part.base.replace('-', '_')}", value or True, {}


def _overlap(part: _Part) -> CheckEntry:
    value = part.value
    listed = value if isinstance(value, list) and part.base in ("bleu", "gleu") else [value]
    if not listed or not all(isinstance(each, str) and each for each in listed):
        raise part.fault
    threshold = part.assertion.get("threshold")
    settings = {"threshold": float(threshold)} if isinstance(threshold, int | float) else {}
    return f"{OVERLAP}:{part.base.replace('-', '_')}", value, settings


def _sql(kind: str, base: str, value: Any, *, negated: bool) -> MappedAssertion:
    if negated or find_spec("sqlglot") is None:
        fix = "pip install 'prompt-workbench[evaluators]', then evaluators: - sql_valid"
        raise UnmappedError(f"assert `{kind}`", fix=fix)
    if isinstance(value, Mapping) and (value.get("allowedTables") or value.get("allowedColumns")):
        raise UnmappedError(f"assert `{kind}` with allowed tables or columns", fix=AS_FUNCTION)
    database = str(value.get("databaseType") or "MySQL") if isinstance(value, Mapping) else "MySQL"
    dialects = {"postgresql": "postgres", "transactsql": "tsql", "mariadb": "mysql", "db2": ""}
    dialect = dialects.get(database.lower(), database.lower())
    change = "by the grammar of sqlglot, which takes some statements that promptfoo refuses"
    settings: Settings = {"dialect": dialect} if dialect else {}
    if base == "is-sql":
        settings["fenced"] = False
    return MappedAssertion("sql_valid", True, settings, kind, change)


def _similar(
    kind: str, value: Any, assertion: Mapping[str, Any], *, negated: bool
) -> MappedAssertion:
    """A similarity of embeddings; the threshold is an entry of its own."""
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(each, str) and each for each in listed):
        raise UnmappedError(f"assert `{kind}` of {quoted(value, 40)}", fix="mend its `value`")
    threshold = assertion.get("threshold")
    threshold = float(threshold) if isinstance(threshold, int | float) else 0.75
    bound = {"at_most": threshold} if negated else {"at_least": threshold}
    return MappedAssertion(SIMILARITY, value, bound, kind)


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


_CHECKS: dict[str, Callable[[_Part], CheckEntry]] = {
    "equals": _equals,
    "contains": _contains,
    "icontains": _contains,
    "contains-any": _contains_list,
    "contains-all": _contains_list,
    "icontains-any": _contains_list,
    "icontains-all": _contains_list,
    "starts-with": _starts_with,
    "regex": _regex,
    "is-refusal": _presence,
    "word-count": _word_count,
    "finish-reason": _finish_reason,
    "latency": _latency,
    "is-json": _document,
    "contains-json": _document,
    "is-xml": _document,
    "contains-xml": _document,
    "levenshtein": _overlap,
    "bleu": _overlap,
    "gleu": _overlap,
    "rouge-n": _overlap,
}
