"""`workbench store explain`: a key, and why a row is answered from the store or isn't."""

import json
from dataclasses import replace

import pytest
from bench import EXPERIMENT
from kept_store import MODEL, answer, call, fill, key_of, request, said

from workbench.canonical import ordered_json
from workbench.model import Completion, FailedCall
from workbench.store import Store
from workbench.store.explain import explain_missing
from workbench.store.json_diff import JsonDifference, differences

ROW = {"id": "a", "text": "A review of some length about a film, and what is said of it."}


@pytest.fixture
def asked(bench):
    """A project whose only row is answered for one prompt and one model."""
    bench.write("rows.jsonl", json.dumps(ROW))
    bench.write("plain.jinja", "user:\nJudge this. {{ text }}\n")
    keep(bench)
    return bench


def keep(bench, text=EXPERIMENT, state="ok"):
    """Keeps an answer for everything in the plan of this experiment."""
    plan = bench.plan(text)
    with Store(bench.project.store) as store:
        store.save_completions(
            (one, Completion(key, state, text="x")) for key, one in plan.bodies.items()
        )
    return plan


def cell(bench, *words):
    (found,) = said(bench.root, "store", "explain", "a", "--task", "qa", *words)["cells"]
    return found


def changes(bench, *words):
    """Differences from the nearest stored request."""
    return cell(bench, *words)["nearest"]["differences"]


def test_a_key_says_when_what_and_what_it_took(home):
    fill(home / ".workbench", [0])
    done = call(home, "store", "explain", key_of(0)[:6].upper())
    lines = done.stdout.splitlines()
    assert (done.returncode, lines[0], lines[2:5]) == (
        0,
        f"key       {key_of(0)}",
        [
            f"model     {MODEL}",
            "usage     1,000 tokens in, 100 out, 500 ms",
            "reuse     runs with this request reuse it",
        ],
    )
    assert lines[1].endswith("Z, ok")
    assert lines[-2:] == ["output:", "  answer 0"]
    assert '      "content": "row 0"' in [line[2:] for line in lines]


def test_json_of_a_key_is_whole(home):
    fill(home / ".workbench", [1])
    found = said(home, "store", "explain", key_of(1))
    assert found["request"] == request(1).body
    assert found["asked"] == request(1).key_fields
    assert (found["stored"], found["scored"], found["text"]) == (True, True, "answer 1")
    shown = call(home, "store", "explain", key_of(1)).stdout
    assert (len(shown) < 4000, "characters more: --json" in shown) == (True, True)


@pytest.mark.parametrize("state", ["filtered", "empty_output", "invalid_response"])
def test_an_answer_that_is_not_scored_says_how_it_is_asked_again(home, state):
    with Store(home / ".workbench") as store:
        store.save_completions([(request(0), answer(0, state=state))])
    assert "reuse     it has no score; --retry-failed sends it again" in (
        call(home, "store", "explain", key_of(0)).stdout.splitlines()
    )


def test_a_key_that_is_being_asked_says_by_whom(home):
    with Store(home / ".workbench") as store, store.leases.session("a plan"):
        store.leases.claim(key_of(0), MODEL, None)
        (owner,) = store.leases.owners()
        shown = call(home, "store", "explain", key_of(0)).stdout
    assert shown == f"key       {key_of(0)}\nnot stored: in flight, sent by {owner}\n"


def test_a_key_without_an_answer_lists_its_lost_calls(home):
    with Store(home / ".workbench") as store, store.leases.session("a plan"):
        store.leases.claim(key_of(0), MODEL, 0.25)
        store.leases.record_failed_call(key_of(0), FailedCall("unknown", "the connection was lost"))
    lines = call(home, "store", "explain", key_of(0)).stdout.splitlines()
    assert lines[1] == "not stored; calls without an answer: 1"
    assert lines[2].endswith("Z, unknown: the connection was lost, at most USD 0.25")


def test_nothing_is_known_of_a_key_that_was_never_asked(home):
    done = call(home, "store", "explain", key_of(0))
    assert (done.returncode, done.stdout.splitlines()[1:]) == (
        0,
        ["not stored: unknown to this store"],
    )


@pytest.mark.parametrize("word", ["abc", "12345", "row-17", "0" * 65])
def test_what_is_no_key_is_refused(home, word):
    done = call(home, "store", "explain", word)
    assert (done.returncode, done.stderr) == (
        2,
        f"error: {word!r} is not a key or its first digits\n"
        "  fix: at least 6 of its 64 hex digits; for a row: --task TASK ROW\n",
    )


def test_several_keys_that_begin_alike_are_listed(home):
    keys = ["abcdef" + key_of(n)[6:] for n in range(2)]
    with Store(home / ".workbench") as store:
        store.save_completions((request(0), replace(answer(0), key=key)) for key in keys)
    done = call(home, "store", "explain", "abcdef")
    assert (done.returncode, done.stderr) == (
        2,
        f"error: 2 keys begin with abcdef\n  fix: one of {', '.join(sorted(keys))}\n",
    )


