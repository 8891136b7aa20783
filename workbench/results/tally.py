"""Running totals of a variant: some bytes per row, rows in any order.

tally = Tally(evaluators, rows=150)
tally.add(3, row)               the fourth row, with its scores
tally.result(variant, price)    the variant's results so far
"""

import math
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b, sha256

from workbench.evaluator import Evaluator, Score
from workbench.model import Completion
from workbench.plan import Plan, Variant
from workbench.project import Price
from workbench.results.types import MetricResult, Row, RowCounts, VariantResult
from workbench.stats.means import estimate_mean
from workbench.stats.quantiles import summarize_times
from workbench.stats.repeats import pass_all, pass_at
from workbench.stats.sample import Scale

STATES = (
    *("ok", "truncated", "refused"),
    *("filtered", "empty_output", "invalid_response"),
    *("rejected", "failed"),
)
SCORED = 3  # the first three states are those of scored answers
BILLED = 6  # the first six are those of replies that may cost something
NOT_RUN, NUMBER, CATEGORY, NOT_APPLICABLE, ERROR = range(5)
UNKNOWN = -1
DIGEST_SIZE = 16  # bytes per row


class Tally:
    """Totals of one variant's rows, numbered in dataset order, repeats of an example together."""

    def __init__(self, evaluators: Sequence[Evaluator], rows: int, repeats: int = 1) -> None:
        self.rows = rows
        self._repeats = repeats
        self._states = bytearray(rows)  # 0: not run; else 1 + index in STATES
        self._digests = bytearray(rows * DIGEST_SIZE)
        self._tokens = [array("q", [UNKNOWN]) * rows for _ in range(2)]
        self._latencies = array("d", [math.nan]) * rows
        self._texts = _TextTable()
        self._reasons = array("q", [0]) * rows
        self._columns = {
            evaluator.name: _ScoreColumn(evaluator, rows, self._texts) for evaluator in evaluators
        }

    def add(self, number: int, row: Row) -> None:
        """Add a row with a completion; it replaces an earlier row of this number."""
        completion = row.completion
        assert completion
        self._states[number] = 1 + STATES.index(completion.state)
        self._digests[number * DIGEST_SIZE : (number + 1) * DIGEST_SIZE] = _digest(
            row.cell.key, completion
        )
        usage = completion.usage
        counts = (usage.input_tokens, usage.output_tokens)
        for column, count in zip(self._tokens, counts, strict=True):
            column[number] = UNKNOWN if count is None else count
        self._latencies[number] = math.nan if completion.latency_s is None else completion.latency_s
        reason = "" if completion.scored else completion.error or completion.state
        self._reasons[number] = self._texts.number(reason)
        for name, scores in self._columns.items():
            scores.put(number, row.scores.get(name))

    def values(self, name: str) -> dict[int, list[float]]:
        """Return an evaluator's values by dataset row, one per repeat."""
        return self._columns[name].by_row(self._repeats)

    def lost(self, name: str) -> Counter[int]:
        """Count the answers of each dataset row that failed or that the evaluator erred on."""
        errors = self._columns[name].error_rows()
        return Counter(
            number // self._repeats
            for number, state in enumerate(self._states)
            if state > SCORED or number in errors
        )

    def unreached(self) -> set[int]:
        """Return dataset rows with a request that got no reply; a retry may get one."""
        failed = len(STATES)
        return {n // self._repeats for n, state in enumerate(self._states) if state == failed}

    @property
    def not_run(self) -> int:
        """Number of rows that were not added."""
        return self._states.count(0)

    def missing(self) -> Iterator[int]:
        """Yield the numbers of rows that were not added."""
        return (number for number, state in enumerate(self._states) if not state)

    def digest(self) -> str:
        """Digest of all answers; it changes when any answer does."""
        return sha256(self._digests).hexdigest()

    def counts(self) -> RowCounts:
        """Count the rows by state."""
        by_state = [self._states.count(1 + index) for index in range(len(STATES))]
        return RowCounts(
            planned=self.rows,
            scored=sum(by_state[:SCORED]),
            failed=sum(by_state[SCORED:]),
            not_run=self.not_run,
            truncated=by_state[1],
            refused=by_state[2],
        )

    def result(self, variant: Variant, price: Price | None) -> VariantResult:
        """Return the variant's results."""
        counts = self.counts()
        input_tokens, output_tokens = (self._sum(column) for column in self._tokens)
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
            seconds=math.fsum(time for time in self._latencies if not math.isnan(time)),
            reasons=self._reason_counts(),
            replies=sum(self._is_billed(number) for number in range(self.rows)),
            latency=summarize_times(self._answer_times()),
        )

    def _is_billed(self, number: int) -> bool:
        return 0 < self._states[number] <= BILLED

    def _answer_times(self) -> list[float]:
        """Seconds of each scored answer that was timed; one that rows share counts once."""
        times = {
            self._row_digest(number): self._latencies[number]
            for number, state in enumerate(self._states)
            if 0 < state <= SCORED
        }
        return [time for time in times.values() if not math.isnan(time)]

    def _row_digest(self, number: int) -> bytes:
        return bytes(self._digests[number * DIGEST_SIZE : (number + 1) * DIGEST_SIZE])

    def _sum(self, counts: "array[int]") -> int | None:
        """Sum over answered rows; None if a count is unknown, or there are no rows."""
        answered = [count for number, count in enumerate(counts) if self._is_billed(number)]
        return None if not answered or UNKNOWN in answered else sum(answered)

    def _reason_counts(self) -> dict[str, int]:
        """Count failure reasons and evaluator errors, the most frequent first."""
        counts = self._texts.count(self._reasons)
        for name, column in self._columns.items():
            for reason, count in column.errors().items():
                counts[f"{name}: {reason}"] += count
        return dict(counts.most_common())


