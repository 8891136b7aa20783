"""The benchmarks' own tools: the mock endpoint counts, a process is measured, tables are filled."""

import json
import sys
import urllib.request
from pathlib import Path

import pytest

from benchmarks.measure import Server, measure, serving
from benchmarks.project import fresh, prompt, row, workbench
from benchmarks.report import filled
from benchmarks.results import ResultSheet
from benchmarks.server import answer_to


@pytest.fixture
def endpoint():
    with serving(latency_ms=0) as server:
        yield server


def ask(server: Server, path: str, body: dict) -> dict:
    request = urllib.request.Request(
        f"{server.url}/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


def test_the_endpoint_answers_chats_by_what_is_said_last(endpoint: Server) -> None:
    messages = [{"role": "system", "content": "be short"}, {"role": "user", "content": "is it so?"}]
    reply = ask(endpoint, "chat/completions", {"model": "m", "messages": messages})
    assert reply == {
        "id": "mock-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": answer_to("is it so?")},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6},
    }


def test_the_endpoint_answers_raw_prompts(endpoint: Server) -> None:
    reply = ask(endpoint, "completions", {"model": "m", "prompt": ["is it so?"]})
    assert (reply["object"], reply["choices"][0]["text"]) == (
        "text_completion",
        answer_to("is it so?"),
    )


def test_the_endpoint_counts_until_it_is_told_to_begin_anew(endpoint: Server) -> None:
    for _ in range(3):
        ask(endpoint, "completions", {"prompt": "x"})
    counted = endpoint.stats()
    endpoint.reset()
    assert [
        (one["requests"], one["answers"], one["max_in_flight"])
        for one in (counted, endpoint.stats())
    ] == [(3, 3, 1), (0, 0, 0)]


def test_about_half_of_the_rows_are_right() -> None:
    right = sum(answer_to(prompt(one["question"])) == one["answer"] for one in map(row, range(400)))
    assert 160 < right < 240


def test_a_process_is_measured(tmp_path: Path) -> None:
    script = "import sys; print('here'); print('there', file=sys.stderr); sys.exit(3)"
    run = measure([sys.executable, "-c", script], cwd=tmp_path, expect=(3,))
    assert (run.stdout, run.stderr, run.exit_code) == ("here\r\n", "there\r\n", 3)


def test_a_process_that_ends_badly_is_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"ended with 1: .*no such luck"):
        measure([sys.executable, "-c", "raise SystemExit('no such luck')"], cwd=tmp_path)


@pytest.mark.command
def test_the_project_runs(endpoint: Server) -> None:
    with fresh(endpoint.url, rows=5) as bench:
        run = measure(workbench("run"), cwd=bench.folder, server=endpoint)
    assert (run.requests["requests"], "5 requests, 5 sent" in run.stdout) == (5, True)


def test_tables_are_written_between_their_markers(tmp_path: Path) -> None:
    sheet = ResultSheet("speed", "How fast?", {"wall_s": "wall, s"}, beside="theirs", note="Whole.")
    sheet.add("2 rows", "theirs", [{"wall_s": 4.0}, {"wall_s": 2.0}, {"wall_s": 3.0}])
    sheet.add("2 rows", "ours", [{"wall_s": 1.5}])
    sheet.write(tmp_path)
    page = "a\n<!-- table: speed -->\nold\n<!-- end -->\n<!-- table: other -->\nb\n<!-- end -->\n"
    lines = filled(page, tmp_path).splitlines()
    assert [line for line in lines if not line.startswith("Whole.")] == [
        "a",
        "<!-- table: speed -->",
        "",
        "| case | who | wall, s | wall, s: ratio | runs |",
        "|---|---|---|---|---|",
        "| 2 rows | theirs | 3.00 (2.00–4.00) | 1.00 | 3 |",
        "| 2 rows | ours | 1.50 | 0.50 | 1 |",
        "",
        "",
        "<!-- end -->",
        "<!-- table: other -->",
        "b",
        "<!-- end -->",
    ]
