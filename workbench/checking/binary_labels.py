"""Metrics of MLflow that score one label, whose label no row expects.

f1_score, recall_score: no row expects '1', the default of `pos_label`
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from workbench.canonical import JSON
from workbench.checking.finding import Finding
from workbench.dataset import EXPECTED
from workbench.evaluator import Evaluator
from workbench.evaluator.readings import BINARY, PREFIX, UnreadError, read_label

_LISTED = 5  # labels in a message
_AVERAGE = "`average: macro`, micro or weighted"


def binary_findings(
    rows: Iterable[Mapping[str, JSON]], evaluators: Iterable[Evaluator]
) -> Iterator[Finding]:
    """Findings in the expectations of these rows, evaluators with the same one together."""
    labels = sorted(_labels(rows))
    names: dict[tuple[str, str], list[str]] = {}
    for evaluator in evaluators:
        spec = evaluator.spec
        if spec is None or spec.name.removeprefix(PREFIX) not in BINARY:
            continue
        if spec.name.startswith(PREFIX) and spec.settings.get("average", "binary") == "binary":
            problem = _problem(labels, spec.settings.get("pos_label"))
            names.setdefault(problem, []).append(evaluator.name)
    for (message, fix), metrics in names.items():
        if message:
            yield Finding(f"{', '.join(metrics)}: {message}", fix=fix, refused=len(labels) > 1)


def _problem(labels: Sequence[str], setting: JSON) -> tuple[str, str]:
    """The message and its fix; empty if there is no problem."""
    positive = read_label(1 if setting is None else setting, "pos_label")
    listed = ", ".join(map(repr, labels[:_LISTED])) + (", …" if len(labels) > _LISTED else "")
    if labels and positive not in labels:
        kind = "the default of `pos_label`" if setting is None else "the `pos_label`"
        return f"no row expects {positive!r}, {kind}", f"set it to one of {listed}; or {_AVERAGE}"
    if len(labels) > 2:
        return f"the rows expect {len(labels)} labels ({listed}), and it scores two", _AVERAGE
    return "", ""


def _labels(rows: Iterable[Mapping[str, JSON]]) -> set[str]:
    """The distinct labels that the metrics can read."""
    labels: set[str] = set()
    for row in rows:
        with suppress(UnreadError):
            labels.add(read_label(row.get(EXPECTED), ""))
    return labels
