"""The options of `workbench serve` and `workbench-serve`: the same ones."""

from typing import Any

import pytest
from typer.main import get_command

from workbench.cli.app import app
from workbench.serving.__main__ import main, make_parser


def typer_options() -> dict[str, Any]:
    """Default by name."""
    command = get_command(app).commands["serve"]  # type: ignore[attr-defined]
    return {parameter.name: parameter.default or None for parameter in command.params}


def argparse_options() -> dict[str, Any]:
    actions = make_parser()._actions
    values = {action.dest: action.default or None for action in actions}
    return {name: value for name, value in values.items() if name not in ("help", "version")}


def test_both_commands_have_the_same_options() -> None:
    assert typer_options() == argparse_options()
    assert len(typer_options()) > 15


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "error: no package is named"),
        (["none"], "error: the package 'none' is missing"),
        ([".", "--host", "0.0.0.0"], "error: --host 0.0.0.0: other machines could ask"),
        (["--new-token", "me"], "error: --new-token: no file to add the token to"),
    ],
)
def test_a_wrong_option_ends_the_command_with_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith(message)
