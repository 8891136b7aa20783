"""A run that is killed while it judges asks for no stored verdict again, and names the others."""

import json
import os
import random
import time
from pathlib import Path
from typing import Any

import pytest
from billing import Till
from job import make_plan, write_project
from jobs import Forge, left_behind
from openai_server import Reply, last_message, say
from test_kills import Trial

from workbench.judges.judge_requests import JudgedAnswer, JudgeRequests
from workbench.prompt import Renderer
from workbench.store import Store

KILLS = 200 if "WORKBENCH_KILLS" in os.environ else 40
ROWS, CONCURRENCY = 60, 4
VERDICT = "It names the row.\nVerdict: yes"
# In flight at two models, and replies that had come and were not durable: see test_kills.py.
UNSURE = 6 * CONCURRENCY


class JudgedTrial(Trial):
    """One job with a judge, killed again and again until it ends by itself."""

    def prepare(self, renderer: Renderer) -> None:
        settings = {"base_url": self.till.url, "concurrency": CONCURRENCY, "backoff_s": 0.01}
        write_project(self.root, json.dumps({"openai:m": settings}), ROWS)
        experiment = self.root / "prompts" / "sums" / "experiment.yaml"
        entry = {"rubric": {"rubric": "It names a row.", "model": {"openai:judge": settings}}}
        judged = f"evaluators: [{json.dumps(entry)}]"
        experiment.write_text(experiment.read_text().replace("evaluators: [exact_match]", judged))
        self.folder.mkdir(parents=True)
        self.order["judged"] = True
        with Store(self.folder) as store:
            plan = make_plan(self.root, store, renderer)
        (judge,) = plan.experiment.judges.values()
        answers = [
            JudgedAnswer(row.id, row.inputs, f"row {number}", row.expectations)
            for number, row in enumerate(plan.examples)
        ]
        asked = [
            request for each in JudgeRequests(judge, renderer).make(answers) for request in each
        ]
        self.requests = {**plan.bodies, **{each.request.key: each.request for each in asked}}

    def counts(self, before: int) -> bool:
        """True if a judge had been asked: the kill came while it judged."""
        return self._judged(before) > 0

    def wait_for_moment(self, before: int) -> None:
        """Wait until some verdicts were asked for, or all that there are."""
        wanted, until = self.chance.randrange(1, 12), time.monotonic() + 1
        while self._judged(before) < wanted and time.monotonic() < until:
            time.sleep(0.001)
        time.sleep(self.chance.uniform(0, 0.02))

    def _judged(self, before: int) -> int:
        return sum(r.body["model"] == "judge" for r in self.till.server.requests[before:])

    def check(self) -> None:
        texts = [*(f"row {n}" for n in range(ROWS)), *[VERDICT] * ROWS]
        assert sorted(self.books.texts.values()) == sorted(texts)
        assert self.books.texts.keys() == self.requests.keys()
        billed = self.till.billed(self.requests)
        assert min(billed.values()) >= 1
        assert sum(billed.values()) == len(self.till.server.requests)
        assert {k: n for k, n in billed.items() if n - 1 > self.books.unknown[k]} == {}
        assert (self.books.intents, self.books.owners) == (frozenset(), 0)
        assert left_behind(self.folder) == []


@pytest.mark.slow
@pytest.mark.timeout(120 + KILLS * 4)
def test_killed_while_it_judges_nothing_stored_is_asked_again(
    forge: Forge, till: Till, tmp_path: Path, renderer: Renderer
) -> None:
    chance = random.Random(5)

    def script(path: str, body: Any, nth: int) -> Reply:
        reply = say(VERDICT) if body["model"] == "judge" else last_message(path, body, nth)
        return Reply(body=reply.body, delay_s=chance.uniform(0.01, 0.04))

    till.server.script = script
    kills = job = twice = unknown = 0
    while kills < KILLS:
        seed = random.randrange(2**32)
        trial = JudgedTrial(forge, till, tmp_path / str(job), random.Random(seed))
        till.server.requests.clear()
        print(f"seed {seed}", end=" ")  # shown when it fails
        trial.prepare(renderer)
        trial.until_it_ends()
        trial.check()
        kills, job = kills + trial.kills, job + 1
        twice += len(till.server.requests) - 2 * ROWS
        unknown += trial.books.unknown.total()
        print(f"{kills} kills, {job} jobs, {unknown} unknown, {twice} paid twice")
    assert twice <= unknown <= UNSURE * kills
