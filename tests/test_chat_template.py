"""Chat templates of local models: the turns they refuse or lose, thoughts, and the date."""

import pytest

from workbench.conversation import Conversation, Message
from workbench.errors import WorkbenchError
from workbench.model import PreparedCall, PromptCall
from workbench.providers.transformers.body import merge_system, prepare_call
from workbench.providers.transformers.chat_template import ChatTemplate
from workbench.providers.transformers.checked_call import checked_call
from workbench.providers.transformers.settings import ModelSettings
from workbench.providers.transformers.template_check import as_probes, check_turns

TURN = "<{{ m.role }}>{{ m.content }}</>"
OPEN = "{% if add_generation_prompt %}<assistant>{% endif %}"
PLAIN = f"{{% for m in messages %}}{TURN}{{% endfor %}}{OPEN}"
REFUSES_SYSTEM = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('No system role') }}{% endif %}"
    + PLAIN
)
ALTERNATES = (
    "{% for m in messages if m.role != 'system' %}"
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate') }}{% endif %}" + TURN + "{% endfor %}" + OPEN
)
DROPS_SYSTEM = "{% for m in messages if m.role != 'system' %}" + TURN + "{% endfor %}" + OPEN
DROPS_ANSWERS = DROPS_SYSTEM.replace("'system'", "'assistant'")
LAST_SYSTEM = (
    "{% set ns = namespace(system='') %}{% for m in messages if m.role == 'system' %}"
    "{% set ns.system = m.content %}{% endfor %}{{ ns.system }}"
) + DROPS_SYSTEM
LAST_TURN = "{% for m in messages[-1:] %}" + TURN + "{% endfor %}"
PARTS = "{% for m in messages %}{% for part in m.content %}{{ part.text }}{% endfor %}{% endfor %}"
UPPER = "{% for m in messages %}{{ m.content | trim | upper }}{% endfor %}" + OPEN
NO_THOUGHTS = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content.split('</think>')[-1] }}{% endfor %}" + OPEN
)
MERGE = "set `system: merge` for the model, or exclude this pair"
MOVE = "move its text into another turn, or exclude this pair"
CHANGE = "change the turns, or exclude this pair"


def call(*roles: str, choices: tuple[str, ...] = (), begun: str = "") -> PromptCall:
    texts = [f"text {number} of {role}" for number, role in enumerate(roles)]
    messages = [Message(role, text) for role, text in zip(roles, texts, strict=True)]  # type: ignore[arg-type]
    messages += [Message("assistant", begun)] if begun else []
    return PromptCall(Conversation(tuple(messages)), choices=choices)


def check(source: str, call: PromptCall, **settings: object) -> PreparedCall:
    values = ModelSettings(**settings)  # type: ignore[arg-type]
    template = ChatTemplate(source, values.chat_template, values.date)
    merges = values.system == "merge"
    prepared = prepare_call(call, chat_template=source, model="MODEL", merges_system=merges)
    turns = check_turns(template, as_probes(prepared.body["messages"]))
    return checked_call(prepared, turns, template, "MODEL")


@pytest.mark.parametrize(
    ("source", "roles", "warning"),
    [
        (PLAIN, ("system", "user", "assistant", "user", "user"), ""),
        (UPPER, ("system", "user", "assistant"), ""),
        (NO_THOUGHTS, ("user", "assistant", "user"), ""),
        (DROPS_SYSTEM, ("user",), ""),
        (DROPS_SYSTEM, ("system", "user"), f"turn 1 (system); {MERGE}"),
        (DROPS_SYSTEM, ("developer", "user"), f"turn 1 (system); {MERGE}"),
        (LAST_SYSTEM, ("system", "user"), ""),
        (LAST_SYSTEM, ("system", "system", "user"), f"turn 1 (system); {MERGE}"),
        (DROPS_ANSWERS, ("user", "assistant", "user"), f"turn 2 (assistant); {MOVE}"),
        (LAST_TURN, ("user", "user"), f"turn 1 (user); {MOVE}"),
        (
            LAST_TURN,
            ("system", "user", "assistant", "user"),
            f"turn 1 (system) and turn 2 (user) and turn 3 (assistant); {MOVE}",
        ),
    ],
)
def test_turns_whose_text_a_template_loses_are_named(source, roles, warning):
    expected = (f"the chat template loses the text of {warning}",) if warning else ()
    assert check(source, call(*roles)).warnings == expected


@pytest.mark.parametrize(
    ("source", "roles", "problem", "fix"),
    [
        (REFUSES_SYSTEM, ("system", "user"), "refuses the messages: No system role", MERGE),
        (ALTERNATES, ("user", "user"), "refuses the messages: Roles must alternate", CHANGE),
        (ALTERNATES, ("assistant", "user"), "refuses the messages: Roles must alternate", CHANGE),
        (PARTS, ("user",), "loses all text of the user", CHANGE),
        ("{{ messages[0].content + none }}", ("user",), "refuses the messages: ", CHANGE),
        ("{% for m in messages %}", ("user",), "refuses the messages: ", CHANGE),
        (REFUSES_SYSTEM, ("system", "user", "assistant"), "refuses the messages: No", MERGE),
    ],
)
def test_turns_that_a_template_refuses_are_refused(source, roles, problem, fix):
    with pytest.raises(WorkbenchError) as caught:
        check(source, call(*roles))
    message = f"MODEL, with the turns {', '.join(roles)}: the chat template {problem}"
    assert caught.value.message.startswith(message)
    assert caught.value.fix == fix


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ("s u", ["user: s0\n\nu1"]),
        ("s s u a", ["user: s0\n\ns1\n\nu2", "assistant: a3"]),
        ("s a u", ["assistant: a1", "user: s0\n\nu2"]),
        ("u s u", ["user: u0", "user: s1\n\nu2"]),
        ("u s", ["user: u0\n\ns1"]),
        ("u a s", ["user: u0\n\ns2", "assistant: a1"]),
        ("s", ["user: s0"]),
        ("s a", ["user: s0", "assistant: a1"]),
        ("u a", ["user: u0", "assistant: a1"]),
    ],
)
def test_system_turns_are_merged_into_turns_of_the_user(roles, expected):
    names = {"s": "system", "u": "user", "a": "assistant"}
    messages = [{"role": names[r], "content": f"{r}{n}"} for n, r in enumerate(roles.split())]
    assert [f"{m['role']}: {m['content']}" for m in merge_system(messages)] == expected


