"""Completions of a plan read as the settings of their models say.

Row(cell, Completion(text="Sentiment: positive", prefill="Sentiment:", …))
->  Row(cell, Completion(text=" positive", …)), at an endpoint that repeats the prefill
"""

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import replace

from workbench.answers.prefill import repeated_length
from workbench.model.sent_messages import sent_messages
from workbench.plan import Plan
from workbench.prompt.requests import CompletionReader
from workbench.results.types import Row
from workbench.store import Store
from workbench.store.prefill_echo import PrefillEchoes, PrefillEndpoint, prefill_endpoint

NumberedRow = tuple[int, Row]


class AnswerReader:
    """Reads the completions of one plan."""

    def __init__(self, plan: Plan, store: Store) -> None:
        self._plan = plan
        self._redact = store.redactor.redact
        evaluators = plan.experiment.evaluators
        self._shows_prompt = any("prompt" in evaluator.arguments for evaluator in evaluators)
        self._echoes = PrefillEchoes(store, except_keys=plan.refetch)
        self._ambiguous: set[tuple[int, int]] = set()  # variant and row
        self._read_as_repeated: dict[PrefillEndpoint, set[tuple[int, int]]] = {}

    def with_plan(self, plan: Plan) -> "AnswerReader":
        """The reader of the same plan with other descriptions of its models."""
        reader = copy(self)
        reader._plan = plan
        return reader

    def receive(self, variant: int, rows: Sequence[NumberedRow]) -> list[NumberedRow]:
        """Read the rows whose reading no later reply can change; the others wait."""
        bodies = self._plan.bodies
        prefilled = [(n, row) for n, row in rows if bodies[row.cell.key].prefill]  # mostly none
        for _, row in prefilled:
            endpoint = self._echo(variant, row)
            if isinstance(endpoint, PrefillEndpoint) and row.completion:
                self._echoes.observe(endpoint, row.completion)
        more_to_come = any(self._plan.requests)
        waiting = {n for n, row in prefilled if more_to_come and self._is_ambiguous(variant, row)}
        self._ambiguous.update((variant, number) for number in waiting)
        return self.read(variant, [pair for pair in rows if pair[0] not in waiting])

    def take_ambiguous(self) -> dict[int, set[int]]:
        """Return the rows that wait, by variant, and those to be read again by later replies."""
        changed = [e for e in self._read_as_repeated if not self._echoes.repeats(e)]
        misread = (self._read_as_repeated.pop(endpoint) for endpoint in changed)
        rows: dict[int, set[int]] = {}
        for variant, number in self._ambiguous.union(*misread):
            rows.setdefault(variant, set()).add(number)
        self._ambiguous = set()
        return rows

    def read(self, variant: int, rows: Iterable[NumberedRow]) -> list[NumberedRow]:
        """Return rows as they were received with their answers."""
        model = self._plan.variants[variant].model.model
        reading = CompletionReader(model, self._plan.variants[variant].prompt.settings.normalize)
        repeated = replace(reading, prefill_repeated=True)
        bodies = self._plan.bodies
        read: list[NumberedRow] = []
        for number, row in rows:
            if row.completion is not None:
                request = bodies[row.cell.key]
                repeats = bool(request.prefill) and self._repeats(variant, number, row)
                answer = (repeated if repeats else reading).read(row.completion, request.text)
                if self._shows_prompt:
                    row = replace(row, prompt=sent_messages(request.body))
                if answer is not row.completion:
                    text = self._redact(answer.text)  # a secret may stand around what was cut
                    answer = answer if text == answer.text else replace(answer, text=text)
                    row = replace(row, completion=answer)
            read.append((number, row))
        return read

    def _repeats(self, variant: int, number: int, row: Row) -> bool:
        """True if the reply repeats its prefill, by the setting or by the endpoint's replies."""
        echo = self._echo(variant, row)
        if not isinstance(echo, PrefillEndpoint):
            return echo
        repeats = self._echoes.repeats(echo)
        if repeats:
            self._read_as_repeated.setdefault(echo, set()).add((variant, number))
        return repeats

    def _is_ambiguous(self, variant: int, row: Row) -> bool:
        """True if a later reply may show that this one doesn't repeat the prefill."""
        endpoint = self._echo(variant, row)
        if not isinstance(endpoint, PrefillEndpoint) or not row.completion:
            return False
        begins = repeated_length(row.completion.prefill, row.completion.text) is not None
        return begins and self._echoes.repeats(endpoint)

    def _echo(self, variant: int, row: Row) -> PrefillEndpoint | bool:
        """The endpoint whose replies decide whether the prefill is repeated, or the setting."""
        request = self._plan.bodies[row.cell.key]
        setting = self._plan.variants[variant].model.model.settings.get("prefill_echo", "auto")
        if not request.prefill:
            return False
        endpoint = prefill_endpoint(request.key_fields, request.text)
        return bool(setting) if setting != "auto" and endpoint else endpoint or False
