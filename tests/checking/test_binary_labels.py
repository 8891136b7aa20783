"""Metrics of one label that no row expects: noted or refused before anything is sent."""

from dataclasses import replace
from pathlib import Path

import pytest

from workbench.checking.binary_labels import binary_findings
from workbench.evaluator.lookup import load_evaluator
from workbench.evaluator.spec import Spec


def findings(labels: list, *metrics: tuple[str, dict]) -> list[tuple[str, str, bool]]:
    evaluator = load_evaluator(Spec("exact_match", {}, Path()))
    evaluators = [
        replace(evaluator, name=name, spec=Spec(f"mlflow.metrics:{name}", settings, Path()))
        for name, settings in metrics
    ]
    rows = [{"expected_response": label} for label in labels]
    return [(f.message, f.fix, f.refused) for f in binary_findings(rows, evaluators)]


AVERAGES = "`average: macro`, micro or weighted"


@pytest.mark.parametrize(
    ("labels", "settings", "expected"),
    [
        (["0", "1"], {}, []),
        ([1.0, 0.0], {}, []),
        (["pos", "neg"], {"pos_label": "pos"}, []),
        ([True, False], {"pos_label": True}, []),
        (["a", "b", "c"], {"average": "macro"}, []),
        ([["1", "2"], {}], {}, []),
        (
            ["pos", "neg", "neg"],
            {},
            [
                (
                    "f1_score: no row expects '1', the default of `pos_label`",
                    f"set it to one of 'neg', 'pos'; or {AVERAGES}",
                    True,
                )
            ],
        ),
        (
            ["pos", "neg"],
            {"pos_label": "Pos", "average": "binary"},
            [
                (
                    "f1_score: no row expects 'Pos', the `pos_label`",
                    f"set it to one of 'neg', 'pos'; or {AVERAGES}",
                    True,
                )
            ],
        ),
        (
            ["neg", "neg"],
            {"pos_label": "pos"},
            [
                (
                    "f1_score: no row expects 'pos', the `pos_label`",
                    f"set it to one of 'neg'; or {AVERAGES}",
                    False,
                )
            ],
        ),
        (
            ["0", "1", "2"],
            {},
            [
                (
                    "f1_score: the rows expect 3 labels ('0', '1', '2'), and it scores two",
                    AVERAGES,
                    True,
                )
            ],
        ),
    ],
)
def test_label_of_a_metric_is_compared_with_the_expected_ones(labels, settings, expected):
    assert findings(labels, ("f1_score", settings)) == expected


def test_metrics_with_the_same_problem_are_named_together():
    metrics = [("f1_score", {}), ("exact_match", {}), ("recall_score", {})]
    ((message, _, _),) = findings(["a", "b"], *metrics)
    assert message == "f1_score, recall_score: no row expects '1', the default of `pos_label`"
