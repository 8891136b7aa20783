"""Evaluators over the finished outputs of a variant, through `mlflow.models.evaluate`.

    score_cells(evaluator, rows, store)     [Score(True), …], each computed once and stored
    evaluate_run(…)                         the same, as MLflow's evaluate calls it inside a run

MLflow gets a static table of finished outputs; the metrics handed to it only fetch our scores,
so that its table and its numbers are those of the leaderboard.
"""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import mlflow
import pandas as pd
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.entities import Feedback
from mlflow.genai.scorers import Scorer
from mlflow.metrics import MetricValue, make_metric
from mlflow.models import EvaluationMetric

from workbench.canonical import JSON
from workbench.dataset import Dataset, Example
from workbench.evaluator import Evaluator, Score
from workbench.quiet import silence
from workbench.results import Row
from workbench.store import Store, completion_json, score_key

# MLflow has metrics of its own by these names, and without a model it fills them with zeros.
RESERVED = frozenset({"latency", "token_count"})
TABLE = "eval_results_table.json"  # the name that MLflow's own evaluate gives it


def score_cells(evaluator: Evaluator, rows: Sequence[Row], store: Store) -> list[Score]:
    """One score a row, in order; those the store holds are not computed again.

    Args:
        evaluator: what judges.
        rows: rows with a finished answer.
        store: where scores are kept; one that went wrong is not.
    """
    data = [_data(row) for row in rows]
    keys = [score_key(evaluator, one) for one in data]
    known = store.scores(set(keys)) if evaluator.traits.cache else {}
    fresh: dict[str, Score] = {}
    scores: list[Score] = []
    for key, row in zip(keys, rows, strict=True):
        if key not in known:
            assert row.completion
            known[key] = fresh[key] = evaluator.judge(
                inputs=row.cell.example.inputs,
                expectations=row.cell.example.expectations,
                completion=row.completion,
            )
        scores.append(known[key])
    if evaluator.traits.cache:
        store.keep_scores(evaluator, {k: score for k, score in fresh.items() if not score.error})
    return scores


def score_rows(evaluators: Sequence[Evaluator], rows: Sequence[Row], store: Store) -> list[Row]:
    """The rows with their scores."""
    finished = [row for row in rows if row.state == "scored"]
    columns = {one.name: score_cells(one, finished, store) for one in evaluators}
    return _with_scores(rows, columns)


def evaluate_run(
    dataset: Dataset, evaluators: Sequence[Evaluator], rows: Sequence[Row], store: Store
) -> list[Row]:
    """As `score_rows`, by MLflow's evaluate inside the active run.

    It logs the dataset, the table and the means. Where no row has an answer there is nothing to
    evaluate, and only the dataset is logged.
    """
    finished = [row for row in rows if row.state == "scored"]
    columns: dict[str, list[Score]] = {}
    metrics = [
        _metric(one, finished, store, columns) for one in evaluators if one.name not in RESERVED
    ]
    if finished and metrics:
        data = _input(dataset, table(finished))
        mlflow.models.evaluate(data=data, extra_metrics=metrics, evaluators="default")
        silence()
    else:
        mlflow.log_input(_input(dataset, table(rows)), context="evaluation")
    for one in evaluators:
        if one.name not in columns:
            columns[one.name] = score_cells(one, finished, store)
    return _with_scores(rows, {one.name: columns[one.name] for one in evaluators})


def table(rows: Sequence[Row]) -> pd.DataFrame:
    """What a person compares row by row: the example, the answer, and its state."""
    return pd.DataFrame(
        [
            {
                **_example(row.cell.example),
                "output": row.completion.text if row.completion else None,
                "state": row.completion.state if row.completion else "not_run",
                "id": row.cell.example.id,
                "repeat": row.cell.repeat,
            }
            for row in rows
        ]
    )


def write_table(client: mlflow.MlflowClient, run_id: str, rows: Sequence[Row]) -> None:
    """MLflow's table of a run, made anew with every row in it, failed ones too.

    MLflow's evaluate writes it without them, and adds to it when a run is continued.
    """
    frame = table(rows)
    names = list(dict.fromkeys(name for row in rows for name in row.scores))
    for name in names:
        scores = [row.scores.get(name, Score()) for row in rows]
        frame[f"{name}/score"] = [_number(score) for score in scores]
        frame[f"{name}/justification"] = [_shown(score) for score in scores]
    client.log_text(run_id, frame.to_json(orient="split", index=False), TABLE)
    logged = json.dumps([{"path": TABLE, "type": "table"}])
    client.set_tag(run_id, "mlflow.loggedArtifacts", logged)


