"""Experiments: prompts, models and parameters to cross, a dataset, and evaluators.

name: sentiment
dataset: {path: reviews.jsonl, expected: label, split: dev}
prompts: [zero_shot, few_shot@3]
models: [transformers:smollm2-135m-instruct, openai:gpt-6-luna]
evaluators: [exact_match]

file      the shape of experiment.yaml
load      from the file, or a document, to the experiment
prompts   the prompts that a file names
types     Experiment, OpenModel, and the resolvers of names outside the folder
"""

from workbench.experiment.file import Exclusion, ExperimentFile, GateRule
from workbench.experiment.load import build_experiment, load_experiment, short_name
from workbench.experiment.prompts import PromptFinder, add_prompts
from workbench.experiment.types import Experiment, Resolvers
from workbench.model import OpenModel

__all__ = [
    "Exclusion",
    "Experiment",
    "ExperimentFile",
    "GateRule",
    "OpenModel",
    "PromptFinder",
    "Resolvers",
    "add_prompts",
    "build_experiment",
    "load_experiment",
    "short_name",
]
