"""`workbench store export`."""

import csv
import dataclasses
import json
import re
import stat
from dataclasses import replace

import pytest
from command import call as call_process
from command import invoke, invoke_on_terminals
from kept_store import MODEL, answer, call, fill, key_of, request

from workbench.dataset.csv_cells import unescape_cell
from workbench.model import Completion, Usage
from workbench.report.export import COLUMNS
from workbench.store import Store

CALL = {
    "prefill": "=the ",
    "error": "cut off",
    "attempts": 3,
    "choice_scores": {" yes": -0.25, " no": float("-inf")},
    "model": "gpt-4o-mini-2024-07-18",
}
ODD = 'naïve \x00 \ud800 \u2028 😀 \r\n ", ='


@pytest.fixture
def odd(home):
    with Store(home / ".workbench") as store:
        store.save_completions([(request(1, text="hello"), answer(1, text=ODD))])
        usage = Usage(1000, 100, cached_tokens=800, reasoning_tokens=60)
        second = replace(answer(2, text="=1+1", state="truncated"), usage=usage, **CALL)
        store.save_completions([(request(2, text="=2"), second)])
    return home


def test_json_lines_hold_an_answer_each_without_loss(odd):
    lines = [json.loads(line) for line in call(odd, "store", "export").stdout.split("\n") if line]
    (found,) = [line for line in lines if line["state"] == "ok"]
    kept_at = found.pop("kept_at")
    assert found == {
        "key": key_of(1),
        "model": MODEL,
        "state": "ok",
        "text": ODD,
        "finish_reason": "",
        "input_tokens": 1000,
        "output_tokens": 100,
        "latency_s": 0.5,
        "request": dict(request(1, text="hello").body),
        "prefill": "",
        "error": "",
        "attempts": 1,
        "choice_scores": None,
        "reply_model": "",
        "reasoning": "",
        "choice_tokens": None,
        "tool_calls": None,
        "cached_tokens": None,
        "reasoning_tokens": None,
        "ratings": None,
    }
    assert (len(lines), kept_at[-1]) == (2, "Z")


def test_a_spreadsheet_runs_nothing_and_numbers_stay_numbers(odd):
    call(odd, "store", "export", "--format", "csv", "--out", "a.csv")
    with (odd / "a.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["key"]: row for row in csv.DictReader(file)}
    assert (rows[key_of(2)]["text"], rows[key_of(2)]["latency_s"]) == ("'=1+1", "0.5")
    assert unescape_cell(rows[key_of(2)]["text"]) == "=1+1"
    assert (rows[key_of(2)]["cached_tokens"], rows[key_of(2)]["reasoning_tokens"]) == ("800", "60")
    assert json.loads(rows[key_of(2)]["request"]) == request(2, text="=2").body
    assert [rows[key_of(2)][name] for name in ("prefill", "error", "attempts", "reply_model")] == [
        *("'=the ", "cut off", "3", "gpt-4o-mini-2024-07-18")
    ]
    scores = [rows[key_of(number)]["choice_scores"] for number in (1, 2)]
    assert scores == ["", '{" yes":-0.25," no":null}']


def test_ratings_stand_beside_their_answer(odd):
    with Store(odd / ".workbench") as store:
        for completion in store.completions([key_of(1), key_of(2)]).values():
            store.ratings.add(completion, "ann", good=False, comment='=1 "no"')
    lines = [json.loads(line) for line in call(odd, "store", "export").stdout.split("\n") if line]
    rated = [line["ratings"][0] for line in lines]
    times = [rating.pop("rated_at")[-1] for rating in rated]
    assert rated == [{"person": "ann", "good": False, "comment": '=1 "no"'}] * 2
    assert times == ["Z", "Z"]


def test_every_part_of_an_answer_but_the_raw_reply_is_a_column():
    fields = {field.name for field in dataclasses.fields(Completion)}
    shown_otherwise = {"usage": "input_tokens", "model": "reply_model"}
    columns = {shown_otherwise.get(name, name) for name in fields - {"stored", "raw"}}
    assert columns | {field.name for field in dataclasses.fields(Usage)} <= set(COLUMNS)


def test_only_what_is_chosen_is_written(odd):
    fill(odd / ".workbench", [3], model="openai:other")
    by_state = call(odd, "store", "export", "--state", "truncated").stdout
    by_model = call(odd, "store", "export", "--model", "openai:o*").stdout
    assert [json.loads(one)["key"] for one in (by_state, by_model)] == [key_of(2), key_of(3)]
    assert call(odd, "store", "export", "--format", "csv", "--model", "none").stdout == (
        "key,model,state,text,finish_reason,input_tokens,output_tokens,latency_s,kept_at,request,"
        "prefill,error,attempts,choice_scores,reply_model,reasoning,choice_tokens,tool_calls,"
        "cached_tokens,reasoning_tokens,ratings\n"
    )


EVIL = "\x1b]52;c;aGk=\x07\u202egnol\n::set-output name=a::b\n##vso[a]b ##teamcity[a] "
EVIL += "section_start:1:a"


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_an_export_drives_no_terminal_and_no_log_and_is_lossless_elsewhere(home, form):
    with Store(home / ".workbench") as store:
        store.save_completions([(request(1), answer(1, text=EVIL))])
    words = ("store", "export", "--format", form)
    log = call_process(home, *words, TF_BUILD="True").stdout
    for shown in (invoke_on_terminals(home, *words).stdout, log):
        assert (
            re.findall(r"(?m)^\s*::|##\w*\[|section_start:|[\x00-\x08\x0b-\x1f\u202e]", shown) == []
        )
        assert form == "csv" or json.loads(shown)["text"] == EVIL
    in_ci = invoke(home, *words, CI="true").stdout  # stdout is a file
    assert (in_ci, "\n::set-output" in in_ci) == (call(home, *words).stdout, form == "csv")


def test_a_file_is_for_its_owner_and_replaces_none_unasked(odd):
    file = odd / "a.jsonl"
    assert call(odd, "store", "export", "--out", "a.jsonl").returncode == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("mine")
    again = call(odd, "store", "export", "--out", "a.jsonl")
    assert (again.returncode, again.stderr, file.read_text()) == (
        2,
        "error: a.jsonl: the file exists\n  fix: another name, or --force to replace it\n",
        "mine",
    )
    assert call(odd, "store", "export", "--out", "a.jsonl", "--force").returncode == 0
    assert len(file.read_text().splitlines()) == 2
    assert [path.name for path in odd.glob(".a.jsonl*")] == []


def test_a_place_that_cannot_be_written_is_named(odd):
    assert call(odd, "store", "export", "--out", "new/a.jsonl").returncode == 0
    done = call(odd, "store", "export", "--out", "new/a.jsonl/b.jsonl")
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        5,
        "error: new/a.jsonl/b.jsonl: can't be written: Not a directory",
    )


def test_an_unknown_state_lists_those_there_are(home):
    done = call(home, "store", "export", "--state", "okay")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "error: unknown state 'okay'")