def test_a_row_that_is_stored_says_since_when(asked):
    done = call(asked.root, "store", "explain", "a", "--task", "qa")
    lines = done.stdout.splitlines()
    assert (lines[0], lines[2][:7], lines[3][:12], lines[3][-5:]) == (
        "row a",
        "plain  ",
        "  stored: 20",
        "Z, ok",
    )


def test_a_changed_parameter_is_named(asked):
    keep(asked, EXPERIMENT + "parameters: {temperature: 0}\n")
    asked.write("experiment.yaml", EXPERIMENT + "parameters: {temperature: 0.7}\n")
    done = call(asked.root, "store", "explain", "a", "--task", "qa")
    assert done.stdout.splitlines()[3] == "  not stored: never sent"
    assert done.stdout.splitlines()[5:] == ["    body.parameters.temperature: 0 → 0.7"]


def test_a_changed_word_of_a_template_is_shown_where_it_is(asked):
    asked.write("plain.jinja", "user:\nJudge that. {{ text }}\n")
    (change,) = changes(asked)
    assert (change["path"], change["from_character"]) == ("body.messages[0].content", 9)
    shown = call(asked.root, "store", "explain", "a", "--task", "qa").stdout.splitlines()
    assert shown[-1] == (
        "    body.messages[0].content: differs from character 9: "
        '"Judge this. A review of some length …" → "Judge that. A review of some length …"'
    )


def test_another_model_that_was_asked_the_same_is_named(asked):
    asked.write("experiment.yaml", EXPERIMENT.replace("echo:last", "echo:prompt"))
    found = cell(asked)["nearest"]
    assert (found["same_model"], found["model"]) == (False, "echo:last")
    shown = call(asked.root, "store", "explain", "a", "--task", "qa").stdout.splitlines()
    assert shown[-1] == "    it was sent to another model"


def test_a_row_nothing_is_like_was_never_asked(asked):
    asked.write("plain.jinja", "user:\n1234567890 {{ text[:1] }} 0987654321 0987654321\n")
    assert cell(asked)["nearest"] is None
    shown = call(asked.root, "store", "explain", "a", "--task", "qa").stdout.splitlines()
    assert shown[-2:] == ["  not stored: never sent", "  nothing similar is stored"]


def test_only_some_variants_are_explained(asked):
    asked.write("other.jinja", "user:\nJudge that. {{ text }}\n")
    asked.write("experiment.yaml", EXPERIMENT.replace("[plain]", "[plain, other]"))
    assert cell(asked, "--only", "oth*")["variant"] == "other"


def test_an_unknown_row_lists_those_there_are(asked):
    done = call(asked.root, "store", "explain", "b", "--task", "qa")
    assert (done.returncode, done.stderr) == (2, "error: unknown row 'b'\n  fix: known: a\n")


def test_changed_weights_are_said_to_be(home):
    folder = home / ".workbench"
    fill(folder, [0])
    moved = replace(
        request(0),
        key=key_of(9),
        key_fields={**request(0).key_fields, "identity": {"endpoint": "b"}},
    )
    with Store(folder) as store:
        found = explain_missing(store, moved)
    assert found.nearest
    assert found.nearest.differences == (
        JsonDifference("identity.endpoint", "https://a.example", "b"),
    )


def test_the_most_alike_of_many_is_found_among_the_newest(home):
    folder = home / ".workbench"
    texts = [f"{'abcdefghijklmnop'[n % 16] * 30} {n}" for n in range(2100)]
    with Store(folder) as store:
        store.save_completions((request(n, text=text), answer(n)) for n, text in enumerate(texts))
        found = explain_missing(store, request(-1, text=texts[2050] + "!"))
    assert found.truncated
    assert found.nearest
    assert [str(one) for one in found.nearest.differences] == [
        'body.messages[0].content: differs from character 36: "…ccccccc 2050" → "…ccccccc 2050!"'
    ]


CASES = [
    ({"a": 1}, {"a": 1}, []),
    ({"a": 1}, {"a": 1.0}, ["a: 1 → 1.0"]),
    ({"a": 0}, {"a": False}, ["a: 0 → false"]),
    ({"a": None}, {}, ["a: null → nothing"]),
    ({"a": [1, 2]}, {"a": [1]}, ["a[1]: 2 → nothing"]),
    ({"a": ""}, {"a": "x"}, ['a: "" → x']),
    ({"a": {"b": "x"}}, {"a": {"b": "y"}}, ["a.b: x → y"]),
    ({"a": "one two"}, {"a": "one twa"}, ['a: differs from character 7: "one two" → "one twa"']),
    (
        {"s": {"b": 1, "a": 2}},
        {"s": {"a": 2, "b": 1}},
        ['s (order of keys): ["b","a"] → ["a","b"]'],
    ),
    ({"a": 1, "b": 2}, {"c": 3}, ["c: nothing → 3", "a: 1 → nothing", "b: 2 → nothing"]),
]


@pytest.mark.parametrize(("old", "new", "wanted"), CASES, ids=lambda value: ordered_json(value))
def test_differences_are_named_by_path(old, new, wanted):
    assert [str(one) for one in differences(old, new)] == wanted
