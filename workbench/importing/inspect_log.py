"""Logs of Inspect, `.eval` or `.json`, as tasks.

Each sample becomes a row with input, target, choices and metadata; its first answer is carried.
Recorded scores are not: `workbench run` scores the answers anew.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.importing.column_table import ColumnTable
from workbench.importing.foreign_json import ForeignParser
from workbench.importing.foreign_values import as_mapping, quoted
from workbench.importing.import_log import ImportLog
from workbench.importing.imported import Entry, Import, ImportedAnswer, ImportedTask
from workbench.importing.inspect_archive import InspectSample, open_log
from workbench.importing.inspect_messages import chat_messages, sent_prompt
from workbench.importing.inspect_prompt import MESSAGES, SentPrompt, prompt_template
from workbench.importing.inspect_scorers import inspect_evaluators
from workbench.importing.model_entries import (
    STAND_IN,
    entry_name,
    model_entry,
    report_no_evaluator,
    stand_in_model,
)
from workbench.importing.source_files import ForeignFile
from workbench.importing.task_names import task_name

TAKEN = ("id", "input", "target", "choices", "messages")
_BEGINNING = re.compile(r'\s*\{\s*"version"\s*:\s*\d+\s*,\s*"status"\s*:')
_PARAMETERS = {
    **{key: key for key in ("temperature", "top_p", "top_k", "max_tokens", "seed")},
    **{key: key for key in ("frequency_penalty", "presence_penalty", "reasoning_effort")},
    "stop_seqs": "stop",
}


@dataclass
class _Samples:
    """The samples that became rows, with what is to be reported of the others."""

    table: ColumnTable = field(default_factory=lambda: ColumnTable(TAKEN))
    prompts: list[SentPrompt] = field(default_factory=list)
    answers: list[list[dict[str, Any]]] = field(default_factory=list)  # of each row, by epoch
    counts: Counter[str] = field(default_factory=Counter)


def is_inspect_log(file: ForeignFile) -> bool:
    """True for a log, by the beginning of the file."""
    suffix = file.path.suffix.lower()
    if suffix == ".eval":
        return file.head.startswith("PK")
    return suffix == ".json" and bool(_BEGINNING.match(file.head)) and '"eval"' in file.head


def read_inspect_log(path: Path) -> Import:
    """The task of a log.

    Raises:
        WorkbenchError: the log can't be read, or has no sample.
    """
    log, parser = ImportLog(), ForeignParser(path.name)
    source = open_log(path, parser)
    spec = source.header.get("eval")
    spec = spec if isinstance(spec, dict) else {}
    samples, seen = _Samples(), dict[str, int]()
    for sample in source.samples:
        _add_sample(sample, samples, seen)
    if not samples.prompts:
        fix = "run Inspect with `--log-samples`, and import that log"
        raise WorkbenchError("the log has no samples", where=path.name, fix=fix)
    template = prompt_template(samples.prompts)
    _report_template(template, path.name, log)
    for row, prompt in zip(samples.table.rows, samples.prompts, strict=True):
        if template is None:
            row["messages"] = list(prompt.messages)
    model = _model(str(spec.get("model") or ""), path.name, log)
    epochs = max(map(len, samples.answers))
    most_choices = max(len(prompt.choices) for prompt in samples.prompts)
    evaluators = inspect_evaluators(source.header, entry_name(model), most_choices, log)
    if not evaluators:
        report_no_evaluator(path.name, log)
    task = ImportedTask(
        name=task_name(str(spec.get("task") or path.stem).rpartition("/")[2]),
        templates={"prompt": template or MESSAGES},
        rows=samples.table.rows,
        models=(model,),
        evaluators=evaluators,
        dataset={"expected": "target", **samples.table.dataset_keys(path.name, log)},
        parameters=_parameters(source.header, path.name, log),
        description=f"Task {spec.get('task') or path.stem} of Inspect.",
        answers=_answers(samples, entry_name(model), path.name, log),
        settings={"repeats": epochs} if epochs > 1 else {},
    )
    samples.table.report_renamed(path.name, log)
    _report(samples, parser, path.name, log)
    return Import((task,), log.lines)


def _add_sample(sample: InspectSample, samples: _Samples, seen: dict[str, int]) -> None:
    values = sample.values
    sample_id = values.get("id")
    row = seen.setdefault(f"{type(sample_id).__name__} {sample_id}", len(samples.prompts))
    if sample_id is None:
        row = len(samples.prompts)
    elif row < len(samples.prompts) and values.get("epoch", 1) == 1:
        samples.counts["repeats"] += 1
        return
    attachments = values.get("attachments")
    attachments = attachments if isinstance(attachments, dict) else {}
    text = values.get("input") if isinstance(values.get("input"), str) else None
    choices = values.get("choices")
    choices = choices if isinstance(choices, list) else []
    input_messages = chat_messages(values.get("input"), attachments)
    messages = chat_messages(values.get("messages"), attachments)
    prompt, generated = sent_prompt(messages or input_messages)
    prompt = prompt or [{"role": "user", "content": text or ""}]
    answer = _answer(values, prompt, generated, samples.counts)
    if row < len(samples.prompts):
        samples.answers[row].append(answer)
        return
    columns: dict[str, Any] = {} if sample_id is None else {"id": sample_id}
    columns |= {"input": text} if text is not None else {}
    columns |= {"choices": choices} if choices else {}
    metadata = values.get("metadata")
    samples.table.add(
        metadata if isinstance(metadata, dict) else {}, **columns, target=values.get("target")
    )
    samples.prompts.append(SentPrompt(text, tuple(map(str, choices)), prompt))
    samples.answers.append([answer])


def _answer(
    values: JSON, prompt: list[dict[str, Any]], generated: int, counts: Counter[str]
) -> dict[str, Any]:
    """The recorded answer with its usage; empty: there is none that can be carried."""
    output = values.get("output")
    output = output if isinstance(output, dict) else {}
    text = output.get("completion")
    if not isinstance(text, str) or not text or values.get("error"):
        counts["unanswered"] += 1
        return {}
    if generated > 1:
        counts["several"] += 1
        return {}
    usage = output.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    seconds = output.get("time")
    return {
        "text": text,
        "messages": prompt,
        "finish_reason": _stop_reason(output.get("choices")),
        "input_tokens": _count(usage.get("input_tokens")),
        "output_tokens": _count(usage.get("output_tokens")),
        "latency_s": seconds if isinstance(seconds, float) else None,
    }


def _stop_reason(choices: JSON) -> str:
    """The reason that Inspect gives, in the words of the chat API."""
    first = choices[0] if isinstance(choices, list) and choices else None
    reason = first.get("stop_reason") if isinstance(first, dict) else None
    return {"max_tokens": "length", "model_length": "length"}.get(str(reason), str(reason or ""))


def _count(value: JSON) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _model(name: str, where: str, log: ImportLog) -> Entry:
    provider, _, model = name.partition("/")
    if provider == "openai-api":
        provider, _, model = model.partition("/")
    entry = model_entry(provider, model)
    if entry is None:
        return stand_in_model(where, log, f"model {name!r} can't be asked here")
    log.carried(where, f"model {name}")
    return entry


def _parameters(header: JSON, where: str, log: ImportLog) -> dict[str, Any]:
    plan = as_mapping(as_mapping(header.get("plan")).get("config"))
    config = {**as_mapping(as_mapping(header.get("eval")).get("model_generate_config")), **plan}
    for key in sorted(config.keys() - _PARAMETERS):
        fix = "set it at the model in experiment.yaml, if there is such a key"
        log.left_out(where, f"generation setting {key}={quoted(config[key])}", fix=fix)
    parameters = {_PARAMETERS[key]: value for key, value in config.items() if key in _PARAMETERS}
    if parameters:
        log.carried(where, "generation settings", count=len(parameters))
    return {key: value for key, value in parameters.items() if value not in (None, [])}


def _answers(samples: _Samples, model: str, where: str, log: ImportLog) -> list[ImportedAnswer]:
    answers = [(row, each) for row, epochs in enumerate(samples.answers) for each in epochs if each]
    if model == STAND_IN and answers:
        fix = "the prompts and rows are there; another model can be asked"
        log.left_out(where, "recorded answers", fix=fix, count=len(answers))
        return []
    return [ImportedAnswer("prompt", model, row, **each) for row, each in answers]


def _report_template(template: str | None, where: str, log: ImportLog) -> None:
    if template:
        log.carried(where, "the prompt, as a template")
        return
    fix = "write the prompt as a template over the other columns"
    log.changed(where, "the prompts have no common template: column `messages`", fix=fix)


def _report(samples: _Samples, parser: ForeignParser, where: str, log: ImportLog) -> None:
    counts = samples.counts
    log.carried(where, "samples", count=len(samples.prompts))
    log.left_out(where, "recorded scores", fix="`workbench run` scores the answers again")
    epochs = max(map(len, samples.answers))
    if epochs > 1:
        log.carried(where, f"{epochs} epochs, as `repeats:`")
    if counts["repeats"]:
        fix = "give each sample an id of its own"
        log.left_out(where, "samples with an id that is there already", fix=fix,
                     count=counts["repeats"])  # fmt: skip
    if counts["several"]:
        fix = "a request has one answer; rows with `turns` are conversations"
        text = "answers after several generations, as of an agent"
        log.left_out(where, text, fix=fix, count=counts["several"])
    if counts["unanswered"]:
        fix = "`workbench run` asks for them"
        log.left_out(where, "samples without an answer", fix=fix, count=counts["unanswered"])
    if parser.unreadable_numbers:
        fix = "JSON has no NaN; fill in the cells of rows.jsonl if a template uses them"
        count = parser.unreadable_numbers
        log.changed(where, "NaN and infinite numbers are null", fix=fix, count=count)
