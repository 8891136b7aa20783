"""A check of a chat template with the turns of a prompt: it may refuse them or lose their text.

The turns are rendered with a word in place of each text, and the words are looked for:

    system turn1text, user turn2text  ->  <start_of_turn>user turn2text: turn 1 (system) is lost

So no list of models is needed, and a template is judged by the turns that a prompt has. It is
rendered in a child process, which holds no keys and ends when it takes too long:

    python -m workbench.providers.transformers.template_check PARENT
    {"source": "{{ messages[0].content }}", "variables": {}, "today": "2024-07-26",
     "probes": [{"role": "user", "content": "turn1text"}], "tools": null}
        -> {"lost": "", "dated": false, "lead": "", …}
"""

import json
import resource
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta

from workbench.answers.reasoning import find_open_thought
from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.providers.transformers.body import merge_system
from workbench.providers.transformers.chat_template import CLOCK, ChatTemplate
from workbench.workers.parent_pipe import ParentPipe, die_with

# Variables that turn thoughts off in one template or another.
WITHOUT_THOUGHTS: Mapping[str, JSON] = {
    "enable_thinking": False,
    "thinking": False,
    "enable_reasoning": False,
    "thinking_budget": 0,
    "reasoning_effort": "none",
}
PROBED_CALL: Mapping[str, JSON] = {
    "id": "call00001",
    "type": "function",
    "function": {"name": "f", "arguments": {}},
}
EXCLUDE = "or exclude this pair"
MEMORY_LIMIT = 1 << 30  # bytes
Probes = list[dict[str, JSON]]


@dataclass(frozen=True)
class CheckedTurns:
    """Turns in a chat template.

    Attributes:
        problem: why no answer can come of them; empty: one can.
        lost: the turns whose text is not in the prompt, as `turn 1 (system)`.
        fix: of the problem, or so that no text is lost.
        dated: the template writes today's date.
        lead: the text between the last turn and the answer.
        thoughtless: texts that may stand there without an open thought, by how to get them.
    """

    problem: str = ""
    lost: str = ""
    fix: str = ""
    dated: bool = False
    lead: str = ""
    thoughtless: Mapping[str, str] = field(default_factory=dict)


def as_probes(messages: Sequence[Mapping[str, JSON]]) -> Probes:
    """The messages with a word of its own in place of each text that isn't blank.

    Calls have no arguments, so that rows with other arguments need no check of their own.
    """
    probes: Probes = []
    for number, message in enumerate(messages, 1):
        content = f"turn{number}text" if (message["content"] or "").strip() else ""
        probe = {"role": message["role"], "content": content}
        if calls := message.get("tool_calls"):
            probe["tool_calls"] = [PROBED_CALL] * len(calls)
        if message["role"] == "tool":
            probe |= {"tool_call_id": PROBED_CALL["id"], "name": "f"}
        probes.append(probe)
    return probes


def check_turns(template: ChatTemplate, probes: Probes, tools: JSON = None) -> CheckedTurns:
    """Render the probes and look for their words."""
    checked = _check(template, probes, tools)
    if not checked.problem and not checked.lost:
        return checked
    fix = "change the turns" if checked.problem else "move its text into another turn"
    merged = merge_system(probes)
    if merged != probes:
        with_merged = _check(template, as_probes(merged), tools)
        if not with_merged.problem and not with_merged.lost:
            fix = "set `system: merge` for the model"
    return CheckedTurns(**{**vars(checked), "fix": f"{fix}, {EXCLUDE}"})


def _check(template: ChatTemplate, probes: Probes, tools: JSON) -> CheckedTurns:
    try:
        text = template.render(probes, tools)
        lost = [
            (number, probe["role"])
            for number, probe in enumerate(probes, 1)
            if probe["content"] not in text.lower()
        ]
        users = [probe["role"] for probe in probes].count("user")
        if users and [role for _, role in lost].count("user") == users:
            return CheckedTurns("the chat template loses all text of the user")
        return CheckedTurns(
            lost=" and ".join(f"turn {number} ({role})" for number, role in lost),
            dated=CLOCK in template.names
            and any(
                template.render(probes, tools, today=day) != text
                for day in (template.today + timedelta(days=1), date(1999, 1, 3))
            ),
            lead=_lead(text, probes),
            thoughtless=_thoughtless(template, probes, tools),
        )
    except WorkbenchError as error:
        return CheckedTurns(error.message)


def _thoughtless(template: ChatTemplate, probes: Probes, tools: JSON) -> dict[str, str]:
    leads: dict[str, str] = {}
    for name, value in WITHOUT_THOUGHTS.items():
        if name in template.names:
            with suppress(WorkbenchError):
                text = template.render(probes, tools, **{name: value})
                setting = f"{name}: {json.dumps(value)}"
                leads[f"set `chat_template: {{{setting}}}` for the model"] = _lead(text, probes)
    if probes[-1]["role"] != "assistant":
        begun = [*probes, {"role": "assistant", "content": "turn0text"}]
        with suppress(WorkbenchError):
            fix = "begin the answer in a last assistant turn, as with `Answer:`"
            leads[fix] = _lead(template.render(begun, tools), begun)
    return {fix: lead for fix, lead in leads.items() if not find_open_thought(lead)}


def _lead(text: str, probes: Probes) -> str:
    """The text between the last turn and the answer, which may have begun."""
    begun = probes[-1]["content"] if probes[-1]["role"] == "assistant" else ""
    text = text[: text.lower().rfind(begun)] if begun else text
    words = [probe["content"] for probe in probes if probe["content"] not in ("", begun)]
    ends = (text.lower().rfind(word) + len(word) for word in words if word in text.lower())
    return text[max(ends, default=0) :]


def main() -> None:
    """Answer until the parent ends."""
    die_with(int(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    parent = ParentPipe()
    parent.send_ready()
    for request in parent.requests():
        today = date.fromisoformat(request["today"])
        template = ChatTemplate(request["source"], request["variables"], today)
        parent.send(asdict(check_turns(template, request["probes"], request["tools"])))


if __name__ == "__main__":
    main()
