"""Calls of a local model, checked with its chat template before anything is sent.

a system turn that is lost      a warning: the chat template loses the text of turn 1 (system); …
choices inside a thought        a warning: the chat template opens a thought with '<think>', …
turns that are refused          WorkbenchError
today's date in the prompt      `date` in the body, and so in the key
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace

from workbench.answers.reasoning import find_open_thought, has_thought
from workbench.canonical import JSON, digest, ordered_json
from workbench.catalog.cache import add_to_json, cache_dir, read_json
from workbench.errors import WorkbenchError
from workbench.model import PreparedCall
from workbench.providers.transformers.chat_template import ChatTemplate
from workbench.providers.transformers.template_check import (
    EXCLUDE,
    CheckedTurns,
    Probes,
    as_probes,
)
from workbench.workers.worker_process import EndedError, WorkerProcess, child_command, import_path

CHECK = 1  # raised when the check changes
LIMIT_S = 20.0  # seconds for one check, the start of its process included
WORKER = "workbench.providers.transformers.template_check"


class TemplateCheck:
    """The chat template of a model, which is checked once for each sequence of turns."""

    def __init__(self, template: ChatTemplate, model: str) -> None:
        self._template = template
        self._model = model
        self._checked: dict[str, CheckedTurns] = {}

    def check(self, prepared: PreparedCall) -> PreparedCall:
        """The call with warnings, and with the date in its body if the template writes one.

        Raises:
            WorkbenchError: the template refuses the turns, or loses all text of the user.
        """
        probes, tools = as_probes(prepared.body["messages"]), prepared.body.get("tools")
        key = ordered_json({"messages": probes, "tools": tools})
        if key not in self._checked:
            self._checked[key] = self._stored_check(probes, tools)
        return checked_call(prepared, self._checked[key], self._template, self._model)

    def _stored_check(self, probes: Probes, tools: JSON) -> CheckedTurns:
        """The result in the cache folder, or a new one, which is stored there."""
        request = {
            "source": self._template.source,
            "variables": self._template.variables,
            "today": self._template.today.isoformat(),
            "probes": probes,
            "tools": tools,
        }
        key, file = digest([CHECK, request]), cache_dir() / "template_checks.json"
        if stored := read_json(file).get(key):
            return CheckedTurns(**json.loads(stored))
        try:
            with WorkerProcess(child_command(WORKER), env=import_path()) as worker:
                worker.send(json.dumps(request))
                checked = CheckedTurns(**worker.receive(LIMIT_S))
        except EndedError as ended:
            return CheckedTurns(
                f"the chat template can't be rendered: {ended}", fix="exclude this pair"
            )
        add_to_json(file, key, json.dumps(asdict(checked)))
        return checked


def checked_call(
    prepared: PreparedCall, turns: CheckedTurns, template: ChatTemplate, model: str
) -> PreparedCall:
    """`prepared` with the result of its check.

    Raises:
        WorkbenchError: no answer can come of the turns.
    """
    messages, body = prepared.body["messages"], prepared.body
    if turns.problem:
        roles = ", ".join(message["role"] for message in messages)
        raise WorkbenchError(f"{model}, with the turns {roles}: {turns.problem}", fix=turns.fix)
    if turns.dated:
        body = {**body, "date": template.today.isoformat()}
    begun = messages[-1]["content"] if messages[-1]["role"] == "assistant" else ""
    warnings = list(_warnings(turns, begun, choices="choices" in body))
    return replace(prepared, body=body, warnings=tuple(warnings))


def _warnings(turns: CheckedTurns, begun: str, *, choices: bool) -> Iterator[str]:
    """Warnings of lost text, and of choices where a thought is; `begun`: the begun answer."""
    if turns.lost:
        yield f"the chat template loses the text of {turns.lost}; {turns.fix}"
    if not choices:
        return
    if mark := find_open_thought(turns.lead + begun):
        opener = "chat template" if find_open_thought(turns.lead) else "begun answer"
        problem = f"the {opener} opens a thought with {mark!r}, and choices are scored in it"
    elif begun or has_thought(turns.lead) or not any(map(has_thought, turns.thoughtless.values())):
        return
    else:
        problem = "the model thinks first, and choices are scored where its thought would be"
    fixes = (fix for fix, lead in turns.thoughtless.items() if lead != turns.lead)
    yield f"{problem}; {next(fixes, 'remove `choices`')}, {EXCLUDE}"