def variant_results(
    plan: Plan, tallies: Sequence[Tally], prices: Mapping[str, Price]
) -> list[VariantResult]:
    """Return each variant's results, with costs where `prices` has its `provider:name`."""
    return [
        tally.result(variant, prices.get(variant.model.model.ref))
        for tally, variant in zip(tallies, plan.variants, strict=True)
    ]


class _TextTable:
    """Interned texts by number; 0 is the empty text."""

    def __init__(self) -> None:
        self._texts = [""]
        self._numbers = {"": 0}

    def number(self, text: str) -> int:
        """Return the text's number, assigning one at first use."""
        if text not in self._numbers:
            self._numbers[text] = len(self._texts)
            self._texts.append(text)
        return self._numbers[text]

    def count(self, numbers: Sequence[int]) -> Counter[str]:
        """Count each non-empty text, in order of first use."""
        counts = Counter(numbers)
        return Counter({self._texts[n]: count for n, count in counts.items() if n})


class _ScoreColumn:
    """One evaluator's scores, by row number."""

    def __init__(self, evaluator: Evaluator, rows: int, texts: _TextTable) -> None:
        self._traits = evaluator.traits
        self._texts = texts
        self._kinds = bytearray(rows)
        self._values = array("d", [0.0]) * rows
        self._labels = array("q", [0]) * rows  # of an error, its message

    def put(self, number: int, score: Score | None) -> None:
        kind, value, label = NOT_RUN, 0.0, ""
        if score is None:
            pass
        elif score.error:
            kind, label = ERROR, score.error
        elif score.value is None:
            kind, label = NOT_APPLICABLE, score.label
        elif isinstance(score.value, str):
            kind, label = CATEGORY, score.value
        else:
            kind, value, label = NUMBER, float(score.value), score.label
        self._kinds[number], self._values[number] = kind, value
        self._labels[number] = self._texts.number(label)

    def errors(self) -> Counter[str]:
        return self._texts.count(self._labels_of(ERROR))

    def by_row(self, repeats: int) -> dict[int, list[float]]:
        values: dict[int, list[float]] = {}
        for number, kind in enumerate(self._kinds):
            if kind == NUMBER:
                values.setdefault(number // repeats, []).append(self._values[number])
        return values

    def error_rows(self) -> set[int]:
        return {number for number, kind in enumerate(self._kinds) if kind == ERROR}

    def result(self, counts: RowCounts, repeats: int) -> MetricResult:
        by_row = self.by_row(repeats)
        values = {value for repeated in by_row.values() for value in repeated}
        categories, errors = self._kinds.count(CATEGORY), self._kinds.count(ERROR)
        outcomes = self._texts.count(self._labels_of(NUMBER, CATEGORY, NOT_APPLICABLE))
        if values and categories:  # a category among numbers is a value of the wrong type
            errors, categories = errors + categories, 0
        measured = self._traits.kind == "number" or bool(self._traits.unit)
        passes = bool(values) and values <= {0.0, 1.0} and not measured
        low, high = self._traits.range or (None, None)
        scale = Scale(passes, low, high, self._traits.higher_is_better)
        interval = estimate_mean(by_row, scale)
        attempts: dict[int, tuple[int, int]] = {}  # of each row: how many passed, how many
        if passes and repeats > 1:
            attempts = {row: (round(sum(v)), len(v)) for row, v in by_row.items()}
        return MetricResult(
            mean=interval.mean if interval else None,
            low=interval.low if interval else None,
            high=interval.high if interval else None,
            n=self._kinds.count(NUMBER) + categories,
            errors=errors,
            not_applicable=self._kinds.count(NOT_APPLICABLE),
            failed=counts.failed,
            not_run=counts.not_run,
            outcomes=dict(outcomes.most_common()),
            kind="category" if categories else "pass" if passes else "number",
            higher_is_better=self._traits.higher_is_better,
            unit=self._traits.unit,
            pass_at=pass_at(attempts.values(), repeats),
            pass_all=pass_all(attempts.values(), repeats),
            flaky=tuple(row for row, (passed, n) in attempts.items() if 0 < passed < n),
        )

    def _labels_of(self, *kinds: int) -> list[int]:
        return [
            label for label, kind in zip(self._labels, self._kinds, strict=True) if kind in kinds
        ]


def _digest(key: str, completion: Completion) -> bytes:
    text = f"{key}\0{completion.state}\0{completion.text!a}"
    return blake2b(text.encode("ascii"), digest_size=DIGEST_SIZE).digest()
