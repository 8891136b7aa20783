"""Samples of lm-evaluation-harness (`--log_samples`), as a task.

{"doc_id": 0, "doc": {"question": "2+2?"}, "target": "#### 4", "arguments": {"gen_args_0": {…}},
 "resps": [["4"]], "filter": "strict-match", "metrics": ["exact_match"], "exact_match": 1.0}

Each document becomes a row with its prompt as it was sent; a document stands in the file once for
each filter.
"""

from pathlib import Path
from typing import Any

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.importing.column_table import ColumnTable
from workbench.importing.foreign_json import ForeignParser, read_json_lines
from workbench.importing.foreign_values import as_list, quoted
from workbench.importing.import_log import ImportLog
from workbench.importing.imported import Import, ImportedAnswer, ImportedTask
from workbench.importing.jinja_text import with_front_matter
from workbench.importing.lm_eval_config import read_config
from workbench.importing.lm_eval_metrics import choice_variants, lm_eval_evaluators
from workbench.importing.lm_eval_row import (
    CHOICES,
    GENERATE,
    LmEvalSamples,
    read_row,
    request_kind,
)
from workbench.importing.model_entries import STAND_IN, entry_name, stand_in_model
from workbench.importing.source_files import ForeignFile
from workbench.importing.task_names import task_name

TAKEN = ("prompt", "messages", "choices", "target", "until")
_PARAMETERS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_gen_toks": "max_tokens",
    "max_tokens": "max_tokens",
    "max_new_tokens": "max_tokens",
    "seed": "seed",
}
_UNDERSTOOD = {*_PARAMETERS, "until", "do_sample"}


def is_lm_eval_samples(file: ForeignFile) -> bool:
    """True for a file of samples: its first line has a document and the request made of it."""
    return file.path.suffix.lower() == ".jsonl" and {"doc", "arguments", "resps"} <= file.keys


def read_lm_eval_samples(path: Path) -> Import:
    """The task of a file of samples.

    Raises:
        WorkbenchError: a line can't be read, or no sample has a form that can be asked again.
    """
    log, parser = ImportLog(), ForeignParser(path.name)
    config = read_config(path, log)
    samples = _read_samples(path, parser, log)
    if samples is None or not samples.rows:
        fix = "import samples of generate_until, multiple_choice or loglikelihood tasks"
        raise WorkbenchError("no sample can be asked again", where=path.name, fix=fix)
    first = samples.rows[0]
    front, parameters = _settings(samples, path.name, log)
    model = config.model or stand_in_model(path.name, log)
    source = "{% messages messages %}" if first.messages else "{{ prompt }}"
    if samples.kind == CHOICES:
        front["choices"] = "{{ choices }}"
    variants = choice_variants(samples, model, log)
    templates = {
        name: with_front_matter(f"{source}\n", {**front, "normalize": normalize or None})
        for name, normalize in variants.items()
    }
    evaluators, targets = lm_eval_evaluators(samples, config, log)
    for row, target in zip(samples.table.rows, targets, strict=True):
        row["target"] = target
    samples.table.report_renamed(path.name, log)
    repeats = max(len(row.responses) for row in samples.rows)
    if repeats > 1:
        log.carried(path.name, f"{repeats} answers to each document, as `repeats:`")
    task = ImportedTask(
        name=task_name(config.task),
        templates=templates,
        rows=samples.table.rows,
        models=(model,),
        evaluators=evaluators,
        dataset={"expected": "target", **samples.table.dataset_keys(path.name, log)},
        parameters=parameters,
        description=f"Task {config.task} of lm-evaluation-harness.",
        answers=_answers(samples, entry_name(model), path.name, log),
        settings={"repeats": repeats} if repeats > 1 else {},
    )
    _report(samples, parser, path.name, log)
    return Import((task,), log.lines)


