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
from workbench.importing.promptfoo.javascript_pattern import PatternFault, python_pattern

Settings = dict[str, Any]
TEXT, DOCUMENTS, OVERLAP = "promptfoo_text.py", "promptfoo_documents.py", "promptfoo_overlap.py"
QUOTED_PARTS = re.compile(r'(".*?"|[^,]+)(?=\s*,|\s*$)')
WRITE_ONE = "write it as an evaluator: workbench evaluators new NAME"
JUDGED = ("llm-rubric", "g-eval", "model-graded-closedqa", "factuality", "model-graded-factuality")
UNIFORM_JUDGES = {
    "answer-relevance": "answer_relevance",
    "context-faithfulness": "faithfulness",
    "context-recall": "context_recall",
    "context-relevance": "context_precision",
}
OTHERS = {
    "javascript": f"code of JavaScript is not run; {WRITE_ONE}",
    "python": f"code of the source is not run; read it, and {WRITE_ONE}",
    "ruby": f"code of Ruby is not run; {WRITE_ONE}",
    "webhook": WRITE_ONE,
    "cost": "set `prices:` in workbench.yaml: `run` shows the cost, and `gate:` can limit it",
    "perplexity": "set `logprobs: true` in parameters, and read completion.raw in an evaluator",
    "perplexity-score": "set `logprobs: true` in parameters, and read completion.raw",
    "select-best": "evaluators: - pairwise: {}",
    "max-score": "workbench compare shows the best variant",
    "moderation": WRITE_ONE,
    "guardrails": WRITE_ONE,
    "classifier": WRITE_ONE,
    "is-valid-openai-tools-call": "evaluators: - tool_call, with expected calls in the rows",
    "is-valid-openai-function-call": "evaluators: - tool_call, with expected calls in the rows",
    "is-valid-function-call": "evaluators: - tool_call, with expected calls in the rows",
    "meteor": "evaluators: - rouge or chrf",
    "similar": "- embedding_similarity: {model: openai:text-embedding-3-large}",
}


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
        raise UnmappedError(f"assert `{kind}` with code", fix=WRITE_ONE)
    if base in JUDGED:
        return MappedAssertion("judge", _text_of(value), {"negate": negated}, kind)
    if base in UNIFORM_JUDGES:
        fix = f"evaluators: - judge: {{prompt: workbench/{UNIFORM_JUDGES[base]}}}"
        raise UnmappedError(f"assert `{kind}`", fix=fix)
    if base in ("is-sql", "contains-sql"):
        return _sql(kind, base, value, negated=negated)
    maker = _CHECKS.get(base)
    if maker is None:
        raise UnmappedError(f"assert `{kind}`", fix=OTHERS.get(base, WRITE_ONE))
    function, row_value, settings = maker(base, value, assertion)
    if negated and base not in ("levenshtein", "latency", "finish-reason"):
        settings = {**settings, "negate": True}
    change = "words and signs as in Penn Treebank; rare quotes differ" if base == "rouge-n" else ""
    is_continuous = function.startswith(OVERLAP) and base != "levenshtein"
    return MappedAssertion(function, row_value, settings, kind, change, is_continuous)


Made = tuple[str, Any, Settings]


def _equals(base: str, value: Any, assertion: Mapping[str, Any]) -> Made:
    if value is None:
        raise UnmappedError("assert `equals` without a value", fix="write its `value`")
    return f"{TEXT}:equals", value, {}


def _contains(base: str, value: Any, assertion: Mapping[str, Any]) -> Made:
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value in ("", 0):
        raise UnmappedError(f"assert `{base}` of {value!r:.40}: an error in promptfoo, too")
    return f"{TEXT}:contains", value, _case(base)


def _contains_list(base: str, value: Any, assertion: Mapping[str, Any]) -> Made:
    if isinstance(value, str) and value:
        if base == "contains-any":
            parts = [match[1] for match in QUOTED_PARTS.finditer(value)]
            value = [re.sub(r'^"|"$', "", part.strip()) for part in parts]
        else:
            value = [part.strip() for part in value.split(",")]
    if not isinstance(value, list):
        raise UnmappedError(f"assert `{base}` of {value!r:.40}: an error in promptfoo, too")
    settings = {**_case(base), **({"match": "any"} if base.endswith("any") else {})}
    return f"{TEXT}:contains", value, settings


def _case(base: str) -> Settings:
    return {"ignore_case": True} if base.startswith("i") else {}


