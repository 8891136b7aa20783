"""The effects of factors, on a terminal, as Markdown, and as JSON.

exact_match, 150 rows of 4 variants
  prompt matters (p < 0.001)
    zero_shot  0.580 [0.500, 0.656]
    few_shot   0.780 [0.707, 0.839]  +0.200 [+0.112, +0.288]
  temperature doesn't matter: 0 and 0.7 differ by -0.004 [-0.020, +0.010],
  equivalent within 0.05
    0          0.682 [0.613, 0.744]
    0.7        0.678 [0.609, 0.740]  -0.004 [-0.020, +0.010]
  no evidence of an interaction: prompt × temperature (p = 0.640)
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from textwrap import wrap

from workbench.canonical import JSON
from workbench.comparing.factors import FactorComparison, MetricEffects
from workbench.comparing.value_table import EFFECT, FactorInteraction, MainEffect
from workbench.errors import pluralize
from workbench.report.estimates import estimate
from workbench.report.safe_text import escape_markdown, p_text, shorten
from workbench.report.tables import align_rows, markdown_table
from workbench.results.serialize import difference_json
from workbench.stats.agreement import ALPHA
from workbench.stats.pairs import Difference
from workbench.stats.verdicts import EQUIVALENT

WIDTH = 80  # of lines on a terminal
LEVEL_WIDTH = 26  # with a mean and a difference, a level's line is as wide as the terminal


def factor_lines(compared: FactorComparison) -> Iterator[str]:
    """The terminal's lines: a block per metric."""
    for effects in compared.metrics:
        yield from wrap(_title(effects, compared), WIDTH)
        for conclusion, cells in _parts(effects):
            yield from wrap(conclusion, WIDTH, initial_indent="  ", subsequent_indent="  ")
            if cells:
                yield from (f"  {line}" for line in align_rows(cells))
        yield ""
    for note in _notes(compared):
        yield from wrap(note, WIDTH)


def factor_markdown(compared: FactorComparison) -> str:
    """Markdown for a pull request or a step summary."""
    lines: list[str] = []
    for effects in compared.metrics:
        lines += [f"### {escape_markdown(_title(effects, compared))}", ""]
        for conclusion, cells in _parts(effects):
            lines += [escape_markdown(conclusion), ""]
            if cells:
                lines += [*markdown_table([("level", "mean", "difference"), *cells]), ""]
    return "\n".join([*lines, *map(escape_markdown, _notes(compared))])


def factors_json(compared: FactorComparison | None) -> JSON:
    """The factors with their effects on each metric; None if the comparison is not by factors."""
    if compared is None:
        return None
    return {
        "factors": [asdict(factor) for factor in compared.factors],
        "variants": compared.variants,
        "not_crossed": list(compared.not_crossed),
        "metrics": [
            {
                **{
                    name: getattr(effects, name)
                    for name in ("metric", "margin", "rows", "clusters", "left_out")
                },
                "not_applicable": effects.not_applicable,
                "failed": effects.failed,
                "worst_case_unknown": effects.worst_unknown,
                "main_effects": [_main_effect_json(effect) for effect in effects.main_effects],
                "interactions": [_interaction_json(test) for test in effects.interactions],
            }
            for effects in compared.metrics
        ],
    }


def _main_effect_json(effect: MainEffect) -> dict[str, JSON]:
    levels = effect.factor.levels
    differences = [None, *map(difference_json, effect.differences)]
    return {
        "factor": effect.factor.name,
        "outcome": effect.outcome,
        "p_adjusted": effect.p,
        "p_equivalence": effect.p_equivalence,
        "reason": effect.reason,
        "combinations": effect.combinations,
        "combinations_left_out": effect.left_out,
        "levels": [
            {"level": level, **asdict(mean), "from_first": difference}
            for level, mean, difference in zip(levels, effect.means, differences, strict=True)
        ],
        "largest": {
            "levels": [levels[number] for number in effect.pair],
            **difference_json(effect.difference),
        },
    }


def _interaction_json(test: FactorInteraction) -> dict[str, JSON]:
    return {
        "factors": [factor.name for factor in test.factors],
        "p_adjusted": test.p,
        "reason": test.reason,
        "combinations": test.combinations,
        "combinations_left_out": test.left_out,
        "deviations": [
            {
                "levels": list(deviation.levels),
                "mean": deviation.mean,
                "deviation": deviation.difference.mean,
                "low": deviation.difference.low,
                "high": deviation.difference.high,
            }
            for deviation in test.deviations
        ],
    }


