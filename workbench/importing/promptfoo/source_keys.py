"""The keys of a configuration that are read, by their type; all others are named in the report.

keys = SourceKeys(notes)
keys.readable({"vars": {…}, "threshold": "high"}, TEST, "promptfooconfig.yaml:12")     {"vars": {…}}
left out: `threshold` of a test is a text; fix: write a number
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.importing.promptfoo.import_notes import ImportNotes

NUMBER = (int, float)
NAMES = {
    dict: "a mapping",
    list: "a list",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}
Types = tuple[type, ...]


@dataclass(frozen=True)
class KeyTable:
    """The keys of a part of a configuration.

    Attributes:
        part: its name in messages.
        types: of the values of keys that are read.
        idle: keys that change neither prompts nor answers nor scores.
        fixes: by key that isn't carried, what to do.
    """

    part: str
    types: Mapping[str, Types]
    idle: Sequence[str] = ()
    fixes: Mapping[str, str] | None = None


ANY = (dict, list, str, bool, int, float)
CONFIGURATION = KeyTable(
    "the configuration",
    {
        "description": (str,),
        "prompts": (str, list, dict),
        "providers": (str, list, dict),
        "targets": (str, list, dict),
        "tests": (str, list, dict),
        "defaultTest": (str, dict),
        "scenarios": (list,),
        "env": (dict,),
        "evaluateOptions": (dict,),
        "assertionTemplates": (dict,),
    },
    (
        *("$schema", "sharing", "outputPath", "tags", "id", "writeLatestResults", "metadata"),
        *("commandLineOptions", "tracing", "evalId"),
    ),
    {
        "nunjucksFilters": "what the filters compute becomes a column",
        "extensions": "no program of the source is run",
        "derivedMetrics": "evaluators: - weighted or ratio: docs/evaluators.md",
        "redteam": "workbench data add hostile-inputs",
        "plugins": "workbench data add hostile-inputs",
        "strategies": "workbench data add hostile-inputs",
    },
)
EVALUATE_OPTIONS = KeyTable(
    "`evaluateOptions`",
    {"repeat": (int,), "maxConcurrency": (int,)},
    ("cache", "showProgressBar", "eventSource", "interactiveProviders", "silent"),
    {
        "delay": "calls slow down by themselves where a server asks for it",
        "timeoutMs": "`timeout_s:` of a model",
        "maxEvalTimeMs": "workbench run --max-calls or --max-cost limits a run",
    },
)
TEST = KeyTable(
    "a test",
    {
        "vars": (dict, str, list),
        "assert": (list,),
        "options": (dict,),
        "threshold": NUMBER,
        "metadata": (dict,),
        "description": (str,),
    },
    (),
    {
        "provider": "all rows go to all models",
        "providers": "all rows go to all models",
        "prompts": "all rows go to all prompts",
        "providerOutput": "the answer of a model is asked for",
        "assertScoringFunction": "evaluators: - weighted: docs/evaluators.md",
    },
)
OPTIONS = KeyTable(
    "`options` of a test",
    {
        "prefix": (str,),
        "suffix": (str,),
        "provider": (str, dict),
        "disableVarExpansion": (bool,),
        "disableDefaultAsserts": (bool,),
    },
    ("runSerially", "disableConversationVar"),
    {
        "transform": "write it as `transform:` of the evaluators: docs/evaluators.md",
        "postprocess": "write it as `transform:` of the evaluators: docs/evaluators.md",
        "transformVars": "what it computes becomes a column of rows.jsonl",
        "rubricPrompt": "edit the judge's prompt in prompts/judges/",
        "factuality": "edit the judge's prompt in prompts/judges/",
        "storeOutputAs": "turns: docs/datasets.md",
    },
)
ASSERTION = KeyTable(
    "an assertion",
    {
        "type": (str,),
        "value": ANY,
        "threshold": NUMBER,
        "weight": NUMBER,
        "metric": (str,),
        "provider": (str, dict),
        "transform": (str,),
    },
    (),
    {
        "rubricPrompt": "edit the judge's prompt in prompts/judges/",
        "contextTransform": "what it computes becomes a column of rows.jsonl",
        "config": "give the evaluator settings of its own",
    },
)
ASSERT_SET = KeyTable(
    "an assert-set",
    {"type": (str,), "assert": (list,), "threshold": NUMBER, "weight": NUMBER, "metric": (str,)},
)
PROMPT = KeyTable(
    "a prompt",
    {
        **dict.fromkeys(("raw", "messages", "prompt", "content"), (str, list)),
        **dict.fromkeys(("id", "label", "name", "path"), (str,)),
        "config": (dict,),
    },
    ("metrics", "provider"),
)
PROVIDER = KeyTable(
    "a provider",
    {"id": (str,), "label": (str,), "config": (dict,), "prompts": (list,)},
    (),
    {
        "delay": "calls slow down by themselves where a server asks for it",
        "env": "put its variables into .env",
        "transform": "write it as `transform:` of the evaluators: docs/evaluators.md",
    },
)
IDLE = "it changes no prompt, answer or score"
NO_MEANING = "it has no meaning here"


class SourceKeys:
    """Names the keys of a configuration that are not carried."""

    def __init__(self, notes: ImportNotes) -> None:
        self.notes = notes

    def readable(
        self,
        content: Mapping[str, Any],
        table: KeyTable,
        where: str | Callable[[str], str],
    ) -> dict[str, Any]:
        """The keys of a part that are read and whose values are of a type that is read.

        All others are named in the report.
        """
        readable: dict[str, Any] = {}
        for key, value in content.items():
            types = table.types.get(key)
            if value is None:  # as if it weren't there
                continue
            if types and isinstance(value, types) and not _is_bool(value, types):
                readable[key] = value
                continue
            place = where if isinstance(where, str) else where(key)
            if types is None:
                self._name_unread(key, table, place)
            else:
                wanted = " or ".join(dict.fromkeys(NAMES[each] for each in types))
                text = f"`{key}` of {table.part} is {type_name(value)}"
                self.notes.left_out(place, text, f"write {wanted}")
        return readable

    def _name_unread(self, key: Any, table: KeyTable, where: str) -> None:
        if key in table.idle:
            self.notes.left_out(where, f"`{key}` of {table.part}", IDLE)
        else:
            fix = (table.fixes or {}).get(key, NO_MEANING)
            self.notes.left_out(where, f"`{key!s:.60}` of {table.part}", fix)


def _is_bool(value: object, types: Types) -> bool:
    """True for `true` and `false` where a number is meant: bool is a kind of int."""
    return isinstance(value, bool) and bool not in types


def type_name(value: Any) -> str:
    """The type of a value of JSON, in words: `a list`."""
    return NAMES.get(type(value), "a date" if hasattr(value, "isoformat") else "a value")