def _input(dataset: Dataset, frame: pd.DataFrame) -> mlflow.data.pandas_dataset.PandasDataset:
    """The rows as MLflow's dataset input, under the dataset's own name and digest."""
    return mlflow.data.from_pandas(
        frame,
        source=CodeDatasetSource({"path": dataset.source}),
        name=dataset.name.rpartition("/")[2].partition(".")[0] or dataset.name,
        digest=dataset.digest[:8],
        predictions="output",
    )


def adapt(target: object, settings: Mapping[str, JSON]) -> Callable[..., Any] | None:
    """An MLflow metric or scorer, or what makes one, as an evaluator function; None: neither."""
    made = target
    if inspect.isclass(target) or inspect.isfunction(target):
        made = target(**settings)
    if isinstance(made, Scorer):
        return _from_scorer(made)
    if isinstance(made, EvaluationMetric):
        return _from_metric(made)
    return None


def _from_scorer(scorer: Scorer) -> Callable[..., Any]:
    def judged(inputs: Any, outputs: str, expectations: Any = None) -> Score:
        return _score(scorer.run(inputs=inputs, outputs=outputs, expectations=expectations))

    return judged


def _from_metric(metric: EvaluationMetric) -> Callable[..., Any]:
    """Calls the metric with one row; one that only aggregates gives the aggregate of that row."""
    wanted = inspect.signature(metric.eval_fn).parameters

    def judged(inputs: Any, outputs: str, expectations: Any = None) -> Score:
        given = {
            "predictions": pd.Series([outputs]),
            "targets": pd.Series([expectations.get("expected_response")]),
            "inputs": pd.Series([inputs]),
            "metrics": {},
            **{name: pd.Series([value]) for name, value in inputs.items() if name in wanted},
        }
        value = metric.eval_fn(**{name: given[name] for name in wanted if name in given})
        if value.scores:
            reason = value.justifications[0] if value.justifications else ""
            return Score(value.scores[0], reason or "")
        return Score(next(iter(value.aggregate_results.values())))

    return judged


def _score(said: Any) -> Score:
    if isinstance(said, list):
        said = said[0] if said else None
    if isinstance(said, Feedback):
        if said.error:
            return Score(error=str(said.error))
        return replace(_score(said.value), reason=said.rationale or "")
    if said in ("yes", "no"):  # how MLflow's judges say pass and fail
        return Score(said == "yes")
    return Score(said)


def _metric(
    evaluator: Evaluator, rows: Sequence[Row], store: Store, columns: dict[str, list[Score]]
) -> EvaluationMetric:
    def fetch(predictions: Any) -> MetricValue:  # noqa: ARG001  MLflow hands over the column
        if evaluator.name not in columns:  # MLflow tries the first row, then asks for all
            columns[evaluator.name] = score_cells(evaluator, rows, store)
        scores = columns[evaluator.name]
        numbers = [float(s.value) for s in scores if isinstance(s.value, bool | float)]
        return MetricValue(
            scores=[_number(score) for score in scores],
            justifications=[_shown(score) for score in scores],
            aggregate_results={"mean": sum(numbers) / len(numbers)} if numbers else {},
        )

    return make_metric(
        eval_fn=fetch,
        greater_is_better=evaluator.traits.higher_is_better,
        name=evaluator.name,
    )


def _number(score: Score) -> float | str | None:
    return score.value if isinstance(score.value, str | None) else float(score.value)


def _shown(score: Score) -> str:
    return score.error or " · ".join(part for part in (score.label, score.reason) if part)


def _with_scores(rows: Sequence[Row], columns: Mapping[str, list[Score]]) -> list[Row]:
    position = iter(range(len(rows)))
    scored: list[Row] = []
    for row in rows:
        if row.state != "scored":
            scored.append(row)
            continue
        index = next(position)
        scored.append(
            replace(row, scores={name: scores[index] for name, scores in columns.items()})
        )
    return scored


def _data(row: Row) -> dict[str, JSON]:
    assert row.completion
    return {
        "inputs": row.cell.example.inputs,
        "outputs": row.completion.text,
        "expectations": row.cell.example.expectations,
        "completion": completion_json(row.completion),
    }


def _example(example: Example) -> dict[str, JSON]:
    said = {**example.inputs, **example.expectations}
    return {name: _cell(value) for name, value in said.items()}


def _cell(value: JSON) -> JSON:
    return value if isinstance(value, str | int | float | bool | None) else str(value)
