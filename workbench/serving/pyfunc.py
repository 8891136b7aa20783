"""A packaged variant as an MLflow model: one text per row.

    model = mlflow.pyfunc.load_model(folder)
    model.predict(frame)                               # ["billing", "access", …]
    model.predict(frame, params={"on_error": "null"})  # None in place of a row without an answer

The file `model.py` of a package makes it; nothing of it is pickled.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow.pyfunc import PythonModel

from workbench.canonical import JSON, as_json
from workbench.errors import WorkbenchError, list_first, pluralize
from workbench.model import Completion
from workbench.serving.row_answers import RowAnswer, RowAnswers
from workbench.serving.served_variant import open_variant
from workbench.serving.table_rows import frame_rows, plain_value

ARTIFACT = "variant"  # the folder of `variant.json`, in MLflow's words
ON_ERROR = ("raise", "null")
SHOWN_ROWS = 10


class RowsError(WorkbenchError):
    """Rows without an answer; the message names their positions and nothing of their content."""


class RowPredictor:
    """One variant with its model. Its key comes from the environment when it is first asked."""

    def load_context(self, context: Any) -> None:
        """Open the variant in the package.

        Raises:
            WorkbenchError: its template was changed, or its model isn't available here.
        """
        self._answers = RowAnswers(open_variant(Path(context.artifacts[ARTIFACT])))

    # MLflow takes annotations for a schema, and wants them in a class of its own.
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]  # noqa: ARG002
        """Return the answer to each row.

        Args:
            context: of MLflow; not used.
            model_input: a data frame, or a list of rows; columns are the template's variables.
            params: `on_error`: `raise`, or `null` for None in place of an answer.

        Raises:
            RowsError: rows got no answer, and `on_error` is `raise`.
            WorkbenchError: the model can't be called at all.
        """
        on_error = (params or {}).get("on_error", ON_ERROR[0])
        if on_error not in ON_ERROR:
            fix = " or ".join(ON_ERROR)
            raise WorkbenchError(f"on_error: {on_error!r} is unknown", where="params", fix=fix)
        answers = self._answers.answer(_read_rows(model_input))
        texts = [prediction_text(answer) for answer in answers]
        if on_error == "raise" and None in texts:
            raise _rows_error(answers)
        return texts


class PackagedVariant(RowPredictor, PythonModel):  # type: ignore[misc]  # MLflow has no types
    """The model that MLflow loads."""


def prediction_text(answer: RowAnswer) -> str | None:
    """Return the text of an answer as evaluators get it; None: the row has no answer."""
    return answer.text if isinstance(answer, Completion) and answer.scored else None


def _read_rows(model_input: Any) -> Sequence[Mapping[str, JSON]]:
    rows = frame_rows(model_input) if hasattr(model_input, "columns") else model_input
    if isinstance(rows, Mapping):
        rows = [rows]
    read: list[Mapping[str, JSON]] = []
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            message = f"row {number} is of the type {type(row).__name__}, not a mapping of columns"
            raise WorkbenchError(message, fix="pass a data frame, or a list of dicts")
        for name, value in row.items():
            try:
                as_json(plain_value(value))
            except ValueError as error:
                reason = str(error).partition(";")[0] if "JSON type" in str(error) else "no JSON"
                message = f"row {number}, column {name!r}: {reason}"
                raise WorkbenchError(message, fix="pass texts, numbers, lists, dicts") from None
        read.append({str(name): as_json(plain_value(value)) for name, value in row.items()})
    return read


def _rows_error(answers: Sequence[RowAnswer]) -> RowsError:
    """The positions of the rows without an answer, by the kind of failure."""
    kinds: dict[str, list[str]] = {}
    for number, answer in enumerate(answers):
        if prediction_text(answer) is None:
            kinds.setdefault(_failure(answer), []).append(str(number))
    listed = "; ".join(
        f"{kind}: {'row' if len(numbers) == 1 else 'rows'} {list_first(numbers, SHOWN_ROWS)}"
        for kind, numbers in kinds.items()
    )
    count = sum(map(len, kinds.values()))
    message = f"{count} of {pluralize(len(answers), 'row')} got no answer: {listed}"
    return RowsError(message, fix='params={"on_error": "null"} gives None in their place')


def _failure(answer: RowAnswer) -> str:
    if isinstance(answer, Completion):
        return answer.state
    return answer.message if isinstance(answer, WorkbenchError) else "too many rows wait"
