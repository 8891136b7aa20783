"""A metric with one value for all rows, in the evaluators' process and in the store."""

from collections.abc import Iterator

import pytest
from evaluator_project import EvaluatorProject

from workbench.errors import not_stopped
from workbench.results.column_score import ColumnScore
from workbench.scoring.cells import score_column
from workbench.scoring.pool import shared_pool
from workbench.secrets import Secret

METRIC = """
    import os, time
    from mlflow.metrics import make_metric

    def mean_of(predictions, *, least: int = 0):
        print("computed", len(predictions))
        if "hang" in set(predictions):
            time.sleep(60)
        if "end" in set(predictions):
            os._exit(3)
        return sum(int(text) for text in predictions) / len(predictions)

    mine = make_metric(eval_fn=mean_of, greater_is_better=True, name="mean_of")
"""
CUT = """
    def cut(text: str) -> str:
        if "broken" in text:
            raise ValueError("nothing to cut with hush-hush-1234")
        return text.removeprefix("about ")
"""


@pytest.fixture(autouse=True)
def one_process() -> Iterator[None]:
    """One pool of processes for a test, which imports MLflow once."""
    with shared_pool():
        yield


def measured(project: EvaluatorProject, evaluator: str, answers: list[str]) -> ColumnScore:
    project.answers = answers
    rows = project.rows()
    (loaded,) = project.load_evaluators(evaluator)
    assert loaded.traits.by_column
    return score_column(loaded, rows, range(len(rows)), project.store, stopped=not_stopped)


def test_a_column_is_computed_once_and_stored(
    project: EvaluatorProject, capsys: pytest.CaptureFixture[str]
) -> None:
    project.write_evaluator(METRIC)
    first = measured(project, "mine", ["1", "2", "6"])
    assert (first.value, len(first.contributions), first.error) == (3.0, 3, "")
    assert measured(project, "mine", ["1", "2", "6"]) == first
    assert "computed 3" in capsys.readouterr().err
    assert measured(project, "mine", ["1", "2", "6"]) == first
    assert "computed" not in capsys.readouterr().err


def test_a_transform_cuts_each_answer_and_fails_on_its_own_row(project: EvaluatorProject) -> None:
    project.write_evaluator(METRIC)
    project.write_evaluator(CUT, "cut")
    evaluator = "mine: {transform: {function: 'evaluators.cut:cut'}}"
    project.store.redactor.add([Secret("KEY", "hush-hush-1234")])
    score = measured(project, evaluator, ["about 1", "broken", "about 5"])
    assert score.value == 3.0
    assert list(score.unread) == [1]
    assert score.unread[1].startswith("ValueError: nothing to cut with [secret KEY] (")


def test_a_metric_that_hangs_or_ends_its_process_gives_nothing(project: EvaluatorProject) -> None:
    project.write_evaluator(METRIC)
    hung = measured(project, "mine: {timeout_s: 2}", ["hang", "2"])
    assert (hung.value, hung.error) == (None, "took longer than 2 s")
    ended = measured(project, "mine", ["end", "2"])
    assert (ended.value, ended.error) == (None, "ended its process: exit code 3")
    assert measured(project, "mine", ["4", "2"]).value == 3.0
