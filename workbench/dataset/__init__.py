"""Datasets: rows of inputs and what a good answer to each is, known by their content."""

from workbench.dataset.load import MlflowReader, load_dataset
from workbench.dataset.types import EXPECTED, Dataset, DatasetSpec, Example

__all__ = ["EXPECTED", "Dataset", "DatasetSpec", "Example", "MlflowReader", "load_dataset"]
