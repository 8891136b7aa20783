"""Prompts that a server seems to have cut off, by the input tokens that it reports.

    openai:m: 37 answers report 4,096 input tokens, for prompts of up to 41,200 bytes: …

Some servers cut a prompt at their context (Ollama at 4,096 tokens) and answer what is left.
"""

from collections.abc import Iterator, Sequence

from workbench.images.request_images import count_images
from workbench.plan import Plan
from workbench.results.tally import Tally

MIN_ROWS = 3  # that report the same number
MIN_LIMIT = 512  # tokens; short prompts often have equal numbers
BYTES_PER_TOKEN = 5.0  # of a body, where no other row shows it
EXCESS = 1.4  # a cut prompt has so many times more bytes per token


def cut_input_notes(plan: Plan, tallies: Sequence[Tally]) -> Iterator[str]:
    """Yield a note for each variant with prompts that were probably cut off."""
    for variant, cells, tally in zip(plan.variants, plan.cells, tallies, strict=True):
        counts = dict(tally.input_tokens())
        if any(count_images(plan.bodies[cells[number].key].text) for number in counts):
            continue  # the tokens of an image are not known
        sizes = {cells[number].key: plan.bodies[cells[number].key].size for number in counts}
        tokens = {cells[number].key: count for number, count in counts.items()}
        if cut := cut_sizes(list(tokens.values()), [sizes[key] for key in tokens]):
            yield (
                f"{variant.name}: {len(cut)} answers report {max(tokens.values()):,} input tokens, "
                f"for prompts of up to {max(cut):,} bytes: the server probably cuts them off; "
                "raise its context (Ollama: num_ctx), or shorten the prompts"
            )


def cut_sizes(tokens: Sequence[int], sizes: Sequence[int]) -> list[int]:
    """Return the sizes in bytes of the bodies that were cut off; `tokens`: what each reported.

    >>> cut_sizes([900, 4096, 4096, 4096], [4000, 30_000, 35_000, 41_200])
    [30000, 35000, 41200]
    >>> cut_sizes([900, 3000, 4000, 4096], [4000, 13_000, 17_000, 18_000])
    []
    """
    limit = max(tokens, default=0)
    others = [(count, size) for count, size in zip(tokens, sizes, strict=True) if count < limit]
    all_others = sum(count for count, _ in others)
    usual = sum(size for _, size in others) / all_others if all_others else BYTES_PER_TOKEN
    pairs = zip(tokens, sizes, strict=True)
    cut = [size for count, size in pairs if count == limit and size > EXCESS * usual * limit]
    different = len(set(cut)) > 1
    return cut if limit >= MIN_LIMIT and len(cut) >= MIN_ROWS and different else []
