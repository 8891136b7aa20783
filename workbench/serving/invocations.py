"""`POST /invocations`: the bodies and answers of MLflow's scoring server.

    {"dataframe_records": [{"ticket": "…"}, {"ticket": "…"}]}
    {"dataframe_split": {"columns": ["ticket"], "data": [["…"], ["…"]]}}
    {"inputs": [{"ticket": "…"}]}, {"inputs": {"ticket": ["…"]}}, {"instances": [{"ticket": "…"}]}
    {"predictions": ["billing", "access"]}

A row without an answer is an error of the whole call; with `"params": {"on_error": "null"}` beside
the rows, its prediction is null. In `text/csv` every value is a text.
"""

import asyncio
import csv
from collections.abc import Coroutine, Mapping, Sequence
from functools import partial
from io import StringIO

from starlette.types import ASGIApp

from workbench.canonical import JSON
from workbench.serving.answer_service import AnswerService
from workbench.serving.caller_limiter import CallerLimiter
from workbench.serving.chat_completions import answer_text
from workbench.serving.http_call import HTTPCall
from workbench.serving.http_errors import HTTPError, json_response
from workbench.serving.interfaces import ServedDeployment
from workbench.serving.request_json import parse_object

FORMATS = ("dataframe_records", "dataframe_split", "inputs", "instances")
Rows = list[Mapping[str, JSON]]


class Invocations:
    """The endpoint.

    Args:
        limiter: of callers; each row after the first takes a permit, too.
        most_rows: of a body.
    """

    def __init__(self, service: AnswerService, limiter: CallerLimiter, *, most_rows: int) -> None:
        self._service = service
        self._limiter = limiter
        self._most_rows = most_rows

    async def __call__(self, body: bytes, content_type: str, call: HTTPCall) -> ASGIApp:
        """Return the response: one prediction a row, or the error of the first row that failed.

        Raises:
            HTTPError: there is an error.
        """
        if content_type == "text/csv":
            rows, null_on_error = read_csv(body), False
        else:
            fields = parse_object(body)
            rows, null_on_error = read_rows(fields), read_params(fields.get("params"))
        if len(rows) > self._most_rows:
            message = f"a body may have {self._most_rows:,} rows"
            raise HTTPError(413, "too_many_rows", message)
        self._limiter.charge(call.caller, len(rows) - 1)
        with self._service.deployment(call, rows) as deployment:
            predict = partial(self._predict, deployment, call, null_on_error=null_on_error)
            predictions = await _gather([predict(number) for number in range(len(rows))])
        return json_response({"predictions": predictions})

    async def _predict(
        self, deployment: ServedDeployment, call: HTTPCall, number: int, *, null_on_error: bool
    ) -> JSON:
        """Return the answer to a row; None in its place if that is wanted."""
        try:
            completion = await self._service.answer(deployment, call, number)
            if not completion.scored:
                raise HTTPError(502, completion.state, "the model's answer is empty or withheld")
        except HTTPError as error:
            if null_on_error:
                return None
            if len(call.answers) > 1:
                error.message = f"row {number + 1} of {len(call.answers)}: {error.message}"
            raise
        return answer_text(completion)


async def _gather(predictions: Sequence[Coroutine[None, None, JSON]]) -> list[JSON]:
    """Await all, and cancel the others once one of them fails."""
    if len(predictions) == 1:  # a task takes time
        return [await predictions[0]]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(prediction) for prediction in predictions]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


def read_params(params: JSON) -> bool:
    """Return True if rows without an answer are to be null: `{"on_error": "null"}`.

    Raises:
        HTTPError: it has other parameters.
    """
    if params in (None, {}):
        return False
    choices = {"raise": False, "null": True}
    if isinstance(params, dict) and params.keys() == {"on_error"}:
        choice = params["on_error"]
        if isinstance(choice, str) and choice in choices:
            return choices[choice]
    message = 'params: only {"on_error": "null"} or "raise"; what is served has its own parameters'
    raise HTTPError(422, "unknown_fields", message, param="params")


def read_rows(fields: Mapping[str, JSON]) -> Rows:
    """Return the rows of a JSON body.

    Raises:
        HTTPError: it has no rows, or in none of FORMATS.
    """
    names = fields.keys() - {"params"}
    if len(names) != 1 or not names <= set(FORMATS):
        message = f"the body must have one of {', '.join(FORMATS)}, and nothing else"
        raise HTTPError(422, "unknown_fields", message)
    name = next(iter(names))
    value = fields[name]
    if name == "dataframe_split":
        rows = _split_rows(value)
    elif name == "inputs" and isinstance(value, dict):
        rows = _column_rows(value)
    else:
        rows = value
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        message = f"{name}: must be a list of objects, one a row"
        raise HTTPError(422, "wrong_type", message, param=name)
    if not rows:
        raise HTTPError(422, "no_rows", f"{name}: there are no rows", param=name)
    return rows


def _split_rows(value: JSON) -> Rows:
    """Rows of `{"columns": […], "data": [[…], …]}`."""
    message = 'dataframe_split: must be {"columns": [names], "data": [[values], …]}'
    error = HTTPError(422, "wrong_type", message, param="dataframe_split")
    if not isinstance(value, dict) or value.keys() - {"columns", "data", "index"}:
        raise error
    columns, data = value.get("columns"), value.get("data")
    if not isinstance(columns, list) or not isinstance(data, list):
        raise error
    if not all(isinstance(name, str) for name in columns) or len(set(columns)) < len(columns):
        raise error
    if not all(isinstance(row, list) and len(row) == len(columns) for row in data):
        raise error
    return [dict(zip(columns, row, strict=True)) for row in data]


def _column_rows(columns: Mapping[str, JSON]) -> Rows:
    """Rows of `{"ticket": ["…", "…"]}`, or the only row of `{"ticket": "…"}`."""
    lists = [values for values in columns.values() if isinstance(values, list)]
    if not lists:
        return [columns]
    lengths = {len(values) for values in lists}
    if len(lists) < len(columns) or len(lengths) > 1:
        message = "inputs: columns must be lists of one length; send rows as a list of objects"
        raise HTTPError(422, "wrong_type", message, param="inputs")
    return [dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)]


def read_csv(body: bytes) -> Rows:
    """Return the rows of a CSV text with a header, every value as a text.

    Raises:
        HTTPError: it is none, or a row has not as many values as the header.
    """
    try:
        lines = list(csv.reader(StringIO(body.decode("utf-8-sig"), newline=""), strict=True))
    except (ValueError, csv.Error):
        raise HTTPError(400, "bad_csv", "the body is not CSV in UTF-8") from None
    columns, *data = lines or [[]]
    data = [line for line in data if line]
    if not data or len(set(columns)) < len(columns):
        message = "the CSV must have a header of different names, and rows"
        raise HTTPError(422, "no_rows", message)
    if any(len(line) != len(columns) for line in data):
        raise HTTPError(422, "wrong_type", "a row of the CSV is not as long as its header")
    return [dict(zip(columns, line, strict=True)) for line in data]
