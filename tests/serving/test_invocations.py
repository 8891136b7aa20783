"""MLflow's route: its bodies, its answers."""

import json

import httpx2
import pytest
from echo_server import SECRET, RunningServer

ROWS = ["good film", 'bad, "film"', "Ärger"]
RECORDS = [{"text": text, "id": number} for number, text in enumerate(ROWS)]
BODIES = {
    "records": {"dataframe_records": RECORDS},
    "split": {
        "dataframe_split": {
            "columns": ["id", "text"],
            "index": [0, 1, 2],
            "data": [[number, text] for number, text in enumerate(ROWS)],
        }
    },
    "inputs": {"inputs": RECORDS},
    "columns": {"inputs": {"text": ROWS, "id": [0, 1, 2]}},
    "instances": {"instances": RECORDS, "params": {}},
}


def invoke(server: RunningServer, content: bytes, kind: str = "text/csv") -> httpx2.Response:
    return server.client.post("/invocations", content=content, headers={"content-type": kind})


@pytest.mark.parametrize("case", BODIES)
def test_each_of_mlflows_forms_is_answered(server: RunningServer, case: str) -> None:
    response = server.post("/invocations", BODIES[case])
    assert (response.status_code, response.json()) == (200, {"predictions": ROWS})


def test_csv_is_answered_and_its_values_are_texts(server: RunningServer) -> None:
    text = 'text,id\ngood film,1\n"bad, ""film""",2\n007,3\n'
    response = invoke(server, text.encode())
    assert response.json() == {"predictions": ["good film", 'bad, "film"', "007"]}


def test_a_single_object_is_a_row(server: RunningServer) -> None:
    response = server.post("/invocations", {"inputs": {"text": "good film"}})
    assert response.json() == {"predictions": ["good film"]}


def split(columns: list[str], row: list[object]) -> dict[str, object]:
    return {"dataframe_split": {"columns": columns, "data": [row]}}


REFUSED = {
    "nothing": (b"{}", "application/json", 422, "unknown_fields"),
    "a list": (b"[]", "application/json", 400, "bad_json"),
    "two forms": ({"inputs": [], "instances": []}, "", 422, "unknown_fields"),
    "a parameter": ({"inputs": RECORDS, "params": {"temperature": 1}}, "", 422, "unknown_fields"),
    "no rows": ({"inputs": []}, "", 422, "no_rows"),
    "rows of texts": ({"instances": [SECRET]}, "", 422, "wrong_type"),
    "records are an object": ({"dataframe_records": {"text": "a"}}, "", 422, "wrong_type"),
    "no columns": ({"dataframe_split": {"data": [["a"]]}}, "", 422, "wrong_type"),
    "a short row": (split(["a", "b"], ["a"]), "", 422, "wrong_type"),
    "a column twice": (split(["a", "a"], [1, 2]), "", 422, "wrong_type"),
    "columns of two lengths": ({"inputs": {"a": [1], "b": [1, 2]}}, "", 422, "wrong_type"),
    "a column and a value": ({"inputs": {"a": [1], "b": 2}}, "", 422, "wrong_type"),
    "a row too many": ({"inputs": [{}] * 1_001}, "", 413, "too_many_rows"),
    "a missing variable": ({"inputs": [{"title": SECRET}]}, "", 422, "missing_variables"),
    "params are a list": ({"inputs": RECORDS, "params": [1]}, "", 422, "unknown_fields"),
    "an empty answer": ({"inputs": [{"text": "empty_output"}]}, "", 502, "empty_output"),
    "a failed row": ({"inputs": [{"text": "a"}, {"text": "failed"}]}, "", 502, "model_failed"),
    "a fault in a row": ({"inputs": [{"text": "a"}, {"text": "fault"}]}, "", 500, "internal_error"),
    "no CSV": (b'a,b\n"1,2', "text/csv", 400, "bad_csv"),
    "CSV in Latin-1": (b"text\n\xe4", "text/csv", 400, "bad_csv"),
    "CSV without rows": (b"text\n", "text/csv", 422, "no_rows"),
    "a long line": (b"text\n1,2\n", "text/csv", 422, "wrong_type"),
    "Parquet": (b"PAR1", "application/vnd.apache.parquet", 415, "content_type"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_named_and_not_repeated(server: RunningServer, case: str) -> None:
    body, kind, status, code = REFUSED[case]
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = invoke(server, content, kind or "application/json")
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert SECRET not in response.text
    assert SECRET not in server.log.getvalue()


def test_the_row_that_fails_is_named(server: RunningServer) -> None:
    rows = [{"text": "a"}, {"text": "failed"}, {"text": "a"}]
    response = server.post("/invocations", {"dataframe_records": rows})
    message = "row 2 of 3: the model did not answer"
    assert response.json()["error"]["message"] == message


def test_rows_without_an_answer_are_null_if_wanted(server: RunningServer) -> None:
    texts = ["a", "failed", "empty_output", "busy", "unrenderable"]
    rows = [{"title": "b"}, *({"text": text} for text in texts)]
    body = {"dataframe_records": rows, "params": {"on_error": "null"}}
    answer = server.post("/invocations", body).json()
    assert answer == {"predictions": [None, "a", None, None, None, None]}


def test_a_call_has_an_answer_for_each_row_in_the_outbox(server: RunningServer) -> None:
    response = server.post("/invocations", BODIES["records"])
    call = server.outbox.calls[-1]
    assert (call.request_id, call.status) == (response.headers["x-request-id"], 200)
    assert [answer.inputs for answer in call.answers] == RECORDS
    texts = [answer.completion.text for answer in call.answers if answer.completion]
    assert texts == ROWS
