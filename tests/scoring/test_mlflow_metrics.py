"""Each metric of MLflow equals scikit-learn's value, or MLflow's own of the whole column."""

import logging
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import mlflow
import mlflow.metrics as mlflow_metrics
import pandas as pd
import pytest
from mlflow.metrics import MetricValue, make_metric
from sklearn import metrics as sklearn_metrics

from workbench.errors import WorkbenchError, not_stopped
from workbench.evaluator import Spec
from workbench.evaluator.readings import TEXTS
from workbench.scoring.adapter import adapt
from workbench.scoring.column_metric import ColumnMetric
from workbench.scoring.mlflow_metric import RowMetric
from workbench.scoring.pool import shared_pool

NUMBERS = [1.2, 3.4, 5.0, 2.2, 4.1, 3.3, 2.8, 1.9, 4.6, 3.0, 2.5, 1.1, 4.4, 3.9, 2.0, 1.5, 3.6, 4.9]
ERRORS = [0.5, -1, 0, 0.25, 0, -0.75, 1.5, 0, 0.1, -0.2, 0, 0, 0.9, -0.4, 0, 0.3, 0, -1.1]
LABELS = ["yes"] * 11 + ["no"] * 9
ANSWERS = ["yes"] * 5 + ["no"] * 6 + ["yes"] * 3 + ["no"] * 6  # 5 hits, 6 misses, 3 false alarms
THREE = ["a", "b", "c", "a", "b", "c", "a", "a", "b", "c", "c", "a", "b", "b", "a", "c", "c", "a"]
SHIFTED = THREE[1:] + THREE[:1]


def measure(name: str, settings: Any, answers: list[Any], expected: list[Any]) -> Any:
    """The score of a column, without an interval."""
    metric = adapt(getattr(mlflow_metrics, name), settings)
    assert isinstance(metric, ColumnMetric)
    pairs = zip(answers, expected, strict=True)
    rows = [{"outputs": str(a), "expectations": {"expected_response": e}} for a, e in pairs]
    return metric.measure(rows, range(len(rows)), 0)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("rmse", "root_mean_squared_error"),
        ("mae", "mean_absolute_error"),
        ("mse", "mean_squared_error"),
        ("r2_score", "r2_score"),
        ("max_error", "max_error"),
        ("mape", "mean_absolute_percentage_error"),
    ],
)
def test_regression_metrics_see_the_whole_column(name: str, function: str) -> None:
    predictions = [round(n + e, 2) for n, e in zip(NUMBERS, ERRORS, strict=True)]
    score = measure(name, {}, [f" {value}\n" for value in predictions], NUMBERS)
    assert score.value == pytest.approx(getattr(sklearn_metrics, function)(NUMBERS, predictions))


@pytest.mark.parametrize("name", ["f1_score", "precision_score", "recall_score"])
@pytest.mark.parametrize("average", ["binary", "macro", "weighted", "micro"])
def test_classification_metrics_take_pos_label_and_average(name: str, average: str) -> None:
    answers, labels = (ANSWERS, LABELS) if average == "binary" else (SHIFTED, THREE)
    settings = {"pos_label": "yes"} if average == "binary" else {"average": average}
    score = measure(name, settings, [f"{answer} " for answer in answers], labels)
    function = getattr(sklearn_metrics, name)
    assert score.value == pytest.approx(function(labels, answers, **settings))


def test_f1_of_numbers_in_text_is_the_value_of_the_column() -> None:
    answers, labels = ["1"] * 5 + ["0"] * 9 + ["0"] * 6, [1] * 14 + [0.0] * 6
    assert measure("f1_score", {}, answers, labels).value == pytest.approx(10 / 19)


def test_an_answer_that_is_no_label_is_not_the_positive_one() -> None:
    odd = ["I would say yes", *ANSWERS[1:-1], "maybe"]
    score = measure("f1_score", {"pos_label": "yes"}, odd, LABELS)
    expected = sklearn_metrics.f1_score(LABELS, odd, labels=["yes"], average="macro")
    assert (score.value, score.unread) == (pytest.approx(expected), {})


def test_exact_match_of_mlflow_is_the_share_of_equal_texts() -> None:
    assert measure("exact_match", {}, ANSWERS, LABELS).value == pytest.approx(11 / 20)


