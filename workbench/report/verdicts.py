"""Under the leaderboard: what variants were compared with, and what is not settled yet."""

from collections.abc import Iterator, Sequence

from workbench.report.compare import difference_text
from workbench.report.safe_text import shorten
from workbench.results.metrics import Comparison, VariantResult
from workbench.stats import UNCLEAR

MOST = 6  # lines about single comparisons


def verdict_lines(variants: Sequence[VariantResult]) -> list[str]:
    """How the verdicts of the table are meant; nothing where nothing was compared."""
    found = [
        (variant, name, one) for variant in variants for name, one in variant.comparisons.items()
    ]
    if not found:
        return []
    bases = list(dict.fromkeys(shorten(one.baseline, 60) for _, _, one in found))
    named = bases[0] if len(bases) == 1 else "the baseline that shares all else"
    margins = {name: f"{one.margin:.3g}" for _, name, one in found}
    lines = [
        f"verdicts: against {named}, on the same rows; a false one in 5% of runs at most, all "
        "variants of a metric together (Holm)",
        f"equivalent: within {', '.join(f'{name} {margin}' for name, margin in margins.items())} "
        "(`margin:` in the experiment file)",
    ]
    more = [line for variant, name, one in found for line in _open(variant, name, one)]
    lines += more[:MOST]
    if len(more) > MOST:
        lines.append(f"  and {len(more) - MOST} more: --json has all of them")
    return lines


def _open(variant: VariantResult, name: str, one: Comparison) -> Iterator[str]:
    """What is not settled, and what failed rows may hide."""
    who = f"  {shorten(variant.variant.name, 60)}, {shorten(name)}"
    if one.verdict.word == UNCLEAR and not one.difference.any_time:  # a race is over for it
        text = f"{who}: {difference_text(one.difference)}, not enough evidence"
        if one.verdict.rows_needed:
            text += f"; about {one.verdict.rows_needed:,} rows would settle it"
        if one.verdict.least is not None:
            text += f" ({one.difference.rows:,} show {one.verdict.least:.3g} or more)"
        yield text
    if one.worst:
        yield (
            f"{who}: {one.left_out:,} rows left out; with the worst score for what failed "
            f"{difference_text(one.worst)}"
        )
