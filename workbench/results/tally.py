"""What a variant came to so far, some bytes a row, in whatever order its rows come.

tally = Tally(evaluators, rows=150)
tally.add(3, row)                       # the fourth row, with its scores
tally.result(variant, price)            # VariantResult(rows=RowCounts(planned=150, …), …)
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b, sha256

from workbench.evaluator import Evaluator, Score
from workbench.model import Completion
from workbench.plan import Variant
from workbench.project import Price
from workbench.results.metrics import MetricResult, Row, RowCounts, VariantResult
from workbench.stats import estimate_mean, pass_all, pass_at

STATES = ("ok", "truncated", "refused", "filtered", "empty_output", "invalid_response", "failed")
SCORED = 3  # of the states, the first so many are those of answers that are judged
NOT_RUN, NUMBER, CATEGORY, ABSENT, BROKEN = range(5)
UNKNOWN = -1
DIGEST = 16  # bytes of a row's


class Tally:
    """One variant's rows by number: the dataset's order, the repeats of a row together.

    Args:
        evaluators: those of the experiment.
        rows: how many are planned.
        repeats: of each example.
    """

    def __init__(self, evaluators: Sequence[Evaluator], rows: int, repeats: int = 1) -> None:
        self.rows = rows
        self._repeats = repeats
        self._states = bytearray(rows)  # 0: not run; else one more than the place in STATES
        self._digests = bytearray(rows * DIGEST)
        self._tokens = [array("q", [UNKNOWN]) * rows for _ in range(2)]
        self._latencies = array("d", [0.0]) * rows
        self._words = _Words()
        self._reasons = array("q", [0]) * rows
        self._columns = {one.name: _Column(one, rows, self._words) for one in evaluators}

    def add(self, number: int, row: Row) -> None:
        """Takes a row that has an answer, or that failed; instead of an earlier one."""
        answer = row.completion
        assert answer
        self._states[number] = 1 + STATES.index(answer.state)
        self._digests[number * DIGEST : (number + 1) * DIGEST] = _digest(row.cell.key, answer)
        for own, count in zip(
            self._tokens, (answer.usage.input_tokens, answer.usage.output_tokens), strict=True
        ):
            own[number] = UNKNOWN if count is None else count
        self._latencies[number] = answer.latency_s or 0.0
        reason = "" if answer.scored else answer.error or answer.state
        self._reasons[number] = self._words.number(reason)
        for name, column in self._columns.items():
            column.put(number, row.scores.get(name))

    def values(self, name: str) -> dict[int, list[float]]:
        """The numbers of an evaluator by row of the dataset; several where rows are repeated."""
        return self._columns[name].by_row(self._repeats)

    def lost(self, name: str) -> Counter[int]:
        """How many answers of each row of the dataset failed, or could not be judged."""
        broken = self._columns[name].broken()
        return Counter(
            number // self._repeats
            for number, state in enumerate(self._states)
            if state > SCORED or number in broken
        )

    def unreached(self) -> set[int]:
        """The rows of the dataset of which a request got no reply: another time it may."""
        last = len(STATES)
        return {n // self._repeats for n, state in enumerate(self._states) if state == last}

    @property
    def not_run(self) -> int:
        """How many rows have not come."""
        return self._states.count(0)

    def missing(self) -> Iterator[int]:
        """The numbers of the rows that have not come."""
        return (number for number, state in enumerate(self._states) if not state)

    def digest(self) -> str:
        """Of which answers it was made; another when a failed row got one, or any got another."""
        return sha256(self._digests).hexdigest()

    def counts(self) -> RowCounts:
        """The rows by how they ended."""
        found = [self._states.count(1 + index) for index in range(len(STATES))]
        return RowCounts(
            planned=self.rows,
            scored=sum(found[:SCORED]),
            failed=sum(found[SCORED:]),
            not_run=self.not_run,
            truncated=found[1],
            refused=found[2],
        )

    def result(self, variant: Variant, price: Price | None) -> VariantResult:
        """The numbers of the variant."""
        counts = self.counts()
        input_tokens, output_tokens = (self._sum(own) for own in self._tokens)
        cost = None
        if price and input_tokens is not None and output_tokens is not None:
            cost = price.cost(input_tokens, output_tokens)
        return VariantResult(
            variant=variant,
            rows=counts,
            metrics={
                name: column.result(counts, self._repeats) for name, column in self._columns.items()
            },
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cost=cost,
            seconds=sum(self._latencies),
            reasons=self._said(),
        )

    def _sum(self, counts: "array[int]") -> int | None:
        """Of the rows that were answered; None if one of them is not known, or there are none."""
        answered = [
            count
            for count, state in zip(counts, self._states, strict=True)
            if 0 < state < len(STATES)  # the last is `failed`
        ]
        return None if not answered or UNKNOWN in answered else sum(answered)

    def _said(self) -> dict[str, int]:
        """Why rows failed and evaluators could not decide; the most frequent first."""
        said = self._words.count(self._reasons)
        for name, column in self._columns.items():
            for reason, count in column.errors().items():
                said[f"{name}: {reason}"] += count
        return dict(said.most_common())


class _Words:
    """Texts by number; 0 is the empty one."""

    def __init__(self) -> None:
        self._texts = [""]
        self._numbers = {"": 0}

    def number(self, text: str) -> int:
        """The text's, given to it when it is first asked for."""
        if text not in self._numbers:
            self._numbers[text] = len(self._texts)
            self._texts.append(text)
        return self._numbers[text]

    def count(self, numbers: Sequence[int]) -> Counter[str]:
        """How often each text that isn't empty stands there, in the order they first do."""
        found = Counter(numbers)
        return Counter({self._texts[one]: count for one, count in found.items() if one})