def _read_samples(path: Path, parser: ForeignParser, log: ImportLog) -> LmEvalSamples | None:
    samples: LmEvalSamples | None = None
    seen: dict[JSON, str] = {}
    for line, value in read_json_lines(path, parser):
        where = f"{path.name}:{line}"
        row = read_row(value, where)
        key = row.doc_id if row.doc_id is not None else f"line {line}"
        kind = request_kind(row)
        if samples is None and kind:
            samples = LmEvalSamples(path.name, kind, ColumnTable(TAKEN))
        if samples is None or kind != samples.kind:
            text = f"a sample {'without a request' if not kind else 'of another kind'}"
            log.left_out(where, text, fix=_shape_fix(kind))
            continue
        samples.filters.setdefault(row.filter)
        for metric in row.metrics:
            samples.metrics.setdefault(metric)
        if key in seen:
            samples.skipped["filter" if seen[key] != row.filter else "repeat"] += 1
            continue
        seen[key] = row.filter
        columns: dict[str, Any] = {"messages": row.messages} if row.messages else {}
        columns |= {} if row.messages else {"prompt": row.prompt}
        columns |= {"choices": row.choices} if row.choices else {}
        samples.table.add(row.doc, **columns)
        samples.rows.append(row)
    return samples


def _shape_fix(kind: str) -> str:
    if kind:
        return "import the samples of one task at a time"
    return "its choices stand behind different prompts, or it is a rolling likelihood"


def _settings(
    samples: LmEvalSamples, name: str, log: ImportLog
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Front matter of the prompt and parameters of the experiment."""
    front: dict[str, Any] = {} if samples.rows[0].messages else {"chat": False}
    arguments = [row.generation for row in samples.rows]
    if any(each != arguments[0] for each in arguments):
        log.changed(
            name,
            "generation arguments differ between documents: those of the first hold for all",
            fix="split the dataset, and give each part a prompt with its own `stop:`",
        )
    generation = arguments[0]
    until = generation.get("until")
    texts = [until] if isinstance(until, str) else as_list(until)
    front["stop"] = [text for text in texts if isinstance(text, str) and text]
    parameters = {
        _PARAMETERS[key]: value
        for key, value in generation.items()
        if key in _PARAMETERS and isinstance(value, int | float) and not isinstance(value, bool)
    }
    if generation.get("do_sample") is False:
        parameters["temperature"] = 0
    for key in sorted(generation.keys() - _UNDERSTOOD):
        fix = "if the endpoint takes it, write it under `parameters: {extra_body: …}`"
        log.left_out(name, f"generation argument {key}={quoted(generation[key])}", fix=fix)
    if generation:
        log.carried(name, "generation arguments")
    return front, parameters


def _answers(
    samples: LmEvalSamples, model: str, name: str, log: ImportLog
) -> tuple[ImportedAnswer, ...]:
    if samples.kind != GENERATE:
        fix = "a local model computes them again"
        log.left_out(name, "recorded log-likelihoods", fix=fix, count=len(samples.rows))
        return ()
    responses = [(n, text) for n, row in enumerate(samples.rows) for text in row.responses if text]
    if model == STAND_IN:
        fix = "keep results_….json beside the samples: it names the model"
        log.left_out(name, "recorded answers, of an unknown model", fix=fix, count=len(responses))
        return ()
    return tuple(
        ImportedAnswer("prompt", model, n, text, messages=samples.rows[n].sent_messages)
        for n, text in responses
    )


def _report(samples: LmEvalSamples, parser: ForeignParser, name: str, log: ImportLog) -> None:
    log.carried(name, "documents", count=len(samples.rows))
    if samples.metrics:
        fix = "`workbench run` scores the answers again"
        log.left_out(name, f"recorded scores: {', '.join(samples.metrics)}", fix=fix)
    if count := samples.skipped["filter"]:
        log.carried(name, "the same documents under another filter", count=count)
    if count := samples.skipped["repeat"]:
        fix = "the first sample of each document counts; import one run's file at a time"
        log.left_out(name, "samples of a document that is there already", fix=fix, count=count)
    if parser.unreadable_numbers:
        fix = "JSON has no NaN; fill in the cells of rows.jsonl if a template uses them"
        count = parser.unreadable_numbers
        log.changed(name, "NaN and infinite numbers are null", fix=fix, count=count)
