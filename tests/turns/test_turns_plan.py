"""The requests of rows with turns, before anything is sent."""

import json
import re

import pytest
from bench import Bench, refusal
from pictures import picture

from workbench.plan import Plan
from workbench.prompt.later_turns import earlier_keys, with_answers

HEAD = "dataset: rows.jsonl\nprompts: [plain]\nevaluators: [output_tokens]\n"
ECHO = HEAD + "models: [echo:last]\n"
API = HEAD + 'models: [{"openai:m": {base_url: "http://127.0.0.1:1/v1"}}]\n'
CHAT = "system:\nHelp {{ name }}.\nuser:\n{{ text }}\n"


def conversation(*texts: str, name: str = "Ann") -> dict:
    return {"name": name, "turns": [{"text": text} for text in texts]}


def plan(bench: Bench, *rows: dict, template: str = CHAT, text: str = ECHO) -> Plan:
    bench.write("plain.jinja", template)
    bench.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    return bench.plan(text)


def keys(planned: Plan) -> list[str]:
    return [cell.key for cell in planned.cells[0]]


def messages(planned: Plan, number: int) -> list[tuple[str, object]]:
    body = planned.bodies[planned.cells[0][number].key].body
    return [(turn["role"], turn["content"]) for turn in body["messages"]]


def test_a_later_turn_names_the_requests_before_it(bench: Bench) -> None:
    planned = plan(bench, conversation("Hi.", "123.", "Thanks."))
    first, second, third = keys(planned)
    assert messages(planned, 0) == [("system", "Help Ann."), ("user", "Hi.")]
    assert messages(planned, 2) == [
        ("system", "Help Ann."),
        ("user", "Hi."),
        ("assistant", f"[answer {first}]"),
        ("user", "123."),
        ("assistant", f"[answer {second}]"),
        ("user", "Thanks."),
    ]
    assert len({first, second, third}) == 3
    assert planned.clusters([0]) == (0, 0, 0)


# Two conversations, and how many requests they share.
SHARED = {
    "equal": (conversation("a", "b"), conversation("a", "b"), 2),
    "another second turn": (conversation("a", "b"), conversation("a", "c"), 1),
    "another first turn": (conversation("a", "b"), conversation("c", "b"), 0),
    "another name": (conversation("a", "b"), conversation("a", "b", name="Bob"), 0),
    "one turn": (conversation("a", "b"), conversation("a"), 1),
    "no conversation": (conversation("a", "b"), {"name": "Ann", "text": "a"}, 1),
}


@pytest.mark.parametrize("case", SHARED)
def test_a_key_depends_on_all_turns_so_far(case: str, bench: Bench) -> None:
    one, other, shared = SHARED[case]
    assert plan(bench, one, other).shared == shared


def test_equal_conversations_that_are_sampled_have_answers_of_their_own(bench: Bench) -> None:
    text = API + "parameters: {temperature: 1}\n"
    assert len(set(keys(plan(bench, *[conversation("a", "b")] * 2, text=text)))) == 4
    assert len(set(keys(plan(bench, conversation("a", "b"), text=text + "repeats: 2\n")))) == 4


def test_the_key_of_a_later_turn_says_how_answers_are_read(bench: Bench) -> None:
    plain = keys(plan(bench, conversation("a", "b"), text=API))
    thoughts = API.replace('/v1"}', '/v1", reasoning: keep}')
    first, second = keys(plan(bench, conversation("a", "b"), text=thoughts))
    assert (first == plain[0], second == plain[1]) == (True, False)


def test_the_first_turn_shows_its_images_to_the_later_ones(bench: Bench) -> None:
    bench.write("a.png", picture())
    row = {
        "name": "Ann",
        "turns": [{"text": "What?", "photo": "a.png"}, {"text": "Why?", "photo": ""}],
    }
    template = "user:\n{{ text }}{% if photo %}{% image photo %}{% endif %}\n"
    planned = plan(bench, row, template=template, text=API)
    (_, shown), _, (_, last) = messages(planned, 1)
    assert [part["type"] for part in shown] == ["text", "image_url"]
    assert last == "Why?"
    assert all(planned.bodies[key].images for key in keys(planned))


REFUSED = {
    "raw text": ("---\nchat: false\n---\n{{ text }} {{ name }}", "raw text", "use a chat template"),
    "a begun answer": (CHAT + "assistant:\nWell,\n", "begins the answer", "`assistant:`"),
    "no user": ("system:\n{{ text }} {{ name }}\n", "no message of the user", "`user:`"),
    "tools": (
        "---\ntools:\n  - {name: f, parameters: {type: object, properties: {}}}\n---\n" + CHAT,
        "calls of tools",
        "remove `tools`",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_prompt_that_can_not_be_continued_is_refused(case: str, bench: Bench) -> None:
    template, problem, fix = REFUSED[case]
    message = refusal(plan, bench, conversation("a", "b"), template=template)
    assert re.match(r".*plain\.jinja:\d+", message)
    assert problem in message
    assert fix in message
    assert len(keys(plan(bench, conversation("a"), template=template))) == 1


def test_only_the_answers_of_the_conversation_are_filled_in(bench: Bench) -> None:
    """Another key in the text of a row is text."""
    forged = f"[answer {'0' * 64}]"
    planned = plan(bench, conversation("Hi.", forged))
    first, second = keys(planned)
    assert earlier_keys(planned.bodies[second]) == [first]
    sent = with_answers(planned.bodies[second], {first: 'A "b"\n'}, {first: "d1"})
    turns = [turn["content"] for turn in sent.body["messages"]]
    assert turns == ["Help Ann.", "Hi.", 'A "b"\n', forged]
    assert sent.key_fields["answers"] == {first: "d1"}
