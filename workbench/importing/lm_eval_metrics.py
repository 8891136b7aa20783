"""Metrics and filters of lm-evaluation-harness as evaluators of ours, with the rows' targets.

exact_match, filter strict-match     - exact_match: {transform: {regex: '#### (-?[0-9.,]+)'}}
acc and acc_norm of choices          exact_match, and a prompt for each `normalize:`
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from workbench.importing.foreign_values import as_list, quoted
from workbench.importing.import_log import ImportLog
from workbench.importing.imported import Entry
from workbench.importing.lm_eval_config import LmEvalConfig
from workbench.importing.lm_eval_row import CHOICES, GENERATE, LmEvalRow, LmEvalSamples
from workbench.importing.model_entries import entry_name

_NORMALIZE = {"acc": "", "acc_norm": "characters", "acc_bytes": "bytes"}
_VARIANTS = {"acc": "prompt", "acc_norm": "prompt_acc_norm", "acc_bytes": "prompt_acc_bytes"}
_SIMILAR: dict[str, dict[str, Any]] = {
    "bleu": {"bleu": {}},
    "chrf": {"chrf": {}},
    "rouge1": {"rouge": {"type": "rouge1", "name": "rouge1"}},
    "rouge2": {"rouge": {"type": "rouge2", "name": "rouge2"}},
    "rougeL": {"rouge": {"type": "rougeL", "name": "rougeL"}},
    "f1": {"token_f1": {}},
    "em": {"exact_match": {"name": "em"}},
}
# Patterns that a metric removes from both texts, as they are removed from targets here.
_REMOVED: dict[str, Callable[[str], str]] = {
    ",": lambda text: text.replace(",", ""),
    r"\$": lambda text: text.replace("$", ""),
    "(?s).*#### ": lambda text: text.rpartition("#### ")[2],
    r"\.$": lambda text: text.removesuffix("."),
}
_NO_FILTER = ("none", "")


def choice_variants(samples: LmEvalSamples, model: Entry, log: ImportLog) -> dict[str, str]:
    """The prompts of a task by name, with their `normalize:`: one for each accuracy."""
    accuracies = [metric for metric in samples.metrics if metric in _NORMALIZE]
    if samples.kind != CHOICES or not accuracies:
        return {"prompt": ""}
    if not entry_name(model).startswith("transformers:"):
        for metric in accuracies:
            text = f"metric {metric}: the answer is compared as text, not by its likelihood"
            fix = "use a local model, transformers:…; docs/prompts.md has `normalize:`"
            log.changed(samples.name, text, fix=fix)
        return {"prompt": ""}
    for metric in accuracies:
        log.carried(samples.name, f"metric {metric}")
    return {_VARIANTS[metric]: _NORMALIZE[metric] for metric in accuracies}


def lm_eval_evaluators(
    samples: LmEvalSamples, config: LmEvalConfig, log: ImportLog
) -> tuple[list[Entry], list[Any]]:
    """The evaluators of a task, and the expected value of each row."""
    if samples.kind == CHOICES:
        return _choice_evaluators(samples, log), _right_choices(samples.rows, samples.name, log)
    if samples.kind == GENERATE:
        return _generation_evaluators(samples, config, log)
    return _likelihood_evaluators(samples, config, log), [r.requests[0][1] for r in samples.rows]


def _choice_evaluators(samples: LmEvalSamples, log: ImportLog) -> list[Entry]:
    entries: list[Entry] = ["exact_match"]
    lists = {tuple(row.choices) for row in samples.rows}
    for metric in samples.metrics:
        if metric in _NORMALIZE:  # a prompt of its own
            continue
        if metric == "f1" and len(lists) == 1:
            labels = [text.strip() for text in samples.rows[0].choices]
            entries.append({"macro_f1": {"labels": labels}})
            text = "metric f1: `macro_f1`, the mean over the classes"
            log.changed(samples.name, text, fix="the reason of its score has the F1 of each class")
        else:
            _report_unknown(metric, samples.name, log)
    return entries


def _right_choices(rows: Sequence[LmEvalRow], where: str, log: ImportLog) -> list[Any]:
    """The text of each right choice; targets are indices if that agrees with the accuracies."""
    by_text = [_choices_by_text(row) for row in rows]
    by_index = [_choices_by_index(row) for row in rows]
    readings = max((by_text, by_index), key=lambda reading: _agreement(rows, reading))
    if missing := sum(not right for right in readings):
        fix = "fill in column `target` of rows.jsonl with the text of the right choice"
        log.left_out(where, "targets that name no choice", fix=fix, count=missing)
    return [right[0] if len(right) == 1 else right or None for right in readings]


def _agreement(rows: Sequence[LmEvalRow], readings: Sequence[list[str]]) -> tuple[int, int]:
    """Number of recorded accuracies that a reading explains, then of targets that it reads."""
    explained = 0
    for row, right in zip(rows, readings, strict=True):
        accuracy = row.scores.get("acc")
        if accuracy in (0, 1) and len(row.likelihoods) == len(row.choices):
            best = row.choices[max(range(len(row.choices)), key=row.likelihoods.__getitem__)]
            explained += (best in right) == bool(accuracy)
    return explained, sum(map(bool, readings))


def _choices_by_text(row: LmEvalRow) -> list[str]:
    targets = row.target if isinstance(row.target, list) else [row.target]
    texts = {str(target).strip() for target in targets}
    return [choice for choice in row.choices if choice.strip() in texts]


def _choices_by_index(row: LmEvalRow) -> list[str]:
    target = row.target
    with suppress(ValueError, TypeError, RecursionError):
        target = json.loads(target) if isinstance(target, str) else target
    listed = target if isinstance(target, list) else [target]
    indices = [n for n in listed if isinstance(n, int) and not isinstance(n, bool)]
    return [row.choices[n] for n in indices if 0 <= n < len(row.choices)]


def _generation_evaluators(
    samples: LmEvalSamples, config: LmEvalConfig, log: ImportLog
) -> tuple[list[Entry], list[Any]]:
    entries: dict[str, Entry] = {}
    removed: list[str] = []
    for metric in samples.metrics:
        settings = config.metrics.get(metric, {})
        for name in samples.filters:
            entry = _metric_entry(metric, settings)
            if entry is None:
                _report_unknown(metric, samples.name, log)
                break
            if metric == "exact_match":
                removed = _removed_patterns(settings, samples.name, log)
            _add_filter(entry, name, config, samples.name, log)
            log.carried(samples.name, f"metric {metric} under filter {name}")
            entries[f"{entry_name(entry)} {name}"] = entry
    if not entries:
        text = "no metric that can be carried: `exact_match` compares the answer with the target"
        log.changed(samples.name, text, fix="`workbench evaluators` lists others")
        entries["exact_match"] = "exact_match"
    targets = [_without(row.target, removed) for row in samples.rows]
    return list(entries.values()), targets


def _metric_entry(metric: str, settings: Mapping[str, Any]) -> dict[str, dict[str, Any]] | None:
    if metric != "exact_match":
        similar = _SIMILAR.get(metric)
        return {name: dict(values) for name, values in similar.items()} if similar else None
    patterns = as_list(settings.get("regexes_to_ignore"))
    if "," in patterns:  # numbers with separators
        return {"numeric_answer": {}}
    more: dict[str, Any] = {"ignore_case": True} if settings.get("ignore_case") else {}
    if settings.get("ignore_punctuation"):
        more["normalize"] = {"punctuation": True}
    return {"exact_match": more}


def _removed_patterns(settings: Mapping[str, Any], where: str, log: ImportLog) -> list[str]:
    patterns = [str(pattern) for pattern in as_list(settings.get("regexes_to_ignore"))]
    for pattern in patterns:
        if pattern not in _REMOVED:
            fix = "remove it from column `target`, and from answers with a `transform:`"
            log.left_out(where, f"pattern to ignore {pattern!r}", fix=fix)
    if patterns:
        text = "patterns to ignore are removed from the targets; `numeric_answer` reads answers"
        log.changed(where, text, fix="look at a few rows: `workbench show`")
    return [pattern for pattern in patterns if pattern in _REMOVED]


def _without(target: Any, patterns: Sequence[str]) -> Any:
    if isinstance(target, str):
        for pattern in patterns:
            target = _REMOVED[pattern](target)
    return target


def _add_filter(
    entry: dict[str, dict[str, Any]], name: str, config: LmEvalConfig, where: str, log: ImportLog
) -> None:
    """Add the steps of a filter to an evaluator's settings, as its `transform:`."""
    if name in _NO_FILTER:
        return
    settings = next(iter(entry.values()))
    settings["name"] = f"{settings.get('name') or entry_name(entry)}: {name}"
    steps: list[dict[str, Any]] = []
    for step in config.filters.get(name, []):
        function = str(step.get("function"))
        if function == "regex" and isinstance(step.get("regex_pattern"), str):
            steps += _regex_step(step["regex_pattern"], step, where, log)
        elif function != "take_first":
            fix = "write it as a `transform:` of the evaluator"
            log.left_out(where, f"step {function} of filter {name}", fix=fix)
    if steps:
        settings["transform"] = steps
    elif name not in config.filters:
        fix = "keep results_….json beside the samples, or write a `transform:`"
        log.left_out(where, f"filter {name}, whose steps aren't in the file", fix=fix)