def _title(effects: MetricEffects, compared: FactorComparison) -> str:
    clusters = f" ({pluralize(effects.clusters, 'cluster')})" * (effects.clusters < effects.rows)
    notes = [f"{pluralize(effects.left_out, 'row')} left out"] if effects.left_out else []
    notes += [f"{effects.not_applicable:,} not applicable"] if effects.not_applicable else []
    if effects.worst_unknown:
        notes.append("failed answers can't count as the worst score: the metric has no range")
    elif effects.failed:
        notes.append(f"{pluralize(effects.failed, 'failed answer')} with the worst score")
    rows = f"{pluralize(effects.rows, 'row')}{clusters} of {compared.variants} variants"
    return "; ".join([f"{shorten(effects.metric)}, {rows}", *notes])


def _parts(effects: MetricEffects) -> Iterator[tuple[str, Sequence[Sequence[str]]]]:
    """Each conclusion with its table: a level or cell, its mean, and its difference."""
    if not effects.main_effects:
        yield "no effect can be tested: two rows with a score of every variant are needed", ()
    for effect in effects.main_effects:
        differences = ["", *map(_difference, effect.differences)]
        rows = zip(effect.factor.levels, effect.means, differences, strict=True)
        yield (
            _main_text(effect, effects),
            [
                (shorten(level, LEVEL_WIDTH), estimate(mean.mean, mean), difference)
                for level, mean, difference in rows
            ],
        )
    for test in effects.interactions:
        if test.p <= ALPHA:
            yield _interaction_text(test), _deviation_rows(test)
    tests = [test for test in effects.interactions if test.p > ALPHA and not test.reason]
    if tests:
        names = ", ".join(f"{_pair_name(test)} ({p_text(test.p)})" for test in tests)
        yield f"no evidence of an interaction: {names}", ()
    for reason in dict.fromkeys(test.reason for test in effects.interactions if test.reason):
        names = ", ".join(_pair_name(t) for t in effects.interactions if t.reason == reason)
        yield f"no verdict on interactions ({names}): {reason}", ()


def _main_text(effect: MainEffect, effects: MetricEffects) -> str:
    name = shorten(effect.factor.name) + _share(effect.combinations, effect.left_out)
    if effect.reason:
        return f"{name}: no verdict; {effect.reason}"
    if effect.outcome == EFFECT:
        return f"{name} matters ({p_text(effect.p)})"
    pair = " and ".join(shorten(effect.factor.levels[n], LEVEL_WIDTH) for n in effect.pair)
    count = len(effect.factor.levels)
    widest = f"{pair} differ {'most, ' if count > 2 else ''}by {_difference(effect.difference)}"
    if effect.outcome == EQUIVALENT:
        tests = [test for test in effects.interactions if effect.factor in test.factors]
        average = " on average" if any(test.p <= ALPHA for test in tests) else ""
        return f"{name} doesn't matter{average}: {widest}, equivalent within {effects.margin:.3g}"
    alone = effect.difference.p <= ALPHA  # the interval is not adjusted
    family = " with all effects, Holm; the interval is of this pair alone" if alone else ""
    return f"{name}: not enough evidence ({p_text(effect.p)}{family}); {widest}"


def _interaction_text(test: FactorInteraction) -> str:
    first, second = (shorten(factor.name) for factor in test.factors)
    return (
        f"{_pair_name(test)}: the effect of {first} depends on {second} ({p_text(test.p)}); "
        "farthest from the sum of both effects:"
    )


def _pair_name(test: FactorInteraction) -> str:
    names = " × ".join(shorten(factor.name) for factor in test.factors)
    return names + _share(test.combinations, test.left_out)


def _share(combinations: int, left_out: int) -> str:
    """The combinations of the other factors, where some lack a level."""
    return f" (over {combinations} of {combinations + left_out} combinations)" if left_out else ""


def _deviation_rows(test: FactorInteraction) -> Sequence[Sequence[str]]:
    return [
        (
            " · ".join(shorten(level, LEVEL_WIDTH) for level in deviation.levels),
            f"{deviation.mean:.3f}",
            _difference(deviation.difference),
        )
        for deviation in test.deviations
    ]


def _difference(difference: Difference) -> str:
    if difference.median:  # the table would be too wide for a terminal
        return f"{difference.mean:+.3f}"
    return estimate(difference.mean, difference, "+")


def _notes(compared: FactorComparison) -> Iterator[str]:
    for name in compared.not_crossed:
        yield f"{shorten(name)}: not tested; not all of its combinations are among the variants"
    if compared.times:
        names = ", ".join(map(shorten, compared.times))
        yield f"{names}: times are compared in pairs only; leave out --factors"