def _starts_with(base: str, value: Any, assertion: Mapping[str, Any]) -> Made:
    if not isinstance(value, str) or not value:
        raise UnmappedError(f"assert `{base}` of {value!r:.40}: an error in promptfoo, too")
    return f"{TEXT}:starts_with", value, {}


def _regex(base: str, value: Any, assertion: Mapping[str, Any]) -> Made:
    if not isinstance(value, str) or not value:
        raise UnmappedError(f"assert `{base}` of {value!r:.40}: an error in promptfoo, too")
    try:
        return f"{TEXT}:regex", python_pattern(value), {}
    except PatternFault as error:
        fix = "mend the pattern: promptfoo fails every answer by it"
        raise UnmappedError(f"assert `regex` {value!r:.60}: {error}", fix=fix) from error


def _presence(base: str, value: Any, assertion: Mapping[str, Any]) -> Made:
    return f"{TEXT}:{base.replace('-', '_')}", True, {}


def _word_count(base: str, value: Any, assertion: Mapping[str, Any]) -> Made:
    is_number = isinstance(value, int | float | str) and re.fullmatch(r"\s*\d+\s*", str(value))
    if not is_number and not isinstance(value, Mapping):
        raise UnmappedError(f"assert `word-count` of {value!r:.40}", fix="{min: 5, max: 20}")
    return f"{TEXT}:word_count", int(value) if is_number else dict(value), {}


def _finish_reason(base: str, value: Any, assertion: Mapping[str, Any]) -> Made:
    if not isinstance(value, str):
        raise UnmappedError("assert `finish-reason` without a value", fix="write its `value`")
    return f"{TEXT}:finish_reason", value, {}


def _latency(base: str, value: Any, assertion: Mapping[str, Any]) -> Made:
    if not isinstance(assertion.get("threshold"), int | float):
        raise UnmappedError("assert `latency` without a threshold", fix="write its `threshold`")
    return f"{TEXT}:latency", True, {"threshold_ms": float(assertion["threshold"])}


def _document(base: str, value: Any, assertion: Mapping[str, Any]) -> Made:
    if isinstance(value, str) and value.strip() and base.endswith("json"):
        from workbench.document import parse_document

        value = parse_document(value, f"assert {base}").content
    if base.endswith("xml"):
        value = value.get("requiredElements") if isinstance(value, Mapping) else value
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",")]
    elif value and not isinstance(value, Mapping | bool):
        raise UnmappedError(f"assert `{base}` whose schema is {value!r:.40}", fix="write a mapping")
    return f"{DOCUMENTS}:{base.replace('-', '_')}", value or True, {}


def _overlap(base: str, value: Any, assertion: Mapping[str, Any]) -> Made:
    listed = value if isinstance(value, list) and base in ("bleu", "gleu") else [value]
    if not listed or not all(isinstance(each, str) and each for each in listed):
        raise UnmappedError(f"assert `{base}` of {value!r:.40}: an error in promptfoo, too")
    threshold = assertion.get("threshold")
    settings = {"threshold": float(threshold)} if isinstance(threshold, int | float) else {}
    return f"{OVERLAP}:{base.replace('-', '_')}", value, settings


def _sql(kind: str, base: str, value: Any, *, negated: bool) -> MappedAssertion:
    if negated or find_spec("sqlglot") is None:
        fix = "pip install 'prompt-workbench[evaluators]', then evaluators: - sql_valid"
        raise UnmappedError(f"assert `{kind}`", fix=fix)
    if isinstance(value, Mapping) and (value.get("allowedTables") or value.get("allowedColumns")):
        raise UnmappedError(f"assert `{kind}` with allowed tables or columns", fix=WRITE_ONE)
    database = str(value.get("databaseType") or "MySQL") if isinstance(value, Mapping) else "MySQL"
    dialects = {"postgresql": "postgres", "transactsql": "tsql", "mariadb": "mysql", "db2": ""}
    dialect = dialects.get(database.lower(), database.lower())
    change = "by the grammar of sqlglot, which takes some statements that promptfoo refuses"
    settings = {"dialect": dialect} if dialect else {}
    if base == "is-sql":
        settings["fenced"] = False
    return MappedAssertion("sql_valid", True, settings, kind, change)


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


_CHECKS: dict[str, Callable[[str, Any, Mapping[str, Any]], Made]] = {
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