def _regex_step(
    pattern: str, step: Mapping[str, Any], where: str, log: ImportLog
) -> list[dict[str, Any]]:
    """The step of a transform for a pattern; lm-eval takes the first group that isn't empty."""
    try:
        groups = re.compile(pattern).groups
    except (re.error, RecursionError, OverflowError) as error:
        log.left_out(where, f"pattern {quoted(pattern, 80)}: {error}", fix="mend the pattern")
        return []
    which = {"which": "last"} if step.get("group_select") == -1 else {}
    if groups < 2:
        return [{"regex": pattern, **which}]
    text = f"pattern {quoted(pattern, 80)} has several groups: all of the match counts"
    log.changed(where, text, fix="set `group:` in the evaluator's transform")
    return [{"regex": pattern, "group": 0, **which}]


def _likelihood_evaluators(
    samples: LmEvalSamples, config: LmEvalConfig, log: ImportLog
) -> list[Entry]:
    metrics = ", ".join(samples.metrics)
    if config.model is None or not entry_name(config.model).startswith("transformers:"):
        text = f"metrics {metrics}: `exact_match`, since the likelihood of an answer needs a "
        fix = "with a model transformers:… use expected_likelihood: {measure: log_likelihood}"
        log.changed(samples.name, f"{text}local model", fix=fix)
        return ["exact_match"]
    spaced = all(str(row.requests[0][1])[:1].isspace() for row in samples.rows)
    settings = {"measure": "log_likelihood"} | ({} if spaced else {"delimiter": ""})
    text = f"metrics {metrics}: `expected_likelihood`, the log-likelihood of the target"
    log.changed(samples.name, text, fix="docs/evaluators.md has its measures")
    return [{"expected_likelihood": settings}]


def _report_unknown(metric: str, where: str, log: ImportLog) -> None:
    fix = "write it as an evaluator: `workbench evaluators new NAME`"
    log.left_out(where, f"metric {metric}", fix=fix)
