"""Evaluators: plain functions that score one output.

from workbench.evaluator import Score, evaluator

@evaluator(range=(0, 1))
def brevity(outputs: str, *, words: int = 20) -> float: ...

traits       declared properties of an evaluator's values
contract     evaluator functions
score        the result of one for one output
combination  scores of a row that are made of others; combination_order: which come first
as_json      evaluators as JSON, for other processes
spec         an evaluator of an experiment file
lookup       evaluators by name
description  evaluators as their source describes them
sources      digests of an evaluator's sources, versions of the packages that they import
transform    the part of an output that an evaluator judges
readings     answers and expected values as metrics of MLflow read them
row_values   metrics with a value of each row
errors       errors in a user's evaluator
"""

from workbench.evaluator.contract import Evaluator, bind
from workbench.evaluator.lookup import list_evaluators
from workbench.evaluator.score import Score
from workbench.evaluator.spec import Spec
from workbench.evaluator.traits import Traits, evaluator, per_row

__all__ = ["Evaluator", "Score", "Spec", "Traits", "bind", "evaluator", "list_evaluators"]
__all__ += ["per_row"]
