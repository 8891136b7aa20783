"""A run that is killed at any moment loses no answer, and pays twice only for what it names."""

import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from billing import Till
from job import make_plan, write_project
from jobs import DONE, KILLED, Books, Forge, left_behind, read_books

from workbench.model import Request
from workbench.prompt import Renderer
from workbench.store import Store

KILLS = int(os.environ.get("WORKBENCH_KILLS", "40"))
ROWS = 40
CONCURRENCY = 8
# What is under way, and answers that were received and not yet durable: about as many again where
# the machine is busy, and now and then more. More on the average would be paid twice without need.
UNSURE = 3 * CONCURRENCY


@dataclass
class Trial:
    """One job, killed again and again until it ends by itself."""

    forge: Forge
    till: Till
    root: Path
    chance: random.Random
    kills: int = 0
    most_open: int = 0
    order: dict[str, bool] = field(default_factory=dict)
    requests: dict[str, Request] = field(default_factory=dict)
    books: Books = field(default_factory=lambda: Books({}, frozenset(), Counter(), 0))

    @property
    def folder(self) -> Path:
        return self.root / ".workbench"

    def prepare(self, renderer: Renderer) -> None:
        settings = f'base_url: "{self.till.url}", concurrency: {CONCURRENCY}, backoff_s: 0.01'
        write_project(self.root, f'"openai:m": {{{settings}}}', ROWS)
        self.folder.mkdir(parents=True)
        with Store(self.folder) as store:
            self.requests = dict(make_plan(self.root, store, renderer).bodies)

    def until_it_ends(self) -> None:
        """Kills at moments of the clock, and at moments after some more requests."""
        while True:
            before = len(self.till.server.requests)
            job = self.forge.start(self.root, **self.order)
            self.wait_for_moment(before)
            os.kill(job.pid, signal.SIGKILL)
            ended = job.wait()
            known = self.books
            self.books = read_books(self.folder)
            paid_again = self.till.billed(self.requests, since=before)
            assert {key for key in known.texts if paid_again[key]} == set()
            assert known.texts.items() <= self.books.texts.items()
            if ended == DONE:
                return
            assert ended == KILLED, job.error
            self.kills += self.counts(before)
            self.most_open = max(self.most_open, len(self.books.intents))

    def wait_for_moment(self, before: int) -> None:
        """Wait until the job is to be killed; it began after so many requests."""
        if self.chance.random() < 0.3:
            time.sleep(self.chance.uniform(0, 0.2))
        else:
            self._wait_for(before + self.chance.randrange(16))
            time.sleep(self.chance.uniform(0, 0.02))

    def counts(self, before: int) -> bool:
        """True if the last kill counts; `before` it so many requests had been made."""
        return before >= 0

    def _wait_for(self, requests: int) -> None:
        until = time.monotonic() + 0.5
        while len(self.till.server.requests) < requests and time.monotonic() < until:
            time.sleep(0.001)

    def check(self) -> None:
        """Check the store and the bill after the job ended by itself."""
        rows = sorted(f"row {n}" for n in range(ROWS))
        assert sorted(self.books.texts.values()) == rows
        assert self.books.texts.keys() == self.requests.keys()
        billed = self.till.billed(self.requests)
        assert min(billed.values()) >= 1
        assert sum(billed.values()) == len(self.till.server.requests)
        unnamed = {k: n for k, n in billed.items() if n - 1 > self.books.unknown[k]}
        assert unnamed == {}
        assert self.books.unknown.keys() <= self.requests.keys()
        assert (self.books.intents, self.books.owners) == (frozenset(), 0)
        assert left_behind(self.folder) == []


@pytest.mark.slow
@pytest.mark.timeout(60 + KILLS * 2)
def test_killed_at_any_moment_nothing_is_lost_and_nothing_is_paid_twice_unnamed(
    forge: Forge, till: Till, tmp_path: Path, renderer: Renderer
) -> None:
    kills = job = twice = unknown = most = 0
    while kills < KILLS:
        seed = random.randrange(2**32)
        trial = Trial(forge, till, tmp_path / str(job), random.Random(seed))
        till.server.requests.clear()
        print(f"seed {seed}", end=" ")  # shown when it fails
        trial.prepare(renderer)
        trial.until_it_ends()
        trial.check()
        kills, job = kills + trial.kills, job + 1
        twice += len(till.server.requests) - ROWS
        unknown += trial.books.unknown.total()
        most = max(most, trial.most_open)
        print(f"{kills} kills, {job} jobs, {unknown} unknown, {most} at once, {twice} paid twice")
    assert twice <= unknown <= UNSURE * kills
