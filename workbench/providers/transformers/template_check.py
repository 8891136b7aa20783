"""A check of a chat template with the turns of a prompt: it may refuse them or lose their text.

The turns are rendered with a word in place of each text, and the words are looked for:

    system turn0text, user turn1text  ->  <start_of_turn>user turn1text: turn 1 (system) is lost

So no list of models is needed, and a template is judged by the turns that a prompt has.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta

from workbench.answers.reasoning import find_open_thought, has_thought
from workbench.canonical import JSON, ordered_json
from workbench.errors import WorkbenchError
from workbench.model import PreparedCall
from workbench.providers.transformers.body import merge_system
from workbench.providers.transformers.chat_template import CLOCK, ChatTemplate

# Variables that turn thoughts off in one template or another.
WITHOUT_THOUGHTS: Mapping[str, JSON] = {
    "enable_thinking": False,
    "thinking": False,
    "enable_reasoning": False,
    "thinking_budget": 0,
    "reasoning_effort": "none",
}
EXCLUDE = "or exclude this pair"
Probes = list[dict[str, JSON]]


@dataclass(frozen=True)
class CheckedTurns:
    """Turns in a chat template.

    Attributes:
        lost: number and role of each turn whose text is not in the prompt.
        dated: the template writes today's date.
        lead: the text between the last turn and the answer.
    """

    lost: tuple[tuple[int, str], ...]
    dated: bool
    lead: str


class TemplateCheck:
    """The chat template of `model`, which is checked once for each sequence of turns."""

    def __init__(self, template: ChatTemplate, model: str) -> None:
        self._template = template
        self._model = model
        self._checked: dict[str, CheckedTurns] = {}

    def check(self, prepared: PreparedCall) -> PreparedCall:
        """The call with warnings, and with the date in its body if the template writes one.

        Raises:
            WorkbenchError: the template refuses the turns, or loses all text of the user.
        """
        messages, tools = prepared.body["messages"], prepared.body.get("tools")
        probes = _as_probes(messages)
        key = ordered_json({"messages": probes, "tools": tools})
        if key not in self._checked:
            try:
                self._checked[key] = self._check_turns(probes, tools)
            except WorkbenchError as error:
                roles = ", ".join(message["role"] for message in messages)
                error.message = f"{self._model}, with the turns {roles}: {error.message}"
                error.fix = self._fix(probes, tools, "change the turns")
                raise
        turns, body = self._checked[key], prepared.body
        warnings = self._loss_warnings(turns, probes, tools)
        if "choices" in body:
            begun = messages[-1]["content"] if messages[-1]["role"] == "assistant" else ""
            warnings += self._thought_warnings(turns, probes, begun, tools)
        if turns.dated:
            body = {**body, "date": self._template.today.isoformat()}
        return replace(prepared, body=body, warnings=tuple(warnings))

    def _check_turns(self, probes: Probes, tools: JSON) -> CheckedTurns:
        text = self._template.render(probes, tools)
        lost = tuple(
            (number, probe["role"])
            for number, probe in enumerate(probes, 1)
            if probe["content"] and probe["content"] not in text.lower()
        )
        users = [probe["role"] for probe in probes].count("user")
        if users and [role for _, role in lost].count("user") == users:
            raise WorkbenchError("the chat template loses all text of the user")
        dated = CLOCK in self._template.names and any(
            self._template.render(probes, tools, today=day) != text
            for day in (self._template.today + timedelta(days=1), date(1999, 1, 3))
        )
        return CheckedTurns(lost, dated, _lead(text, probes))

    def _loss_warnings(self, turns: CheckedTurns, probes: Probes, tools: JSON) -> list[str]:
        if not turns.lost:
            return []
        lost = " and ".join(f"turn {number} ({role})" for number, role in turns.lost)
        fix = self._fix(probes, tools, "move its text into another turn")
        return [f"the chat template loses the text of {lost}; {fix}"]

    def _fix(self, probes: Probes, tools: JSON, otherwise: str) -> str:
        """`system: merge` if no text is lost then."""
        merged = merge_system(probes)
        if merged != probes:
            with suppress(WorkbenchError):
                if not self._check_turns(_as_probes(merged), tools).lost:
                    return f"set `system: merge` for the model, {EXCLUDE}"
        return f"{otherwise}, {EXCLUDE}"

    def _thought_warnings(
        self, turns: CheckedTurns, probes: Probes, begun: str, tools: JSON
    ) -> list[str]:
        """Warn of choices inside or in place of a thought; `begun`: the prompt's begun answer."""
        thoughtless = self._leads_without_thought(probes, tools)
        if mark := find_open_thought(turns.lead + begun):
            opener = "chat template" if find_open_thought(turns.lead) else "begun answer"
            problem = f"the {opener} opens a thought with {mark!r}, and choices are scored in it"
        elif begun or has_thought(turns.lead) or not any(map(has_thought, thoughtless.values())):
            return []
        else:
            problem = "the model thinks first, and choices are scored where its thought would be"
        fixes = (fix for fix, lead in thoughtless.items() if lead != turns.lead)
        return [f"{problem}; {next(fixes, 'remove `choices`')}, {EXCLUDE}"]

    def _leads_without_thought(self, probes: Probes, tools: JSON) -> dict[str, str]:
        """What stands before an answer that is no thought, by what a user does for it."""
        leads: dict[str, str] = {}
        for name, value in WITHOUT_THOUGHTS.items():
            if name in self._template.names:
                text = self._template.render(probes, tools, **{name: value})
                setting = f"{name}: {json.dumps(value)}"
                leads[f"set `chat_template: {{{setting}}}` for the model"] = _lead(text, probes)
        if probes[-1]["role"] != "assistant":
            begun = [*probes, {"role": "assistant", "content": "turn0text"}]
            with suppress(WorkbenchError):
                fix = "begin the answer in a last assistant turn, as with `Answer:`"
                leads[fix] = _lead(self._template.render(begun, tools), begun)
        return {fix: lead for fix, lead in leads.items() if not find_open_thought(lead)}


def _as_probes(messages: Sequence[Mapping[str, JSON]]) -> Probes:
    """The messages with a word of its own in place of each text that isn't blank."""
    return [
        {**message, "content": f"turn{number}text" if (message["content"] or "").strip() else ""}
        for number, message in enumerate(messages, 1)
    ]


def _lead(text: str, probes: Probes) -> str:
    """The text between the last turn and the answer, which may have begun."""
    begun = probes[-1]["content"] if probes[-1]["role"] == "assistant" else ""
    text = text[: text.lower().rfind(begun)] if begun else text
    words = [probe["content"] for probe in probes if probe["content"] not in ("", begun)]
    ends = (text.lower().rfind(word) + len(word) for word in words if word in text.lower())
    return text[max(ends, default=0) :]