def test_answers_and_expected_values_that_are_no_numbers_are_counted_by_position() -> None:
    answers = ["2", "about five", "4", "1e1", "nan", "3"]
    score = measure("mae", {}, answers, [2, 5, "3.5", 9, 1, None])
    assert score.value == pytest.approx(0.5)
    assert score.unread == {
        1: "the answer is not a number",
        4: "the answer is not a number",
        5: "there is no expected value",
    }
    nothing = measure("mae", {}, ["x"], [1])
    assert (nothing.value, nothing.error, len(nothing.unread)) == (None, "", 1)


@pytest.mark.parametrize(
    ("name", "settings", "reason"),
    [
        (
            "f1_score",
            {},
            "MLflow: ValueError: pos_label=1 is not a valid label. It should be one of "
            "['no' 'yes']; set pos_label to one of them, or average: macro",
        ),
        ("r2_score", {}, "MLflow: R^2 score is not well-defined with less than two samples."),
    ],
)
def test_a_column_without_a_value_has_the_reason(name: str, settings: Any, reason: str) -> None:
    answers, labels = (["1"], [1]) if name == "r2_score" else (ANSWERS, LABELS)
    score = measure(name, settings, answers, labels)
    assert (score.value, score.error) == (None, reason)


def test_the_interval_is_of_rows_and_of_their_clusters() -> None:
    rows = [
        {"outputs": a, "expectations": {"expected_response": e}}
        for a, e in zip(ANSWERS, LABELS, strict=True)
    ]
    metric = adapt(mlflow_metrics.f1_score, {"pos_label": "yes"})
    assert isinstance(metric, ColumnMetric)
    score = metric.measure(rows, range(20), 60)
    assert (score.value, len(score.contributions)) == (pytest.approx(10 / 19), 20)
    assert score.low is not None
    assert score.high is not None
    assert 0.15 < score.low < 0.3 < 0.7 < score.high < 0.85
    wide = metric.measure(rows, [n // 5 for n in range(20)], 60)
    assert wide.low is not None
    assert wide.high is not None
    assert wide.high - wide.low > score.high - score.low
    assert metric.measure(rows, [0] * 20, 60).low is None


LISTS = [(["d1", "d2"], ["d2", "d1", "d9"]), (["d3"], ["d1", "d3"]), (["d5", "d6"], [])]


@pytest.mark.parametrize("name", ["ndcg_at_k", "precision_at_k", "recall_at_k"])
def test_retrieval_metrics_read_json_lists_and_equal_the_column(name: str) -> None:
    factory = getattr(mlflow_metrics, name)
    metric = adapt(factory, {"k": 2})
    assert isinstance(metric, RowMetric)
    whole = factory(k=2).eval_fn(
        pd.Series([found for _, found in LISTS]), pd.Series([wanted for wanted, _ in LISTS])
    )
    scores = [metric({}, str(f).replace("'", '"'), {"expected_response": w}) for w, f in LISTS]
    assert [score.value for score in scores] == pytest.approx(whole.scores)


def test_a_retrieved_answer_that_is_no_list_has_mlflows_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging.getLogger("mlflow"), "level", logging.ERROR)  # warnings are hidden
    metric = adapt(mlflow_metrics.ndcg_at_k, {"k": 2})
    assert metric
    first, second = (
        metric({}, text, {"expected_response": ["d1"]}).error for text in ("the first", "none")
    )
    assert first == second
    assert first.startswith(
        "Cannot calculate metric 'ndcg_at_k' for non-arraylike of string or int"
    )


@pytest.mark.parametrize(
    ("name", "package", "reason"),
    [
        ("rouge1", "evaluate", "Failed to load 'rouge' metric"),
        ("rougeLsum", "evaluate", "Failed to load 'rouge' metric"),
        ("bleu", "evaluate", "Failed to load 'bleu' metric"),
        ("toxicity", "evaluate", "Failed to load 'toxicity' metric"),
        ("flesch_kincaid_grade_level", "textstat", "Failed to import textstat"),
        ("ari_grade_level", "textstat", "Failed to import textstat"),
        ("token_count", "tiktoken", "ModuleNotFoundError: No module named 'tiktoken'"),
    ],
)
def test_a_metric_without_its_package_says_so(name: str, package: str, reason: str) -> None:
    if find_spec(package):
        pytest.skip(f"{package} is installed")
    metric = adapt(getattr(mlflow_metrics, name), {})
    assert isinstance(metric, RowMetric)
    errors = [metric({}, text, {"expected_response": "a"}).error for text in ("a", "b")]
    assert errors[0] == errors[1]
    if name in TEXTS:
        metric = adapt(getattr(mlflow_metrics, name), {})
        assert metric
        assert metric({}, "a", {}).error == "there is no expected value"
    assert errors[0].startswith(reason)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("f1_score", {"average": "samples"}, "unknown average of metric 'f1_score':"),
        ("f1_score", {"pos": "yes"}, "unknown setting of metric 'f1_score':"),
        ("rmse", {"sample_weight": [1]}, "unknown setting of metric 'root_mean_squared_error':"),
        ("ndcg_at_k", {"k": 0}, "MLflow: Cannot calculate 'ndcg_at_k' for invalid parameter 'k'"),
        ("ndcg_at_k", {}, "ndcg_at_k needs the setting 'k'"),
        ("latency", {}, "MLflow measures latency only where it calls the model itself"),
    ],
)
def test_settings_are_checked(name: str, settings: Any, message: str) -> None:
    with pytest.raises(WorkbenchError) as refused:
        adapt(getattr(mlflow_metrics, name), settings)
    assert refused.value.message.startswith(message)


