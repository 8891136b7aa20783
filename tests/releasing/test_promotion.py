"""Moves of an alias in a real MLflow store: their order, kills, and two people at once."""

import threading
import time
from dataclasses import replace

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED
from team import Team

from workbench.errors import WorkbenchError
from workbench.releasing.ledger import (
    ABANDONED,
    DONE,
    PROMOTE,
    REFUSED,
    Move,
    MoveRefusedError,
)


class Died(BaseException):
    """The end of a process: it calls nothing more."""


class DyingClient:
    """MLflow's client of a process that dies before or after one of its calls.

    Attributes:
        calls: the methods that were called.
    """

    def __init__(self, client: object, death: int | str, *, after: bool) -> None:
        """`death`: number of the last call, or its method; it is made if `after`."""
        self._client, self._death, self._after = client, death, after
        self._dead, self.calls = False, list[str]()

    def __getattr__(self, name: str) -> object:
        value = getattr(self._client, name)
        if not callable(value) or name == "storable_tag":
            return value

        def call(*arguments: object, **named: object) -> object:
            self.calls.append(name)
            is_last = self._death in (name, len(self.calls))
            self._dead = self._dead or (is_last and not self._after)
            if self._dead:
                raise Died
            try:
                return value(*arguments, **named)
            finally:
                self._dead = is_last
                if self._dead:
                    raise Died

        return call


class RefusingClient:
    """A client whose server refuses one method."""

    def __init__(self, client: object, method: str) -> None:
        self._client, self._method = client, method

    def __getattr__(self, name: str) -> object:
        if name == self._method:
            raise MlflowException("Permission denied.", PERMISSION_DENIED)
        return getattr(self._client, name)


def test_a_rollback_walks_back_and_a_promotion_goes_on_from_there(team: Team) -> None:
    titles = [team.promote("plain").title, team.promote("loud").title]
    assert team.state() == ("loud", [f"{team.task}.loud"])
    titles += [team.promote("plain").title, team.rollback().title, team.rollback().title]
    assert team.state() == ("plain", [f"{team.task}.plain"])
    with pytest.raises(WorkbenchError, match="can't be rolled back: version 1 is the first"):
        team.rollback()
    titles += [team.promote("loud").title, team.rollback().title]
    assert titles == [
        "nothing → 1 plain",
        "1 plain → 2 loud",
        "2 loud → 3 plain",
        "3 plain → 2 loud",
        "2 loud → 1 plain",
        "1 plain → 4 loud",
        "4 loud → 1 plain",
    ]


def test_what_someone_moved_by_hand_is_what_counts(team: Team) -> None:
    for variant in ("plain", "loud", "plain"):
        team.promote(variant)
    team.model.move_alias("production", "1")
    back = team.rollback()
    assert (back.before, back.after) == ("1", "3")
    team.store.client.delete_registered_model_alias(team.names.model, "production")
    assert team.rollback().title == "nothing → 3 plain"


def test_a_version_that_was_deleted_is_no_way_back(team: Team) -> None:
    team.promote("plain")
    team.promote("loud")
    team.model.delete("1")
    with pytest.raises(WorkbenchError, match="which 'production' named before, was deleted"):
        team.rollback()
    assert team.state() == ("loud", [f"{team.task}.loud"])


def test_a_kill_is_settled_by_the_next_move(team: Team) -> None:
    """Before the alias is moved nothing has changed; after it the move is completed."""
    team.promote("plain")
    team.promote("loud")
    alias = "set_registered_model_alias"
    deaths = {
        ("promote", "log_dict", True): ABANDONED,
        ("promote", alias, False): ABANDONED,
        ("promote", alias, True): DONE,
        ("rollback", alias, True): DONE,
    }
    for (kind, method, after), outcome in deaths.items():
        client = DyingClient(team.store.client, method, after=after)
        assert killed_and_settled(team, kind, client) == outcome


@pytest.mark.nightly
@pytest.mark.parametrize("kind", ["promote", "rollback"])
def test_a_kill_at_any_call_is_settled_by_the_next_move(team: Team, kind: str) -> None:
    team.promote("plain")
    team.promote("loud")
    number, outcomes = 1, list[str]()
    while outcomes[-1:] != ["alive"]:
        for after in (False, True):
            client = DyingClient(team.store.client, number, after=after)
            outcomes.append(killed_and_settled(team, kind, client))
        number += 1
    assert set(outcomes) == {"nothing", ABANDONED, DONE, "alive"}


