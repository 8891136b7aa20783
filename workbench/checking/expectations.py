"""Checks of expected values: missing, impossible to match, cut by a limit.

label_match: 50 of 150 rows (first: 17, reviews.jsonl:18; …) can't be right: unknown label 'neutral'
max_tokens 3 is less than the words of the expected value in 40 of 150 rows (first: …)
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from workbench.canonical import JSON, canonical_json
from workbench.checking.binary_labels import binary_findings
from workbench.checking.documents import assertion_findings
from workbench.checking.finding import Finding, count_rows
from workbench.checking.shown_answers import shown_findings
from workbench.dataset import EXPECTED, Dataset, Example
from workbench.dataset.expected import is_empty
from workbench.errors import WorkbenchError
from workbench.evaluator import Evaluator, Score
from workbench.evaluator.coverage import Coverage
from workbench.evaluator.lookup import expected_check, expected_use
from workbench.experiment import Experiment
from workbench.prompt import Prompt

Check = Callable[[Mapping[str, JSON]], None]
Numbered = tuple[int, Example]

# Evaluators of the library whose answer contains the text of the expected value.
_TEXTUAL = frozenset({"exact_match", "contains", "starts_with", "ends_with", "label_match"})
_TRIED_VALUES = 5_000  # distinct values above which trying each takes too long
_COMPARED = frozenset({"outputs", "expectations"})


class Answering(Protocol):
    """The part of a variant that limits its answers."""

    @property
    def prompt(self) -> Prompt:
        """Its prompt, with `choices`."""

    @property
    def parameters(self) -> Mapping[str, JSON]:
        """The effective parameters, with `stop` and `max_tokens`."""


@dataclass
class _Answered:
    """The rows with an expected value, equal ones together: `checks` see each value once."""

    dataset: Dataset
    total: int = 0
    values: dict[str, tuple[Mapping[str, JSON], list[int]]] = field(default_factory=dict)

    def add(self, index: int, expectations: Mapping[str, JSON]) -> None:
        """Add a row of the dataset."""
        answer = expectations.get(EXPECTED)
        key = answer if isinstance(answer, str) else canonical_json([answer])
        if key in self.values:
            self.values[key][1].append(index)
        else:
            self.values[key] = expectations, [index]
        self.total += 1

    def rows(self, matches: Callable[[Mapping[str, JSON]], object]) -> list[int]:
        """The rows whose expectations match, in order."""
        groups = (rows for expectations, rows in self.values.values() if matches(expectations))
        return sorted(row for rows in groups for row in rows)

    def count(self, rows: Sequence[int]) -> str:
        """The number of rows, and the first of them."""
        return count_rows(self.dataset, rows, self.total)


def expected_findings(
    experiment: Experiment, examples: Sequence[Example], variants: Sequence[Answering]
) -> Iterator[Finding]:
    """Findings in the expected values of these rows, for the experiment's evaluators.

    What can't be right in the first rows only is noted: others may have it right.
    """
    dataset = experiment.dataset
    unsliced = [e for e in experiment.evaluators if not e.slice_of]
    checks = [(evaluator, expected_check(evaluator)) for evaluator in unsliced]
    comparing = [pair for pair in checks if pair[1] or pair[0].needs_expectations]
    usual = [pair for pair in comparing if pair[0].coverage is None]
    for pair in comparing:
        coverage = pair[0].coverage
        if not dataset.labelled and not (coverage and coverage.expected_column):
            yield _no_expectations(experiment, pair[0])
            return
    rows = list(enumerate(examples))
    parts = [(_covered(rows, c), [pair]) for pair in comparing if (c := pair[0].coverage)]
    groups = [(rows, usual), *parts] if usual else parts
    for numbered, pairs in groups:
        for finding in _row_findings(dataset, numbered, pairs, variants):
            limited = len(examples) < dataset.rows
            yield replace(finding, refused=False) if limited else finding


def _covered(examples: Sequence[Numbered], coverage: Coverage) -> list[Numbered]:
    """The examples that an evaluator is about, with the expected values that it sees."""
    covered: list[Numbered] = []
    for number, example in examples:
        columns = example.columns()
        if coverage.includes(columns):
            expectations = coverage.expectations(columns, example.expectations)
            covered.append((number, replace(example, expectations=expectations)))
    return covered


def _row_findings(
    dataset: Dataset,
    examples: Sequence[Numbered],
    comparing: Sequence[tuple[Evaluator, Check | None]],
    variants: Sequence[Answering],
) -> Iterator[Finding]:
    answered, unanswered = _Answered(dataset), list[Numbered]()
    for index, example in examples:
        if is_empty(example.expectations.get(EXPECTED)):
            unanswered.append((index, example))
        else:
            answered.add(index, example.expectations)
    yield from _missing(dataset, len(examples), unanswered, comparing)
    matched = [(evaluator, check) for evaluator, check in comparing if check]
    unmatched = [finding for pair in matched for finding in _unmatched(answered, *pair)]
    expected = [expectations for expectations, _ in answered.values.values()]
    yield from assertion_findings(expected)
    unmatched += binary_findings(expected, [evaluator for evaluator, _ in matched])
    yield from unmatched
    if not matched or any(finding.refused for finding in unmatched):
        return
    answers = [evaluator for evaluator, _ in matched if expected_use(evaluator) == "answer"]
    functions = [e for e in answers if _judges_texts(e)]
    yield from _outside_choices(answered, functions, len(matched), variants)
    yield from _unreachable(answered, functions)
    if any(evaluator.spec and evaluator.spec.name in _TEXTUAL for evaluator in answers):
        yield from _cut(answered, variants)
    prompts = {variant.prompt.ref: variant.prompt for variant in variants}
    if all(evaluator.coverage is None for evaluator, _ in comparing):
        yield from shown_findings(dataset, [example for _, example in examples], prompts.values())


def _judges_texts(evaluator: Evaluator) -> bool:
    """True if its function judges a single text by what is expected."""
    is_of_rows = bool(evaluator.function) and not evaluator.traits.by_column
    return is_of_rows and not set(evaluator.arguments) - _COMPARED


def _no_expectations(experiment: Experiment, evaluator: Evaluator) -> Finding:
    settings = experiment.content.get("dataset")
    column = settings.get("expected") if isinstance(settings, dict) else None
    problem, fix = "the dataset has none", "add `expected: COLUMN` to `dataset:`"
    if isinstance(settings, list):
        fix = "write `dataset: {rows: […], expected: COLUMN}`"
    if column:
        problem = f"`expected: {column}` is null or empty in every row"
        fix = f"fill it in {experiment.dataset.source}, or name another column"
    message = f"the evaluator {evaluator.name!r} needs expectations, and {problem}"
    return Finding(message, experiment.path, fix, refused=True)


def _missing(
    dataset: Dataset,
    total: int,
    unanswered: Sequence[Numbered],
    comparing: Iterable[tuple[Evaluator, object]],
) -> Iterator[Finding]:
    """Rows without an expected value, once for all evaluators that lack it in the same rows."""
    numbers = [number for number, _ in unanswered]
    without_any = [number for number, example in unanswered if not example.expectations]
    names: dict[bool, list[str]] = {}
    for evaluator, check in comparing:
        reads_answer = check is not None or numbers == without_any
        names.setdefault(reads_answer, []).append(evaluator.name)
    for reads_answer, evaluators in names.items():
        if rows := numbers if reads_answer else without_any:
            message = f"{count_rows(dataset, rows, total)} have no expected value"
            fix = f"each is an error of {', '.join(evaluators)}: fill them in or remove them"
            yield Finding(message, fix=fix, refused=len(rows) == total)


def _unmatched(answered: _Answered, evaluator: Evaluator, check: Check) -> Iterator[Finding]:
    """Rows that no answer can match."""
    errors: list[WorkbenchError] = []

    def is_refused(expectations: Mapping[str, JSON]) -> bool:
        try:
            check(expectations)
        except WorkbenchError as error:
            errors.append(error)
            return True
        return False

    if rows := answered.rows(is_refused):
        problem = f"can't be right with any answer: {errors[0].message}"
        message = f"{evaluator.name}: {answered.count(rows)} {problem}"
        yield Finding(message, fix=errors[0].fix, refused=len(rows) == answered.total)


def _outside_choices(
    answered: _Answered,
    evaluators: Sequence[Evaluator],
    comparing: int,
    variants: Sequence[Answering],
) -> Iterator[Finding]:
    """Rows for which none of a prompt's choices is right."""
    for prompt in {v.prompt.ref: v.prompt for v in variants}.values():
        choices = prompt.settings.choices
        if not choices or prompt.settings.choice_templates:
            continue
        for evaluator in evaluators:
            if rows := answered.rows(partial(_none_right, evaluator, choices)):
                message = f"{evaluator.name}: none of the `choices` is right in"
                fix = f"the choices are {', '.join(map(repr, choices[:12]))}"
                refused = len(rows) == answered.total and comparing == 1
                counted = answered.count(rows)
                where = prompt.choices_where or prompt.where()
                yield Finding(f"{message} {counted}", where, fix, refused)


