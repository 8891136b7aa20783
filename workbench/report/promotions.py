"""The ledger of a task as text and JSON, and each move in words.

sentiment · production
  when              by   move      from         to           verdict             gate
  2026-11-29 14:02  ada  promote   nothing      1 zero_shot  the first           passed
* 2026-11-29 15:10  bob  promote   1 zero_shot  2 few_shot   label_match better  passed
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from workbench.canonical import JSON
from workbench.errors import pluralize
from workbench.releasing.ledger import ABANDONED, CLAIMED, DONE, PROMOTE, REFUSED, Move, utc
from workbench.releasing.registered_models import ReleaseNames
from workbench.report.safe_text import escape_markdown, plain, shorten
from workbench.report.tables import align_rows

NAME_WIDTH = 60  # characters
HEADER = ("when", "by", "move", "from", "to", "verdict", "gate")


def rollback_markdown(move: Move) -> str:
    """The description of a rollback."""
    lines = [f"Rolled back by {escape_markdown(move.person)}: {escape_markdown(move.title)}"]
    return "\n\n".join([*lines, *([escape_markdown(move.note)] if move.note else [])])


def moved_lines(move: Move, names: ReleaseNames) -> Iterator[str]:
    """The result of a move that was made."""
    verb = "promoted" if move.kind == PROMOTE else "rolled back"
    by_force = " by force" if move.forced else ""
    yield plain(f"{verb}{by_force}: {move.alias} of {names.task} is {_to(move)}, was {_from(move)}")
    yield f"models:/{names.model}@{move.alias}, in the ledger as run {move.run_id}"


def moved_json(move: Move, names: ReleaseNames) -> dict[str, JSON]:
    """A move as JSON."""
    return {"task": names.task, "model": names.model, **move_json(move)}


def promotion_lines(
    moves: Sequence[Move], current: dict[str, str], names: ReleaseNames
) -> Iterator[str]:
    """Every move by alias, oldest first; `current`: the version that each alias names."""
    aliases = dict.fromkeys([*(move.alias for move in moves), *current])
    if not aliases:
        yield f"{names.task}: nothing was promoted yet"
    for number, alias in enumerate(aliases):
        yield from [""] if number else []
        done = [move for move in moves if move.alias == alias and move.state == DONE]
        yield plain(f"{names.task} · {alias}")
        if done:
            header, *lines = align_rows([HEADER, *map(_cells, done)])
            yield header
            for move, line in zip(done, lines, strict=True):
                is_current = move is done[-1] and move.after == current.get(alias, "")
                yield plain("*" + line[1:] if is_current else line)
                yield from (plain(f"    {note}") for note in _notes(move))
        yield from map(plain, _state_lines(moves, alias, current.get(alias, "")))


def _cells(move: Move) -> Sequence[str]:
    when = f"{move.when.astimezone():%Y-%m-%d %H:%M}"
    texts = (when, move.person, move.kind, _from(move), _to(move), move.verdict, move.gate)
    return [shorten(text, NAME_WIDTH) for text in texts]


def _from(move: Move) -> str:
    return f"{move.before} {move.replaced}".strip() or "nothing"


def _to(move: Move) -> str:
    return f"{move.after} {move.variant}".strip()


def _notes(move: Move) -> Iterator[str]:
    if move.forced:
        yield f"forced: {shorten(move.forced, 200)}"
    if move.note:
        yield shorten(move.note, 200)
    if move.problem:
        yield shorten(move.problem, 200)


def _state_lines(moves: Sequence[Move], alias: str, current: str) -> Iterator[str]:
    """Open claims, a difference of ledger and alias, and the attempts that came to nothing."""
    moves = [move for move in moves if move.alias == alias]
    done = [move for move in moves if move.state == DONE]
    last = done[-1].after if done else ""
    for move in moves:
        if move.state == CLAIMED:
            since = f"{move.person} since {utc(move.when)}"
            yield f"  being moved by {since}; if that process was ended, the next move settles it"
    if last != current and not any(move.state == CLAIMED for move in moves):
        yield f"  {hand_moved_text(alias, last, current)}"
    counts = {state: sum(move.state == state for move in moves) for state in (REFUSED, ABANDONED)}
    if texts := [f"{pluralize(n, 'attempt')} {state}" for state, n in counts.items() if n]:
        yield f"  {', '.join(texts)}: see --json"


def hand_moved_text(alias: str, last: str, current: str) -> str:
    """The note on an alias that someone moved without Workbench."""
    is_now = f"names version {current}" if current else "names nothing"
    was = f"version {last}" if last else "nothing"
    return f"{alias!r} was moved by hand in MLflow: it {is_now}, and the ledger says {was}"


def move_json(move: Move) -> dict[str, JSON]:
    """A move of the ledger as JSON; `time` in UTC."""
    fields: dict[str, JSON] = asdict(move)
    for name in ("key", "started_ms"):
        del fields[name]
    return {"time": move.when.isoformat(timespec="seconds"), **fields}


def promotions_json(
    moves: Sequence[Move], current: dict[str, str], names: ReleaseNames
) -> dict[str, JSON]:
    """Every move in every state, and what each alias names now."""
    return {
        "task": names.task,
        "model": names.model,
        "current": dict(current),
        "moves": [move_json(move) for move in moves],
    }
