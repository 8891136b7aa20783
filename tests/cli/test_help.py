"""The help of every command: complete, narrow, in groups."""

from collections.abc import Iterator

import pytest
import typer
from typer.testing import CliRunner

from workbench.cli.app import GROUPS, app

ROOT = typer.main.get_command(app)


def commands(command: object, *words: str) -> Iterator[tuple[str, ...]]:
    yield words
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, *words, name)


def help_lines(words: tuple[str, ...], columns: str) -> list[str]:
    shown = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": columns})
    return [line for line in shown.output.splitlines() if line]


@pytest.mark.parametrize("columns", ["80", "100"])
@pytest.mark.parametrize("words", list(commands(ROOT)), ids=" ".join)
def test_help_fits_80_columns_and_nothing_is_cut_off(words: tuple[str, ...], columns: str) -> None:
    usage, *lines = help_lines(words, columns)
    assert usage.startswith(" ".join(["Usage: workbench", *words]))
    assert [line for line in [usage, *lines] if len(line) > 80 or "…" in line] == []
    assert [line for line in lines if line.endswith("...")] == []


def test_every_command_is_in_one_group() -> None:
    names = [name for group in GROUPS.values() for name in group]
    assert sorted(names) == sorted(ROOT.commands)
    lines = help_lines((), "80")
    headings = [line[:-1] for line in lines if line.endswith(":") and line[:-1] in GROUPS]
    assert headings == list(GROUPS)


@pytest.mark.parametrize("group", ["", "prompts", "data", "models", "store"])
def test_a_command_is_described_on_one_line(group: str) -> None:
    parent = ROOT.commands[group] if group else ROOT
    room = 78 - len("    ") - max(len(name) for name in parent.commands)
    summaries = [child.get_short_help_str(limit=1_000) for child in parent.commands.values()]
    assert [summary for summary in summaries if len(summary) > room] == []
