"""What `plan` says of keys, of published prices and of its estimates."""

import json
from pathlib import Path

import pytest
from command import invoke, write_task

import workbench as wb
from workbench.catalog.published_prices import read_published

AS_OF = read_published().as_of
FILE = """\
dataset: {{path: rows.csv, expected: label}}
prompts: [plain]
models: [{model}]
parameters: {{max_tokens: 100}}
evaluators: [exact_match]
"""
LOCAL = "{'openai:gpt-6-luna': {base_url: 'http://127.0.0.1:9/v1', api_key_env: LAB_KEY}}"
MISSING = (
    "warning: openai:gpt-6-luna needs a key, and the variable OPENAI_API_KEY is empty: "
    "export OPENAI_API_KEY=… or write it into .env\n"
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_task(tmp_path, FILE.format(model="openai:gpt-6-luna"))
    return tmp_path


def test_a_missing_key_is_a_warning_of_plan_and_an_error_of_run(home: Path) -> None:
    planned = invoke(home, "plan")
    assert (planned.returncode, MISSING in planned.stderr) == (0, True)
    ran = invoke(home, "run")
    assert (ran.returncode, "OPENAI_API_KEY is empty" in ran.stderr) == (2, True)
    assert json.loads(invoke(home, "plan", "--json").stdout)["warnings"] == [
        MISSING.removeprefix("warning: ").strip()
    ]


@pytest.mark.parametrize(
    ("model", "variables"),
    [
        ("openai:gpt-6-luna", {"OPENAI_API_KEY": "sk-test-0123456789"}),
        (LOCAL, {"LAB_KEY": "lab-0123456789"}),
        ("{'openai:m': {base_url: 'http://127.0.0.1:9/v1'}}", {}),
        ("echo:last", {}),
    ],
)
def test_no_key_is_missing_where_it_is_set_or_not_needed(
    home: Path, model: str, variables: dict[str, str]
) -> None:
    (home / "prompts" / "qa" / "experiment.yaml").write_text(FILE.format(model=model))
    planned = invoke(home, "plan", **variables)
    assert (planned.returncode, "warning" in planned.stderr) == (0, False)


def test_the_date_of_published_prices_stands_beside_the_cost(home: Path) -> None:
    planned = invoke(home, "plan")
    assert f"(prices of {AS_OF}), time unknown" in planned.stdout
    assert f"note: openai:gpt-6-luna: prices as of {AS_OF}, from genai-prices" in planned.stderr
    expected = json.loads(invoke(home, "plan", "--json").stdout)["expected"]
    assert 0 < expected["high"] < 0.001


def test_a_local_server_of_the_same_name_has_no_price(home: Path) -> None:
    (home / "prompts" / "qa" / "experiment.yaml").write_text(FILE.format(model=LOCAL))
    planned = invoke(home, "plan", LAB_KEY="lab-0123456789")
    assert ("prices" in planned.stdout + planned.stderr, planned.returncode) == (False, 0)
    assert "cost USD unknown" in planned.stdout


def test_max_cost_holds_by_a_published_price(home: Path) -> None:
    ran = invoke(home, "run", "--max-cost", "0.00000001", OPENAI_API_KEY="sk-test-0123456789")
    assert (ran.returncode, "openai:gpt-6-luna: prices as of" in ran.stderr) == (4, True)


def test_an_estimate_names_its_basis(home: Path) -> None:
    planned = invoke(home, "plan")
    line = "  tokens in are estimated at 4 bytes a token, until a model has answered"
    assert line in planned.stdout.splitlines()
    (home / "prompts" / "qa" / "experiment.yaml").write_text(FILE.format(model="echo:last"))
    assert "estimated" not in invoke(home, "plan").stdout


def test_a_preview_in_python_has_the_price_and_the_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    preview = wb.plan(
        prompts="{{ q }}",
        data=[{"q": "a"}],
        models="openai:gpt-6-luna",
        evaluators="output_tokens",
        parameters={"max_tokens": 10},
    )
    assert (f"(prices of {AS_OF})" in str(preview), MISSING.strip() in str(preview)) == (True, True)
