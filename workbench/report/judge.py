"""A judge's calibration on a terminal, as Markdown and as JSON.

rubric: workbench/rubric on openai:judge, against 3 people, 150 answers
  agreement    0.87 [0.81, 0.92]  150
  kappa        0.71 [0.58, 0.82]  150
  sensitivity  0.92 [0.84, 0.96]   83
"""

from collections.abc import Iterator
from dataclasses import asdict

from workbench.calibration.calibration import Calibration
from workbench.canonical import JSON
from workbench.errors import cost_text, pluralize
from workbench.judges.judge import Judge
from workbench.judges.judge_record import JudgeRecord
from workbench.report.safe_text import plain, shorten
from workbench.report.tables import align_rows, markdown_table
from workbench.stats.judge_error import MIN_LABELS
from workbench.stats.rater_agreement import Agreement, Rate

HEADER = ("figure", "value", "n")
NO_KAPPA = "none: both always say the same"


def calibration_lines(judge: Judge, calibration: Calibration, currency: str) -> Iterator[str]:
    """The terminal's lines: the figures, then what follows from them."""
    yield title(judge, calibration)
    yield from align_rows([HEADER, *figure_rows(judge, calibration, currency)])
    yield from map(plain, conclusions(judge, calibration))


def calibration_markdown(judge: Judge, calibration: Calibration, currency: str) -> str:
    """The same as Markdown."""
    table = markdown_table([HEADER, *figure_rows(judge, calibration, currency)])
    notes = [f"- {line}" for line in conclusions(judge, calibration)]
    return "\n".join([title(judge, calibration), "", *table, "", *notes])


def title(judge: Judge, calibration: Calibration) -> str:
    """The judge, and who it is held against."""
    models = ", ".join(model.model.ref for model in judge.models)
    persons = pluralize(len(calibration.persons), "person", "people")
    answers = pluralize(calibration.answers, "answer")
    return plain(f"{judge.name}: {judge.prompt_name} on {models}, against {persons}, {answers}")


def figure_rows(
    judge: Judge, calibration: Calibration, currency: str
) -> Iterator[tuple[str, str, str]]:
    """The figures with their intervals and numbers of answers."""
    if calibration.total:
        yield from _agreement_rows("", calibration.total)
    if not judge.pairwise:
        yield from _rate_row("sensitivity (of those people pass)", calibration.sensitivity)
        yield from _rate_row("specificity (of those people fail)", calibration.specificity)
    if calibration.total:
        for label, rate in calibration.total.by_class.items():
            yield from _rate_row(f"agrees on {shorten(label, 40)!r}", rate)
    if len(calibration.by_variant) > 1:
        for name, agreement in calibration.by_variant.items():
            yield from _agreement_rows(f" on {shorten(name, 40)}", agreement)
    yield from _rate_row("people agree, two by two", calibration.people)
    if calibration.people_kappa is not None:
        yield "kappa of two people", f"{calibration.people_kappa:.2f}", ""
    yield from _rate_row("models of the panel agree, two by two", calibration.panel)
    yield from _rate_row("chooses the first of two", calibration.first)
    yield from _rate_row("the order decides", calibration.order_decided)
    yield from _rate_row("contradicts itself", calibration.contradicts)
    if calibration.length is not None:
        yield "rank correlation with length", f"{calibration.length:+.2f}", ""
    if calibration.cost_of_1000 is not None:
        yield f"{currency} for 1,000 verdicts", cost_text(calibration.cost_of_1000), ""


def _agreement_rows(place: str, agreement: Agreement) -> Iterator[tuple[str, str, str]]:
    yield from _rate_row(f"agreement{place}", agreement.share)
    if agreement.kappa:
        yield from _rate_row(f"kappa{place}", agreement.kappa)
    else:
        yield f"kappa{place}", NO_KAPPA, ""


def _rate_row(name: str, rate: Rate | None) -> Iterator[tuple[str, str, str]]:
    if rate:
        yield name, f"{rate.value:.2f} [{rate.low:.2f}, {rate.high:.2f}]", f"{rate.n:,}"


def conclusions(judge: Judge, calibration: Calibration) -> Iterator[str]:
    """The conclusions from the figures, in sentences."""
    if calibration.ties:
        yield f"{pluralize(calibration.ties, 'answer')} left out: people tie"
    if calibration.unparsed:
        yield f"{pluralize(calibration.unparsed, 'answer')} left out: the verdict is unparsed"
    kappa = calibration.total.kappa if calibration.total else None
    if calibration.total and (kappa is None or kappa.low <= 0):
        yield "this judge is not shown to be better than chance"
    if calibration.answers < MIN_LABELS:
        yield (f"fewer than {MIN_LABELS} labels: the intervals are wide, and no score is corrected")
    if judge.doubt:
        yield f"{judge.doubt}: its metric decides nothing"
    yield from _uneven_variants(calibration)


def _uneven_variants(calibration: Calibration) -> Iterator[str]:
    """A warning where the judge errs more on one variant than on another."""
    shares = {name: agreement.share for name, agreement in calibration.by_variant.items()}
    if len(shares) < 2:
        return
    least = min(shares, key=lambda name: shares[name].value)
    most = max(shares, key=lambda name: shares[name].value)
    if shares[least].high < shares[most].low:
        yield (
            f"it agrees with people less on {least} than on {most}, so a difference between them "
            "may be the judge's error: trust only the corrected one"
        )


def calibration_json(
    judge: Judge, calibration: Calibration, record: JudgeRecord | None
) -> dict[str, JSON]:
    """The calibration as one object."""
    return {
        "judge": judge.name,
        "prompt": judge.prompt_name,
        "models": [model.model.ref for model in judge.models],
        "min_kappa": judge.min_kappa,
        "at": record.at if record else None,
        **asdict(calibration),
        "conclusions": [*conclusions(judge, calibration)],
    }
