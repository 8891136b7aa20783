"""Labels of a data set's rows by several people, made of the numbers that they gave.

1	2.266666667	1.06249	[3, 0, -2]        a line of the source: id, mean, deviation, ratings

id,person,label,rating                    the file beside the rows; empty: the middle of the scale
1,rater-01,positive,3
1,rater-02,,0
1,rater-03,negative,-2
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

COLUMNS = ("id", "person", "label", "rating")
Ratings = Mapping[str, Sequence[int]]  # of each row by its id, in the order of the source


@dataclass(frozen=True)
class RaterFile:
    """The ratings of a data set, in a file of its package.

    Attributes:
        member: the file in the package, see `workbench.catalog.package`.
        member_sha256: of that file; any other is refused.
        sha256: of the file with the labels.
        choices: the label of a rating below 0, and above; 0 is no label.
        read: reads the packaged file.
    """

    about: str
    member: str
    member_sha256: str
    sha256: str
    choices: tuple[str, str]
    read: Callable[[Path], Ratings]

    def labels(self, file: Path, ids: Iterable[str]) -> str:
        """The CSV text with the labels of these rows, in their order."""
        ratings, lines = self.read(file), io.StringIO(newline="")
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(COLUMNS)
        below, above = self.choices
        for row in ids:
            for number, rating in enumerate(ratings[row], 1):
                label = above if rating > 0 else below if rating < 0 else ""
                writer.writerow((row, f"rater-{number:02}", label, rating))
        return lines.getvalue()


def read_movie_ratings(file: Path) -> dict[str, list[int]]:
    """Ratings from -4 to 4 of each snippet, by 15 to 29 people."""
    lines = file.read_text(encoding="utf-8").splitlines()
    fields = (line.split("\t") for line in lines)
    return {identity: json.loads(ratings) for identity, _, _, ratings in fields}
