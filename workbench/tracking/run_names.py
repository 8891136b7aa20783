"""Names of runs for MLflow's pages, whose column of names shows six to fourteen characters.

    3 prompts · 2 models · 0.93    an invocation: what ran, and its best mean
      luna·few_shot                a variant: what tells it from the others, the shortest part first

The whole name of a variant is in the tag workbench.name.

>>> _shorten_labels(["gpt-6-luna", "gpt-6-nova"]), _shorten_labels(["zero_shot", "few_shot"])
(['luna', 'nova'], ['zero', 'few'])
"""

import re
from collections.abc import Iterator, Sequence

from workbench.plan import Plan, Variant
from workbench.plan.types import scope_text

NAME = "workbench.name"
WIDTH = 14  # characters that a wide page shows of a variant's name
NARROW = 6  # characters on a page of 1,400 pixels with four metrics
ABBREVIATION = 3  # letters of a word
PARTS = re.compile(r"[^-/:_.@ ]*[-/:_.@ ]?")
WORDS = re.compile(r"[^\W_]+")

Labels = Sequence[str]  # one factor's value in each variant


def invocation_name(plan: Plan, headline: str = "") -> str:
    """The name of the parent run; `headline` is the best mean, empty before there is one."""
    variants = plan.variants
    prompts = list(dict.fromkeys(_prompt_name(variant) for variant in variants))
    models = list(dict.fromkeys(variant.model.model.label for variant in variants))
    settings = {str(variant.point) for variant in variants}
    parts = [prompts[0] if len(prompts) == 1 else f"{len(prompts)} prompts"]
    parts.append(models[0] if len(models) == 1 else f"{len(models)} models")
    parts += [f"{len(settings)} settings"] if len(settings) > 1 else []
    parts += [headline] if headline else []
    return " · ".join(parts) + (f" ({scope_text(plan.scope)})" if plan.scope else "")


def variant_names(variants: Sequence[Variant]) -> list[str]:
    """A name for each variant's run, told apart by its first letters and within WIDTH if possible.

    A part is abbreviated only where nothing else tells the names apart on a narrow page.
    """
    names = [variant.name for variant in variants]
    factors: list[Labels] = [f for f in _factors(variants) if len(set(f)) > 1]
    if not factors:
        return names
    choices, short = [names], list(map(_shorten_labels, factors))
    for edited in (factors, short):
        edited = sorted(edited, key=_width)
        joined = [_join_labels(edited, separator) for separator in (" · ", "·")]
        choices += [texts for texts in joined if len(set(texts)) == len(texts)]
    fitting = [texts for texts in choices if _width(texts) <= WIDTH]
    by_preference = [*fitting, *choices[1:], *_abbreviated_names(factors, short)]
    return next(filter(_differ_early, by_preference), [*fitting, choices[-1]][0])


def _width(labels: Labels) -> int:
    return max(map(len, labels))


def _join_labels(factors: Sequence[Labels], separator: str) -> list[str]:
    return [separator.join(labels) for labels in zip(*factors, strict=True)]


def _differ_early(names: Labels) -> bool:
    """True if a narrow page tells the names apart."""
    return len({name[:NARROW] for name in names}) == len(names)


def _abbreviated_names(factors: Sequence[Labels], short: Sequence[Labels]) -> Iterator[list[str]]:
    """Names that begin with an abbreviation of one factor: `lar·few_shot`, `fs·smollm2`."""
    first_letters = [[label[:ABBREVIATION] for label in labels] for labels in short]
    for abbreviations in (first_letters, [list(map(_abbreviate, labels)) for labels in factors]):
        for number in sorted(range(len(short)), key=lambda number: _width(short[number])):
            others = sorted([*short[:number], *short[number + 1 :]], key=_width)
            if len(set(abbreviations[number])) == len(set(factors[number])) and others:
                yield _join_labels([abbreviations[number], *others], "·")


def _abbreviate(label: str) -> str:
    """The initials of several words, the first letters of a single one."""
    return _initials(label) if WORDS.findall(label)[1:] else label[:ABBREVIATION]


def _initials(text: str) -> str:
    """`fsc` of `few_shot_chat`."""
    return "".join(word[0] for word in WORDS.findall(text))


def _factors(variants: Sequence[Variant]) -> Iterator[Labels]:
    """The prompts, the models and each parameter of the grid."""
    prompts = {variant.prompt.name for variant in variants}
    by_name = {
        name: {v.prompt.digest for v in variants if v.prompt.name == name} for name in prompts
    }
    labels: list[str] = []
    for variant in variants:
        prompt = variant.prompt
        if len(by_name[prompt.name]) == 1:
            labels.append(prompt.name)
        elif prompt.version is None:
            labels.append(prompt.ref)
        else:
            labels.append(_prompt_name(variant) if len(prompts) > 1 else f"v{prompt.version}")
    yield labels
    yield [variant.model.model.label for variant in variants]
    for key in dict.fromkeys(key for variant in variants for key in variant.point):
        yield [f"{_initials(key)}={variant.point.get(key)}" for variant in variants]


def _prompt_name(variant: Variant) -> str:
    """`few_shot v3`; without its version where the registry has none."""
    prompt = variant.prompt
    return f"{prompt.name} v{prompt.version}" if prompt.version else prompt.ref


def _shorten_labels(labels: Labels) -> list[str]:
    """The labels without the parts at both ends that all of them share."""
    split = [list(filter(None, PARTS.findall(label))) for label in labels]
    distinct = list(map(list, dict.fromkeys(map(tuple, split))))
    lead = _shared_parts(distinct)
    tail = _shared_parts([parts[lead:][::-1] for parts in distinct])
    return ["".join(parts[lead : len(parts) - tail]).rstrip("-/:_.@ ") for parts in split]


def _shared_parts(labels: Sequence[Sequence[str]]) -> int:
    """The number of parts that all labels begin with; each keeps a part of its own."""
    shared = [len(set(parts)) == 1 for parts in zip(*labels, strict=False)]
    return min([*shared, False].index(False), min(map(len, labels)) - 1)