def _unreachable(answered: _Answered, evaluators: Iterable[Evaluator]) -> Iterator[Finding]:
    """Rows in which even the expected text is no right answer, as a transform cuts it."""
    if len(answered.values) > _TRIED_VALUES:
        return
    for evaluator in evaluators:
        transform = evaluator.spec.settings.get("transform") if evaluator.spec else None
        if transform not in (None, "first_line", "last_line"):
            continue  # it reads a part of answers that expected values don't have
        if rows := answered.rows(partial(_is_unreachable, evaluator)):
            message = f"{evaluator.name}: an answer equal to the expected value is not right in"
            fix = "shorten the expected value, or change the evaluator's settings"
            yield Finding(f"{message} {answered.count(rows)}", fix=fix)


def _is_unreachable(evaluator: Evaluator, expectations: Mapping[str, JSON]) -> bool:
    texts = _texts(expectations)
    forms = {form: None for text in texts for form in (text, text.removesuffix(".0"))}
    scores = list(_scores(evaluator, forms, expectations))
    return "" not in texts and not any(score.error or score.number for score in scores)


def _none_right(
    evaluator: Evaluator, choices: Iterable[str], expectations: Mapping[str, JSON]
) -> bool:
    return not any(score.number for score in _scores(evaluator, choices, expectations))