def killed_and_settled(team: Team, kind: str, client: DyingClient) -> str:
    """The state of a move whose process was killed, after someone else's move.

    `alive` if it was not killed, `nothing` if it left nothing in the ledger.
    """
    before, moves = team.state(), len(team.promoter().ledger.moves("production"))
    promoter = team.promoter(replace(team.store, client=client))
    try:
        if kind == "promote":
            team.promote("plain" if before[0] == "loud" else "loud", "bob", promoter)
        else:
            team.rollback("bob", promoter)
        return "alive"
    except Died:
        moved = team.state()[0] != before[0]
    team.promote("loud" if team.state()[0] == "plain" else "plain")
    now = team.promoter().ledger.moves("production")
    variant, prompts = team.state()
    assert prompts == [f"{team.task}.{variant}"]
    done = {move.after for move in now if move.kind == PROMOTE and move.state == DONE}
    registered = team.store.client.search_model_versions(f"name = '{team.names.model}'")
    assert {str(version.version) for version in registered} == done
    if len(now) == moves + 1:
        return "nothing"
    assert (now[moves].state == DONE) == moved
    return now[moves].state


def test_of_several_people_at_once_exactly_one_moves_the_alias(team: Team) -> None:
    team.promote("plain")
    for _ in range(2):
        outcomes = promote_together(team, ["bob", "eve", "kim"])
        assert sorted(outcomes) == ["exit code 7", "exit code 7", "moved"]
    moves = team.promoter().ledger.moves("production")
    assert [move.state for move in moves].count(DONE) == 3
    assert {move.state for move in moves} == {DONE, REFUSED}


def promote_together(team: Team, people: list[str]) -> list[str]:
    """The outcome of each person, all of whom saw the same version in production."""
    barrier, outcomes = threading.Barrier(len(people)), list[str]()
    candidates = [team.candidate("loud") for _ in people]
    replaced = team.model.in_place("production")

    def act(person: str, number: int) -> None:
        move = Move(PROMOTE, "production", person, variant="loud", prompt=f"{team.task}.loud/1")
        promoter = team.promoter()
        barrier.wait(60)
        try:
            promoter.promote(
                candidates[number], replace(move, evaluation=team.run_id), replaced=replaced
            )
            outcomes.append("moved")
        except MoveRefusedError as error:
            outcomes.append(f"exit code {int(error.exit_code)}")

    threads = [threading.Thread(target=act, args=(p, n)) for n, p in enumerate(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return outcomes


def test_a_claim_from_elsewhere_is_waited_for_until_it_is_old(team: Team) -> None:
    """Nobody here can see if its process lives."""
    team.promote("plain")
    ledger = team.promoter().ledger
    claim = Move(PROMOTE, "production", "eve", before="1", key="elsewhere")
    young = ledger._create(claim)
    with pytest.raises(MoveRefusedError, match="eve has been moving 'production' since"):
        team.promote("loud")
    ledger.end(replace(young, state=REFUSED))
    start = int(time.time() * 1000) - 700_000
    experiment = team.store.find_experiment(team.names.ledger, {})
    old = team.store.client.create_run(experiment, start, claim.tags(), run_name="old")
    team.promote("loud")
    assert ledger.read(old.info.run_id).state == ABANDONED


def test_a_refusal_of_the_server_changes_nothing(team: Team) -> None:
    for method in ("log_dict", "create_model_version", "set_registered_model_alias"):
        client = RefusingClient(team.store.client, method)
        promoter = team.promoter(replace(team.store, client=client))
        with pytest.raises(WorkbenchError, match=r"Permission denied") as caught:
            team.promote("loud", "bob", promoter)
        assert f"permission EDIT on the registered model '{team.names.model}'" in caught.value.fix
        assert team.state() == ("", [])
        assert team.promoter().ledger.moves()[-1].state == REFUSED


def test_a_prompt_that_may_not_be_moved_is_named_and_the_rest_is_done(team: Team) -> None:
    client = RefusingClient(team.store.client, "set_prompt_alias")
    promoter = team.promoter(replace(team.store, client=client))
    move = team.promote("plain", "bob", promoter)
    assert (move.state, move.after) == (DONE, "1")
    problem = f"the alias 'production' of the prompt '{team.task}.plain' is not moved: Permission"
    assert move.problem.startswith(problem)
    assert team.promote("plain").problem == ""
    assert team.state() == ("plain", [f"{team.task}.plain"])