class _Column:
    """One evaluator's scores."""

    def __init__(self, evaluator: Evaluator, rows: int, words: _Words) -> None:
        self._traits = evaluator.traits
        self._words = words
        self._kinds = bytearray(rows)
        self._values = array("d", [0.0]) * rows
        self._labels = array("q", [0]) * rows  # of a broken row, why it is

    def put(self, number: int, score: Score | None) -> None:
        kind, value, said = NOT_RUN, 0.0, ""
        if score is None:
            pass
        elif score.error:
            kind, said = BROKEN, score.error
        elif score.value is None:
            kind, said = ABSENT, score.label
        elif isinstance(score.value, str):
            kind, said = CATEGORY, score.value
        else:
            kind, value, said = NUMBER, float(score.value), score.label
        self._kinds[number], self._values[number] = kind, value
        self._labels[number] = self._words.number(said)

    def errors(self) -> Counter[str]:
        """Why rows could not be judged."""
        return self._words.count(self._of(BROKEN))

    def by_row(self, repeats: int) -> dict[int, list[float]]:
        found: dict[int, list[float]] = {}
        for number, kind in enumerate(self._kinds):
            if kind == NUMBER:
                found.setdefault(number // repeats, []).append(self._values[number])
        return found

    def broken(self) -> set[int]:
        return {number for number, kind in enumerate(self._kinds) if kind == BROKEN}

    def result(self, counts: RowCounts, repeats: int) -> MetricResult:
        by_row = self.by_row(repeats)
        values = {value for own in by_row.values() for value in own}
        categories, errors = self._kinds.count(CATEGORY), self._kinds.count(BROKEN)
        outcomes = self._words.count(self._of(NUMBER, CATEGORY, ABSENT))
        if values and categories:  # a category among numbers is a value of the wrong type
            errors, categories = errors + categories, 0
        measured = self._traits.kind == "number" or bool(self._traits.unit)
        passes = bool(values) and values <= {0.0, 1.0} and not measured
        found = estimate_mean(list(by_row.values()), pass_fail=passes)
        tries = {row: (round(sum(own)), len(own)) for row, own in by_row.items() if passes}
        return MetricResult(
            mean=found.mean if found else None,
            low=found.low if found else None,
            high=found.high if found else None,
            n=(found.n if found else 0) + categories,
            errors=errors,
            not_applicable=self._kinds.count(ABSENT),
            failed=counts.failed,
            not_run=counts.not_run,
            outcomes=dict(outcomes.most_common()),
            kind="category" if categories else "pass" if passes else "number",
            higher_is_better=self._traits.higher_is_better,
            unit=self._traits.unit,
            pass_at=_of_tries(pass_at, tries.values(), repeats),
            pass_all=_of_tries(pass_all, tries.values(), repeats),
            flaky=tuple(row for row, (passed, of) in tries.items() if 0 < passed < of),
        )

    def _of(self, *kinds: int) -> list[int]:
        return [
            label for label, kind in zip(self._labels, self._kinds, strict=True) if kind in kinds
        ]


def _of_tries(
    chance: Callable[[Sequence[tuple[int, int]], int], float | None],
    tries: Iterable[tuple[int, int]],
    repeats: int,
) -> dict[int, float]:
    """By k, where rows are repeated."""
    rows = list(tries)
    found = {k: chance(rows, k) for k in range(1, repeats + 1)} if repeats > 1 else {}
    return {k: share for k, share in found.items() if share is not None}


def _digest(key: str, answer: Completion) -> bytes:
    text = f"{key}\0{answer.state}\0{answer.text!a}"
    return blake2b(text.encode("ascii"), digest_size=DIGEST).digest()
