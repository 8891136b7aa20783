"""Rows of several turns: a conversation whose turns are answered one after another.

    {"id": "r1", "name": "Ann", "turns": [{"question": "Hi."}, {"question": "It is 123."}]}

becomes `r1/1` and `r1/2`. Both have `name`, and each has its question.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import cycle
from typing import NamedTuple

from workbench.canonical import JSON
from workbench.dataset.types import SPLIT, TURNS, DatasetSource
from workbench.dataset.variables import Combination, expand
from workbench.errors import WorkbenchError

Values = Mapping[str, JSON]

MERGED = ("inputs", "expectations", "metadata")  # parts that a row and its turns share
EXAMPLE = '"turns": [{"question": "Hi."}, {"question": "It is 123."}]'
OTHER_COLUMN = f"a column {TURNS!r} of another kind needs another name, or `drop: [{TURNS}]`"


class Origin(NamedTuple):
    """The place that a row has in the source.

    Attributes:
        combination: of variables.
        turn: its number from 1; 0: the row is no part of a conversation.
        turns: all turns of its row.
    """

    combination: Combination
    turn: int = 0
    turns: Sequence[JSON] = ()


def expand_rows(
    rows: Iterable[tuple[int, Values]],
    combined: list[Combination],
    source: DatasetSource,
    *,
    ids: Sequence[str],
    origins: deque[Origin],
) -> Iterator[tuple[int, Values]]:
    """Each row with each combination of variables, and of those each turn.

    Args:
        rows: with their numbers.
        combined: the combinations.
        source: of the rows, for messages.
        ids: the columns of ids, which a turn can't have.
        origins: gets the place of each row that is returned.

    Raises:
        WorkbenchError: `turns` is no list of objects, or a turn and its row have the same column.
    """
    for (number, values), combination in zip(
        expand(rows, combined, source), cycle(combined), strict=False
    ):
        if TURNS not in values:
            origins.append(Origin(combination))
            yield number, values
            continue
        shared = {name: value for name, value in values.items() if name != TURNS}
        turns = _checked(values[TURNS], source.location(number))
        for turn, columns in enumerate(turns, 1):
            origins.append(Origin(combination, turn, turns))
            where = source.location(number)
            yield number, _merged(shared, columns, (*ids, SPLIT, TURNS), f"turn {turn}", where)


def _checked(turns: JSON, where: str) -> list[dict[str, JSON]]:
    """The turns of a row, all of which are objects."""
    if not isinstance(turns, list) or not turns:
        problem = "an empty list" if turns == [] else f"{turns!r:.60}, not a list"
        fix = f"write an object for each turn of the user: {EXAMPLE}; {OTHER_COLUMN}"
        raise WorkbenchError(f"`{TURNS}` is {problem}", where=where, fix=fix)
    for number, turn in enumerate(turns, 1):
        if not isinstance(turn, dict) or not turn:
            problem = "is empty" if turn == {} else f"is {turn!r:.60}, not an object"
            fix = f"write an object with the columns of the turn: {EXAMPLE}; {OTHER_COLUMN}"
            raise WorkbenchError(f"turn {number} {problem}", where=where, fix=fix)
    return turns


def _merged(
    shared: Values, turn: Values, reserved: Sequence[str], name: str, where: str
) -> dict[str, JSON]:
    """The columns of a row and of one of its turns; `name`: of the turn, for messages."""
    merged = dict(shared)
    for column, value in turn.items():
        if column in reserved:
            fix = "give it to the row; the turns of row r1 are r1/1, r1/2, …"
            raise WorkbenchError(f"{name} has a column {column!r}", where=where, fix=fix)
        part = shared.get(column)
        if column in MERGED and isinstance(part, Mapping) and isinstance(value, Mapping):
            merged[column] = _merged(part, value, (), f"`{column}` of {name}", where)
        elif column in shared:
            fix = f"keep it in the row, which gives it to all turns, or in each turn: {EXAMPLE}"
            message = f"{name} has the column {column!r}, and so has the row"
            raise WorkbenchError(message, where=where, fix=fix)
        else:
            merged[column] = value
    return merged
