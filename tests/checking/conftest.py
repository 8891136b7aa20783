"""An experiment of a template and rows, its notes and its refusal."""

import json
from collections.abc import Callable

import pytest
from bench import refusal

from workbench.plan import Scope

QUESTIONS = [
    {"id": "a", "question": "2 + 2?", "context": "sums", "label": "4"},
    {"id": "b", "question": "3 + 3?", "context": "more", "label": "6"},
    {"id": "c", "question": "1 + 1?", "context": "sums", "label": "2"},
]


@pytest.fixture
def write(bench) -> Callable[..., str]:
    """Write a template and rows; return the experiment's text."""

    def write_files(
        template: str = "user:\n{{ question }} {{ context }}\n",
        rows: list | None = None,
        *,
        evaluators: str = "[exact_match]",
        expected: str = "label",
        more: str = "",
    ) -> str:
        bench.write("plain.jinja", template)
        lines = (json.dumps(row) + "\n" for row in (QUESTIONS if rows is None else rows))
        bench.write("rows.jsonl", "".join(lines))
        mapping = f"{{path: rows.jsonl, expected: {expected}}}" if expected else "rows.jsonl"
        return (
            f"dataset: {mapping}\nprompts: [plain]\nmodels: [echo:last]\n"
            f"evaluators: {evaluators}\n{more}"
        )

    return write_files


@pytest.fixture
def notes(bench, write) -> Callable[..., list[str]]:
    """The notes of a plan, of the first `limit` rows."""

    def plan_notes(*parts: object, limit: int | None = None, **named: object) -> list[str]:
        return list(bench.plan(write(*parts, **named), scope=Scope(limit)).notes)

    return plan_notes


@pytest.fixture
def refused(bench, write) -> Callable[..., str]:
    """The error of a plan that is refused."""

    def error(*parts: object, **named: object) -> str:
        return refusal(bench.plan, write(*parts, **named)).replace(f"{bench.task}/", "")

    return error
