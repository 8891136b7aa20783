"""An invocation whose evaluators fail: what its numbers, exit code and MLflow say."""

import os

import pytest
from openai_server import OpenAIServer, say
from recording import Recording

from workbench.errors import ExitCode, WorkbenchError
from workbench.plan import Options
from workbench.report.leaderboard import leaderboard_blocks

EXPERIMENT = "dataset: rows.jsonl\nprompts: [plain]\nmodels: [echo:last]\nevaluators: [mine]\n"
ASKING = """\
dataset: rows.jsonl
prompts: [plain]
models: [openai:small: {{base_url: "{url}", identity: here}}]
evaluators: [mine, other]
"""


def evaluator(recording: Recording, code: str, name: str = "mine") -> None:
    folder = recording.project.root / "evaluators"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(code)


def six_rows(recording: Recording) -> None:
    lines = [f'{{"id": "r{n}", "text": "{n}"}}\n' for n in range(6)]
    recording.bench.write("rows.jsonl", "".join(lines))


def test_mean_of_four_of_six_rows_is_shown_with_its_errors(recording: Recording) -> None:
    six_rows(recording)
    evaluator(
        recording,
        "import os\n\n"
        "def mine(outputs):\n"
        "    if outputs == '4':\n"
        "        raise ValueError('no')\n"
        "    if outputs == '5':\n"
        "        os._exit(1)\n"
        "    return outputs != '0'\n",
    )
    done = recording.run(EXPERIMENT)
    metric = done.variants[0].metrics["mine"]
    assert (metric.mean, metric.n, metric.errors) == (0.75, 4, 2)
    assert done.exit_code == ExitCode.FAILED_ROWS
    run = recording.client.get_run(done.variants[0].run_id)
    assert run.data.metrics["mine/mean"] == 0.75
    shown = leaderboard_blocks(done.variants, currency="USD").plain
    assert "mine: 0.750 [0.301, 0.954] n=4, 2 errors, at worst 0.500 [0.188, 0.812] n=6\n" in shown
    assert dict(done.variants[0].reasons) == {
        "mine: ValueError: no (evaluators/mine.py:5)": 1,
        "mine: ended its process: exit code 1": 1,
    }


def test_text_among_numbers_is_an_error_and_in_no_mean(recording: Recording) -> None:
    six_rows(recording)
    evaluator(recording, "def mine(outputs):\n    return '0.9' if outputs == '5' else 0.5\n")
    done = recording.run(EXPERIMENT)
    metric = done.variants[0].metrics["mine"]
    assert (metric.mean, metric.n, metric.errors, metric.not_applicable) == (0.5, 5, 1, 0)
    assert done.exit_code == ExitCode.FAILED_ROWS


def test_none_is_counted_apart_from_errors(recording: Recording) -> None:
    six_rows(recording)
    evaluator(recording, "def mine(outputs):\n    return None if outputs == '5' else True\n")
    done = recording.run(EXPERIMENT)
    metric = done.variants[0].metrics["mine"]
    assert (metric.mean, metric.n, metric.errors, metric.not_applicable) == (1.0, 5, 0, 1)
    assert done.exit_code == ExitCode.DONE


@pytest.mark.parametrize("body", ["raise ValueError('no')", "os._exit(0)", "return float('nan')"])
def test_an_evaluator_that_decides_no_row_is_no_metric(recording: Recording, body: str) -> None:
    evaluator(recording, f"import os\n\ndef mine(outputs):\n    {body}\n")
    done = recording.run(EXPERIMENT)
    metric = done.variants[0].metrics["mine"]
    assert (metric.mean, metric.n, metric.errors) == (None, 0, 2)
    assert done.exit_code == ExitCode.FAILED_ROWS
    run = recording.client.get_run(done.variants[0].run_id)
    metrics = {"tokens": 4, "mine/n": 0, "mine/errors": 2}
    assert (run.data.metrics, run.data.params["rows"]) == (metrics, "2")
    assert "mine: n=0, 2 errors" in leaderboard_blocks(done.variants, currency="USD").plain


def test_an_edited_evaluator_costs_no_model_call_and_judges_its_own_column(
    recording: Recording, server: OpenAIServer
) -> None:
    server.script = lambda path, body, nth: say(body["messages"][-1]["content"])
    note = recording.project.root / "judged.txt"
    code = (
        "def {name}(outputs):\n"
        f"    with open({str(note)!r}, 'a') as file:\n"
        "        file.write('{name} ')\n"
        "    return {value}\n"
    )
    evaluator(recording, code.format(name="mine", value=1))
    evaluator(recording, code.format(name="other", value=1), "other")
    text = ASKING.format(url=server.url)
    first = recording.run(text)
    evaluator(recording, code.format(name="mine", value=2))
    judged = sorted(note.read_text().split())
    note.unlink()
    second = recording.run(text)
    assert len(server.requests) == 2
    assert judged == ["mine"] * 2 + ["other"] * 2
    assert note.read_text().split() == ["mine"] * 2
    means = [{n: m.mean for n, m in run.variants[0].metrics.items()} for run in (first, second)]
    assert means == [{"mine": 1.0, "other": 1.0}, {"mine": 2.0, "other": 1.0}]
    assert second.parent_run_id != first.parent_run_id


def test_an_evaluator_that_can_not_be_imported_ends_the_run_before_any_call(
    recording: Recording, server: OpenAIServer
) -> None:
    evaluator(recording, "import os\n\nimport no_such_package_x\n")
    with pytest.raises(WorkbenchError) as caught:
        recording.run(ASKING.format(url=server.url))
    assert (str(caught.value), caught.value.exit_code) == (
        "prompts/qa/experiment.yaml:4:14: evaluators/mine.py:3 can't be imported: "
        "ModuleNotFoundError: No module named 'no_such_package_x'",
        ExitCode.USER,
    )
    assert (server.requests, recording.runs()) == ([], [])


def test_evaluators_of_all_variants_share_a_process(recording: Recording) -> None:
    recording.bench.write("loud.jinja", "user:\n{{ text | upper }}\n")
    evaluator(recording, "import os\n\ndef mine(outputs):\n    return os.getpid()\n")
    done = recording.run(EXPERIMENT.replace("[plain]", "[plain, loud]"))
    means = {variant.metrics["mine"].mean for variant in done.variants}
    assert len(means) == 1
    assert means != {os.getpid()}


def test_again_judges_nothing_that_is_stored(recording: Recording) -> None:
    note = recording.project.root / "judged.txt"
    evaluator(
        recording,
        "def mine(outputs):\n"
        f"    with open({str(note)!r}, 'a') as file:\n"
        "        file.write('x')\n"
        "    return True\n",
    )
    recording.run(EXPERIMENT)
    recording.run(EXPERIMENT, Options(again=True))
    assert note.read_text() == "xx"