def test_merged_system_turns_change_the_body_only_of_prompts_that_have_one():
    merged = check(REFUSES_SYSTEM, call("system", "user"), system="merge")
    content = "text 0 of system\n\ntext 1 of user"
    assert merged.body["messages"] == [{"role": "user", "content": content}]
    assert check(PLAIN, call("user"), system="merge") == check(PLAIN, call("user"))
    base = prepare_call(call("system", "user"), chat_template="", model="M", merges_system=True)
    assert base.body["text"] == content


THINK = PLAIN.replace("<assistant>{%", "<assistant><think>\n{%")
SWITCH = PLAIN.replace(
    "<assistant>{% endif",
    "<assistant>{% if enable_thinking is false %}<think></think>{% endif %}{% endif",
)
SWITCHED_OPEN = PLAIN.replace(
    "<assistant>{% endif",
    "<assistant>{% if thinking %}<think>{% else %}</think>{% endif %}{% endif",
)
BUDGET = PLAIN.replace(
    "<assistant>{% endif",
    "<assistant><seed:think>{% if thinking_budget == 0 %}</seed:think>{% endif %}{% endif",
)
CHANNELS = PLAIN.replace("<{{ m.role }}>", "<{{ m.role }}><|channel|>final<|message|>")
ALWAYS = "{% for m in messages %}{{ m.content }}<think>{% endfor %}"
INSIDE = "the chat template opens a thought with '{}', and choices are scored in it; {}"
BEFORE = "the model thinks first, and choices are scored where its thought would be; {}"
TURN_OFF = "set `chat_template: {{{}}}` for the model, or exclude this pair"
OFF = TURN_OFF.format("enable_thinking: false")
OPENED = INSIDE.format("<think>", TURN_OFF.format("thinking: false"))
BEGIN = "begin the answer in a last assistant turn, as with `Answer:`, or exclude this pair"


@pytest.mark.parametrize(
    ("source", "settings", "begun", "warning"),
    [
        (PLAIN, {}, "", ""),
        (THINK, {}, "", INSIDE.format("<think>", BEGIN)),
        (THINK, {}, "Answer:", ""),
        (THINK.replace("think", "reasoning"), {}, "", INSIDE.format("<reasoning>", BEGIN)),
        (THINK.replace("<think>", "[THINK]"), {}, "", INSIDE.format("[THINK]", BEGIN)),
        (SWITCH, {}, "", BEFORE.format(OFF)),
        (SWITCH, {"enable_thinking": False}, "", ""),
        (SWITCH, {"enable_thinking": True}, "", BEFORE.format(OFF)),
        (SWITCHED_OPEN, {}, "", ""),
        (SWITCHED_OPEN, {"thinking": True}, "", OPENED),
        (BUDGET, {}, "", INSIDE.format("<seed:think>", TURN_OFF.format("thinking_budget: 0"))),
        (CHANNELS, {}, "", BEFORE.format(BEGIN)),
        (CHANNELS, {}, "Answer:", ""),
        (ALWAYS, {}, "", INSIDE.format("<think>", "remove `choices`, or exclude this pair")),
        (
            PLAIN,
            {},
            "<think>\nHm",
            "the begun answer opens a thought with '<think>', and choices are scored in it; "
            "remove `choices`, or exclude this pair",
        ),
    ],
)
def test_choices_inside_or_before_a_thought_are_named(source, settings, begun, warning):
    prepared = check(source, call("user", choices=("a", "b"), begun=begun), chat_template=settings)
    assert prepared.warnings == ((warning,) if warning else ())
    assert check(source, call("user", begun=begun), chat_template=settings).warnings == ()


DATED = (
    "{% if messages[0].role != 'system' %}Today is {{ strftime_now('%A %d %b %Y') }}.{% endif %}"
)
DATED += PLAIN


def test_templates_that_write_the_date_get_a_fixed_one_which_is_in_the_body():
    messages = [{"role": "user", "content": "Hi"}]
    text = "Today is Friday 26 Jul 2024.<user>Hi</><assistant>"
    assert ChatTemplate(DATED).render(messages) == text
    assert check(DATED, call("user")).body["date"] == "2024-07-26"
    assert check(DATED, call("user"), date="2026-01-31").body["date"] == "2026-01-31"
    assert "date" not in check(DATED, call("system", "user")).body
    unused = "{% set today = strftime_now('%Y') %}" + PLAIN
    assert check(unused, call("user")) == check(PLAIN, call("user"))


@pytest.mark.parametrize(
    "source",
    [
        "{% set ns = namespace(_x=1) %}",
        "{% set ns = namespace() %}{% set ns.__html__ = 1 %}",
        "{{ ''.__class__ }}{{ ''.__class__.__mro__ }}",
        "{{ namespace.__init__.__globals__ }}",
    ],
)
def test_templates_reach_no_name_of_python(source):
    with pytest.raises(WorkbenchError, match="refuses the messages"):
        ChatTemplate(source).render([{"role": "user", "content": "Hi"}])