def _scores(
    evaluator: Evaluator, answers: Iterable[str], expectations: Mapping[str, JSON]
) -> Iterator[Score]:
    for answer in answers:
        row = {"outputs": answer, "expectations": expectations}
        yield evaluator.call({name: row[name] for name in evaluator.arguments})


def _cut(answered: _Answered, variants: Sequence[Answering]) -> Iterator[Finding]:
    """Rows whose expected text is longer than an answer can be, or holds a stop text."""
    free = [variant for variant in variants if not variant.prompt.settings.choices]
    for stop in dict.fromkeys(text for v in free for text in _stop_texts(v.parameters)):
        if rows := answered.rows(partial(_contains, stop)):
            message = f"the expected value contains the stop text {stop!r} in"
            yield Finding(f"{message} {answered.count(rows)}", fix="an answer ends before it")
    for limit in sorted({limit for v in free if (limit := _max_tokens(v.parameters))}):
        # A token holds no more than one word; few hold one in full.
        if rows := answered.rows(partial(_is_longer, limit)):
            message = f"max_tokens {limit} is less than the words of the expected value in"
            yield Finding(f"{message} {answered.count(rows)}", fix="raise max_tokens")


def _contains(stop: str, expectations: Mapping[str, JSON]) -> bool:
    return all(stop in text.strip() for text in _texts(expectations))


def _is_longer(words: int, expectations: Mapping[str, JSON]) -> bool:
    return all(len(text.split()) > words for text in _texts(expectations))


def _texts(expectations: Mapping[str, JSON]) -> list[str]:
    """The acceptable texts; an empty one, which any answer has, for other values."""
    answer = expectations.get(EXPECTED)
    answers = answer if isinstance(answer, list) else [answer]
    return [text if isinstance(text, str) else "" for text in answers if not is_empty(text)]


def _max_tokens(parameters: Mapping[str, JSON]) -> int | None:
    limits = [parameters.get(name) for name in ("max_tokens", "max_completion_tokens")]
    return max((limit for limit in limits if isinstance(limit, int)), default=None)


def _stop_texts(parameters: Mapping[str, JSON]) -> list[str]:
    stop = parameters.get("stop") or []
    return [stop] if isinstance(stop, str) else [text for text in stop if text]
