"""Agreement among people on a terminal and as JSON.

3 people, 60 answers, 50 of them with several labels
  figure                         value              n
  raw agreement                  0.78 [0.70, 0.85]  50
  Fleiss' kappa                  not defined
  Krippendorff's alpha, nominal  0.45 [0.28, 0.62]  50
  not defined (Fleiss' kappa): rows have 2 to 3 labels, and it takes the same number on each
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from workbench.canonical import JSON
from workbench.errors import pluralize
from workbench.report.safe_text import NAME_WIDTH, shorten
from workbench.report.tables import align_rows
from workbench.review.people_agreement import (
    DisputedAnswer,
    PairAgreement,
    PeopleAgreement,
    Statistic,
)
from workbench.review.verdict_agreement import VerdictAgreement
from workbench.stats.inter_rater import Undefined

HEADER = ("figure", "value", "n")
SHOWN = 10  # pairs and answers; --json has all
LABEL_WIDTH = 30


def agreement_lines(
    agreement: PeopleAgreement, verdicts: Sequence[VerdictAgreement]
) -> Iterator[str]:
    """The figures, who agree least, the answers to talk about, and people beside verdicts."""
    people = pluralize(len(agreement.labels), "person", "people")
    answers = pluralize(agreement.answers, "answer")
    yield f"{people}, {answers}, {agreement.shared:,} of them with several labels"
    figures = _figures(agreement)
    yield from align_rows([HEADER, *(_figure_row(*figure) for figure in figures.items())])
    reasons: dict[str, list[str]] = {}
    for name, statistic in figures.items():
        if isinstance(statistic, Undefined):
            reasons.setdefault(statistic.reason, []).append(name)
    for reason, names in reasons.items():
        of_names = f" ({'; '.join(names)})" if len(names) < len(figures) else ""
        yield f"  not defined{of_names}: {shorten(reason, NAME_WIDTH)}"
    if len(agreement.pairs) > 1:
        yield from ("", "who agree least")
        header = ("", "", "agreement", "kappa", "answers")
        yield from align_rows([header, *map(_pair_row, agreement.pairs[:SHOWN])])
        yield from _more(len(agreement.pairs))
    if agreement.disputed:
        yield from ("", "to talk about")
        captions = ("row", "variant", "labels")
        yield from align_rows([captions, *map(_disputed_row, agreement.disputed[:SHOWN])])
        yield from _more(len(agreement.disputed))
    if verdicts:
        yield from ("", "beside most people")
        columns = ("metric", "", "agreement", "kappa", "answers")
        yield from align_rows([columns, *(_verdict_row(each) for each in verdicts if each.answers)])
        for verdict in verdicts:
            if verdict.problem:
                yield f"  {shorten(verdict.metric, NAME_WIDTH)}: not compared, {verdict.problem}"


def agreement_json(
    agreement: PeopleAgreement, verdicts: Sequence[VerdictAgreement]
) -> dict[str, JSON]:
    """The same as one object, with all pairs and answers."""
    return {**asdict(agreement), "verdicts": [asdict(verdict) for verdict in verdicts]}


def _figures(agreement: PeopleAgreement) -> dict[str, Statistic]:
    kappa = "Cohen's kappa" if len(agreement.labels) == 2 else "Fleiss' kappa"
    alphas = {f"Krippendorff's alpha, {level}": each for level, each in agreement.alpha.items()}
    return {"raw agreement": agreement.raw, kappa: agreement.kappa, **alphas}


def _figure_row(name: str, statistic: Statistic) -> tuple[str, str, str]:
    count = "" if isinstance(statistic, Undefined) else f"{statistic.n:,}"
    return name, statistic_text(statistic), count


def statistic_text(statistic: Statistic | None) -> str:
    """The value with its interval; empty: it wasn't computed."""
    if statistic is None:
        return ""
    if isinstance(statistic, Undefined):
        return "not defined"
    return f"{statistic.value:.2f} [{statistic.low:.2f}, {statistic.high:.2f}]"


def _pair_row(pair: PairAgreement) -> tuple[str, ...]:
    names = shorten(pair.first, LABEL_WIDTH), shorten(pair.second, LABEL_WIDTH)
    return *names, statistic_text(pair.share), statistic_text(pair.kappa), f"{pair.rows:,}"


def _disputed_row(answer: DisputedAnswer) -> tuple[str, ...]:
    labels = "; ".join(
        f"{shorten(label, LABEL_WIDTH)}: {_names(people)}"
        for label, people in answer.labels.items()
    )
    return shorten(answer.row, LABEL_WIDTH), shorten(answer.variant, LABEL_WIDTH), labels


def _names(people: Sequence[str]) -> str:
    """The first names, or how many there are."""
    if len(people) > 3:
        return f"{len(people):,} people"
    return ", ".join(shorten(person, LABEL_WIDTH) for person in people)


def _verdict_row(verdict: VerdictAgreement) -> tuple[str, ...]:
    kind = "judge" if verdict.by_judge else "evaluator"
    kappa = statistic_text(verdict.kappa)
    share = statistic_text(verdict.share)
    if verdict.correlation is not None:
        share = f"rank correlation {verdict.correlation:+.2f}"
    return shorten(verdict.metric, LABEL_WIDTH), kind, share, kappa, f"{verdict.answers:,}"


def _more(count: int) -> Iterator[str]:
    if count > SHOWN:
        yield f"  and {count - SHOWN:,} more: --json"
