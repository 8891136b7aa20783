"""Scorers of Inspect as evaluators of ours.

{"name": "match", "options": {"location": "end"}}     - ends_with: {normalize: {punctuation: true}}
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workbench.importing.foreign_values import as_mapping, as_mappings
from workbench.importing.import_log import ImportLog
from workbench.importing.imported import Entry
from workbench.importing.inspect_prompt import LETTERS

Options = Mapping[str, Any]
_LOOK = "hold a few rows against the log: `workbench show`"
_PUNCTUATION = {"normalize": {"punctuation": True}}


def inspect_evaluators(
    header: Mapping[str, Any], judge: str, most_choices: int, log: ImportLog
) -> list[Entry]:
    """The evaluators of the log's scorers; `judge` is the model for those that ask one."""
    entries: list[Entry] = []
    for scorer in _scorers(header):
        name = str(scorer.get("name") or scorer.get("scorer") or "").rpartition("/")[2]
        options = as_mapping(scorer.get("options")) or as_mapping(scorer.get("params"))
        where = f"scorer {name}"
        if name == "includes":
            case = {} if options.get("ignore_case", True) else {"ignore_case": False}
            entries.append({"contains": {"normalize": "none", **case}})
            log.carried(where, "`contains`")
        elif name == "choice":
            labels = list(LETTERS[: max(most_choices, 2)])
            entries.append({"label_match": {"labels": labels, "name": "choice"}})
            text = "`label_match`, which finds the letter wherever it is named"
            log.changed(where, text, fix=_LOOK)
        elif name in ("model_graded_qa", "model_graded_fact"):
            settings = {"prompt": "workbench/reference", "model": judge, "name": name}
            entries.append({"judge": settings})
            text = f"the judge `workbench/reference`, whose words are others, on {judge}"
            log.changed(where, text, fix="write the scorer's template as a file of prompts/judges/")
        elif name in _READINGS:
            entry, text = _READINGS[name](options)
            entries.append(entry)
            log.changed(where, text, fix=_LOOK)
        else:
            fix = "write it as an evaluator: `workbench evaluators new NAME`"
            log.left_out(where, "a scorer without a counterpart", fix=fix)
    return entries


def _scorers(header: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    for section, key in (("eval", "scorers"), ("results", "scores")):
        scorers = as_mappings(as_mapping(header.get(section)).get(key))
        if scorers:
            names = [str(each.get("scorer") or each.get("name")) for each in scorers]
            return [each for n, each in enumerate(scorers) if names.index(names[n]) == n]
    return []


def _match(options: Options) -> tuple[Entry, str]:
    case = {} if options.get("ignore_case", True) else {"ignore_case": False}
    location = options.get("location", "end")
    if options.get("numeric"):
        return "numeric_answer", "`numeric_answer`, which reads more forms of numbers"
    if location == "exact":
        settings = {"ignore_case": True, **_PUNCTUATION, **case}
        return {"exact_match": settings}, "`exact_match` without punctuation"
    name = {"begin": "starts_with", "any": "contains"}.get(location, "ends_with")
    return {name: {**_PUNCTUATION, **case}}, f"`{name}` without punctuation"


def _exact(_options: Options) -> tuple[Entry, str]:
    settings = {"ignore_case": True, "normalize": {"punctuation": True, "articles": True}}
    return {"exact_match": settings}, "`exact_match` without punctuation and articles"


def _f1(_options: Options) -> tuple[Entry, str]:
    return "token_f1", "`token_f1`, which counts words as SQuAD does"


def _pattern(options: Options) -> tuple[Entry, str]:
    case = bool(options.get("ignore_case", True))
    step = {"regex": str(options.get("pattern", "")), "ignore_case": case}
    settings = {"ignore_case": case, "transform": step}
    return {"exact_match": settings}, "`exact_match` of the pattern's first group"


def _answer(_options: Options) -> tuple[Entry, str]:
    steps = [{"after": "ANSWER:", "which": "last", "ignore_case": True}, "first_line"]
    settings = {"ignore_case": True, "transform": steps, **_PUNCTUATION}
    return {"exact_match": settings}, "`exact_match` of the line behind the last `ANSWER:`"


_READINGS: dict[str, Callable[[Options], tuple[Entry, str]]] = {
    "match": _match,
    "exact": _exact,
    "f1": _f1,
    "pattern": _pattern,
    "answer": _answer,
}
