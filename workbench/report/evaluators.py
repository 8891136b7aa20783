"""Evaluators and their scores on a terminal.

contains: True if the answer contains `expected_response`, even inside a word.
  setting      type  default
  ignore_case  bool  True
"""

from collections.abc import Iterable, Iterator

from workbench.evaluator import Score
from workbench.evaluator.description import Description
from workbench.evaluator.spec import RESERVED
from workbench.report.tables import align_rows


def description_lines(description: Description) -> Iterator[str]:
    """The docstring, the settings with types and defaults, and the line of an experiment."""
    yield f"{description.name}, from {description.origin}"
    yield ""
    yield from description.doc.splitlines() or ["its source has no description"]
    yield ""
    if description.settings:
        rows = [(s.name, s.type, s.default or "must be given") for s in description.settings]
        yield from align_rows([("setting", "type", "default"), *rows])
    traits = [f"{name} {value}" for name, value in description.traits]
    yield from (f"values: {', '.join(traits)}",) if traits else ()
    yield f"in an experiment: - {_entry(description)}"
    if description.arguments:
        yield f"every evaluator takes, too: {', '.join(RESERVED)}"


def score_lines(name: str, score: Score) -> Iterator[str]:
    """The score of one answer with its label, reason and reading."""
    if score.error:
        yield f"{name}: error: {score.error}"
        return
    yield f"{name}: {_value(score)}"
    words = {"label": score.label, "read as": score.parsed, "reason": score.reason}
    yield from (f"  {title}: {text}" for title, text in words.items() if text)


def _value(score: Score) -> str:
    if score.value is None:
        return "does not apply"
    if isinstance(score.value, bool):
        return "1 (pass)" if score.value else "0 (fail)"
    return f"{score.value:g}" if isinstance(score.value, float) else str(score.value)


def _entry(description: Description) -> str:
    required = [setting.name for setting in description.settings if not setting.default]
    if not required:
        return description.name
    return f"{description.name}: {{{', '.join(f'{name}: …' for name in required)}}}"


def library_table(descriptions: Iterable[Description]) -> str:
    """The table of docs/evaluators.md in Markdown; a setting without `=` must be given."""
    lines = ["| name | what it gives | settings |", "|---|---|---|"]
    for each in descriptions:
        settings = ", ".join(
            f"`{s.name}={s.default}`" if s.default else f"`{s.name}`" for s in each.settings
        )
        summary = each.summary.replace("|", "\\|")
        lines.append(f"| `{each.name}` | {summary} | {settings} |")
    return "\n".join(lines)
