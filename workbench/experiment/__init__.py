"""Experiments: the file that crosses prompts, models and parameters, and all that it names.

name: sentiment
dataset: {path: reviews.jsonl, expected: label, split: dev}
prompts: [zero_shot, few_shot@3]
models: [transformers:smollm2-135m-instruct, openai:gpt-4o-mini]
evaluators: [exact_match]
"""

from workbench.experiment.file import Exclusion, ExperimentFile, GateRule
from workbench.experiment.load import load_experiment
from workbench.experiment.prompts import add_prompts, find_prompt
from workbench.experiment.types import Experiment, OpenModel, Registry, Resolvers

__all__ = [
    "Exclusion",
    "Experiment",
    "ExperimentFile",
    "GateRule",
    "OpenModel",
    "Registry",
    "Resolvers",
    "add_prompts",
    "find_prompt",
    "load_experiment",
]
