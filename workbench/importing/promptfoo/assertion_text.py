"""Assertions of CSV files, written as text.

>>> parse_assertion("similar(0.9): Paris")
{'type': 'similar', 'value': 'Paris', 'threshold': 0.9}
"""

import re
from collections.abc import Mapping
from typing import Any

TYPES = (
    *("answer-relevance", "bleu", "classifier", "contains-all", "contains-any", "contains-html"),
    *("contains-json", "contains-sql", "contains-xml", "contains", "context-faithfulness"),
    *("context-recall", "context-relevance", "conversation-relevance", "cost", "equals"),
    *("factuality", "finish-reason", "g-eval", "gleu", "guardrails", "icontains-all"),
    *("icontains-any", "icontains", "is-html", "is-json", "is-refusal", "is-sql"),
    *("is-valid-function-call", "is-valid-openai-function-call", "is-valid-openai-tools-call"),
    *("is-xml", "javascript", "latency", "levenshtein", "llm-rubric", "meteor"),
    *("model-graded-closedqa", "model-graded-factuality", "moderation", "perplexity-score"),
    *("perplexity", "pi", "python", "regex", "rouge-n", "ruby", "search-rubric"),
    *("similar:cosine", "similar:dot", "similar:euclidean", "similar", "starts-with"),
    *("trace-error-spans", "trace-span-count", "trace-span-duration", "webhook", "word-count"),
)
LISTED = ("contains-all", "contains-any", "icontains-all", "icontains-any")
WITH_THRESHOLD = (
    *("answer-relevance", "classifier", "context-faithfulness", "context-recall", "cost"),
    *("context-relevance", "latency", "levenshtein", "perplexity-score", "perplexity", "rouge-n"),
    *("similar", "starts-with"),
)
PATTERN = re.compile(rf"(not-)?({'|'.join(TYPES)})(?:\((\d+(?:\.\d+)?)\))?(?::([\s\S]*))?")
SCRIPT = re.compile(r"(?:javascript|fn|eval):")
SCRIPT_FILE = re.compile(r"file://.*\.(?:js|cjs|mjs|ts|cts|mts)$")


def parse_assertion(text: str) -> dict[str, Any]:
    """The assertion that a cell of `__expected` stands for; text without a type is `equals`."""
    if SCRIPT.match(text) or SCRIPT_FILE.match(text):
        return {"type": "javascript", "value": SCRIPT.sub("", text, count=1).strip()}
    for name in ("grade:", "llm-rubric:"):
        if text.startswith(name):
            return {"type": "llm-rubric", "value": text.removeprefix(name)}
    if text.startswith("python:") or re.match(r"file://.*\.py(?::|$)", text):
        return {"type": "python", "value": text.removeprefix("python:").strip()}
    match = PATTERN.fullmatch(text)
    if not match:
        return {"type": "equals", "value": text}
    negation, kind, threshold, value = match.groups()
    assertion: dict[str, Any] = {"type": f"{negation or ''}{kind}"}
    if value is not None:
        assertion["value"] = value if kind in ("contains-json", "is-json") else value.strip()
    if kind in LISTED and value:
        assertion["value"] = [each.strip() for each in value.split(",")]
    if kind in WITH_THRESHOLD:
        assertion["threshold"] = float(threshold) if threshold else 0.75
    return assertion


def parse_row(row: Mapping[str, str]) -> dict[str, Any]:
    """The test of a row of a CSV file: columns that begin with `__` are no variables."""
    test: dict[str, Any] = {"vars": {}, "assert": [], "options": {}, "metadata": {}}
    thresholds: dict[int, float] = {}
    metric = None
    for name, value in ((key.strip(), value or "") for key, value in row.items()):
        if name.startswith("__expected"):
            if value.strip():
                test["assert"].append(parse_assertion(value.strip()))
        elif name in ("__prefix", "__suffix"):
            test["options"][name[2:]] = value
        elif name in ("__description", "__providerOutput"):
            test[name[2:]] = value
        elif name == "__metric":
            metric = value
        elif name == "__threshold":
            number = _number(value)
            test["threshold"] = (value.strip() or None) if number is None else number
        elif name.startswith("__metadata:"):
            _add_metadata(test["metadata"], name[11:], value)
        elif match := re.fullmatch(r"__config:__expected(\d*):threshold", name):
            if (number := _number(value)) is not None:
                thresholds[int(match[1] or 1) - 1] = number
        elif name.startswith(("__metadata", "__config")):
            test[name] = value.strip()
        else:
            test["vars"][name] = value
    for index, assertion in enumerate(test["assert"]):
        if metric:
            assertion["metric"] = metric
        if index in thresholds:
            assertion["threshold"] = thresholds[index]
    return {key: value for key, value in test.items() if value or key == "vars"}


def _add_metadata(metadata: dict[str, Any], name: str, value: str) -> None:
    if not value.strip():
        return
    if name.endswith("[]"):
        parts = re.split(r"(?<!\\),", value)
        metadata[name[:-2]] = [part.strip().replace("\\,", ",") for part in parts]
    else:
        metadata[name] = value


def _number(text: str) -> float | None:
    """The number that a text begins with, as JavaScript's parseFloat reads it."""
    match = re.match(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", text)
    return float(match[0]) if match else None