def test_deprecated_metrics_warn_of_nothing(recwarn: pytest.WarningsRecorder) -> None:
    adapt(mlflow_metrics.exact_match, {})
    assert list(recwarn) == []


def test_a_metric_of_a_project_is_of_rows_where_it_gives_scores() -> None:
    def lengths(predictions: Any) -> MetricValue:
        return MetricValue(scores=[len(text) for text in predictions])

    def share_of_longest(predictions: Any, *, least: int = 3) -> float:
        return sum(len(text) >= least for text in predictions) / len(predictions)

    of_rows = adapt(make_metric(eval_fn=lengths, greater_is_better=False, name="length"), {})
    assert isinstance(of_rows, RowMetric)
    assert (of_rows({}, "four", None).value, of_rows.__workbench_traits__.higher_is_better) == (
        4,
        False,
    )
    column = make_metric(eval_fn=share_of_longest, greater_is_better=True, name="long")
    of_columns = adapt(column, {"least": 4})
    assert isinstance(of_columns, ColumnMetric)
    score = of_columns.measure([{"outputs": "four"}, {"outputs": "two"}], [0, 1], 0)
    assert score.value == 0.5


def test_a_column_is_transformed_before_it_is_measured(tmp_path: Path) -> None:
    outputs = ["Well.\nAnswer: yes", "yes", "Answer: no"]
    rows = [{"outputs": text, "expectations": {"expected_response": "yes"}} for text in outputs]
    rows = [{"inputs": {}, **row} for row in rows]
    settings = {"transform": {"after": "Answer:"}}
    with shared_pool() as pool:
        evaluator = pool.find(Spec("mlflow.metrics:exact_match", settings, tmp_path))
        score = pool.measure(evaluator, rows, range(3), not_stopped)
    assert (score.value, score.error) == (pytest.approx(1 / 3), "")


def test_a_column_has_its_value_whatever_experiment_and_run_are_active(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An evaluator's module may have started them, or the environment names them."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tmp_path.as_uri())
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(tmp_path.as_uri())
    try:
        mlflow.set_experiment("theirs")
        with mlflow.start_run() as active:
            monkeypatch.setenv("MLFLOW_RUN_ID", active.info.run_id)
            assert measure("rmse", {}, ["1", "2"], [1.0, 4.0]).value == pytest.approx(2**0.5)
            assert mlflow.active_run().info.run_id == active.info.run_id
        assert mlflow.get_run(active.info.run_id).data.metrics == {}
    finally:
        mlflow.set_tracking_uri(before)
        monkeypatch.setattr("mlflow.tracking.fluent._active_experiment_id", None)
