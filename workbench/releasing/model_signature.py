"""The signature of a package: a column per variable of the template, and an example of a row.

inputs   ticket: string, stars: long, history: Any
output   string
params   on_error: string, "raise"
"""

from collections.abc import Sequence
from pathlib import Path

from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import AnyType

from workbench.canonical import JSON
from workbench.images.image_file import HEAD, MAX_SHOWN, media_type
from workbench.images.request_images import data_url
from workbench.plan import Plan
from workbench.serving.pyfunc import ON_ERROR

TYPES = {str: DataType.string, bool: DataType.boolean, int: DataType.long, float: DataType.double}
LARGEST = 2**63
PARAMS = ParamSchema([ParamSpec("on_error", DataType.string, ON_ERROR[0])])


def read_signature(plan: Plan, variables: Sequence[str]) -> ModelSignature:
    """Return the signature of a variant with these variables, as the plan's rows have them.

    A column of values of several types, or with a missing one, takes any: a converted value would
    be rendered in another way.
    """
    rows = [example.variables for example in plan.examples]
    columns = [
        ColSpec(_type([row.get(name) for row in rows]), name, required=True) for name in variables
    ]
    outputs = Schema([ColSpec(DataType.string)])
    return ModelSignature(Schema(columns) if columns else None, outputs, PARAMS)


def _type(values: Sequence[JSON]) -> DataType | AnyType:
    types = {type(value) for value in values}
    if len(types) != 1 or not (kind := TYPES.get(types.pop())):
        return AnyType()
    if kind == DataType.long and any(not -LARGEST <= value < LARGEST for value in values):
        return AnyType()
    return kind


def read_example(plan: Plan, variables: Sequence[str]) -> dict[str, JSON] | None:
    """Return the variables of the plan's first row whose images a server takes; None: no such row.

    Secrets in rows are redacted when the plan is made.
    """
    for example in plan.examples if variables else ():
        row = {name: example.variables.get(name) for name in variables}
        images = {name: plan.images.digests.get(v) for name, v in row.items() if isinstance(v, str)}
        files = {name: url for name, url in images.items() if url}
        if all(_size(plan, url) <= MAX_SHOWN for url in files.values()):
            return row | {name: _data_url(plan, url) for name, url in files.items()}
    return None


def _size(plan: Plan, url: str) -> int:
    source = plan.images.sources[url]
    return source.stat().st_size if isinstance(source, Path) else len(source)


def _data_url(plan: Plan, url: str) -> str:
    source = plan.images.sources[url]
    if isinstance(source, str):
        return source
    fields = {"url": url, "media_type": media_type(source.read_bytes()[:HEAD])}
    return data_url(fields, plan.images.sources)
