"""Running totals of a variant: some bytes per row, rows in any order.

tally.add(3, row)               the fourth row, with its scores
tally.result(variant, price)    the variant's results so far
"""

import math
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from hashlib import blake2b, sha256

import numpy as np
from numpy.typing import NDArray

from workbench.answers.finish_reason import notable_finish
from workbench.evaluator import Evaluator
from workbench.model import Completion
from workbench.plan import Variant
from workbench.project import Price
from workbench.results.column_score import ColumnScore
from workbench.results.score_column import BILLED, SCORED, STATES, ScoreColumn, TextTable
from workbench.results.scores import MetricScores, measure
from workbench.results.types import MetricResult, Row, RowCounts, VariantResult
from workbench.stats.components import variance_components
from workbench.stats.jackknife import cluster_groups
from workbench.stats.quantiles import summarize_times
from workbench.stats.sample import Clusters, Scale

UNKNOWN = -1
STATE_NUMBERS = {state: 1 + index for index, state in enumerate(STATES)}
DIGEST_SIZE = 16  # bytes per row


class Tally:
    """Totals of one variant's rows, numbered in dataset order, repeats of an example together.

    Attributes:
        states, text_hashes: of each row: 0 if it was not run, else 1 + its index in STATES; a hash
            of its output.
    """

    def __init__(
        self,
        evaluators: Sequence[Evaluator],
        rows: int,
        repeats: int = 1,
        clusters: Clusters | None = None,
    ) -> None:
        self.rows = rows
        self.repeats = repeats
        self._clusters = clusters
        self.states = bytearray(rows)
        self._digests = bytearray(rows * DIGEST_SIZE)
        self._tokens = [array("q", [UNKNOWN]) * rows for _ in range(3)]
        self._latencies, self._stored_at = (array("d", [math.nan]) * rows for _ in range(2))
        self._texts = TextTable()
        self._reasons, self._finishes = (array("q", [0]) * rows for _ in range(2))
        self._has_reasoning, self.text_hashes = bytearray(rows), array("q", [0]) * rows
        self.columns = {
            evaluator.name: ScoreColumn(evaluator, rows, self._texts) for evaluator in evaluators
        }

    def add(self, number: int, row: Row) -> None:
        """Add a row with a completion; it replaces an earlier row of this number."""
        completion = row.completion
        assert completion
        self.states[number] = STATE_NUMBERS[completion.state]
        start = number * DIGEST_SIZE
        self._digests[start : start + DIGEST_SIZE] = _digest(row.cell.key, completion)
        self.text_hashes[number] = hash(completion.text)
        self._has_reasoning[number] = bool(completion.reasoning)
        usage, latency_s = completion.usage, completion.latency_s
        counts = (usage.input_tokens, usage.output_tokens, usage.cached_tokens or 0)
        for column, count in zip(self._tokens, counts, strict=True):
            column[number] = UNKNOWN if count is None else count
        self._latencies[number] = math.nan if latency_s is None else latency_s
        failure = "" if completion.scored else completion.error or completion.state
        self._reasons[number] = self._texts.number(failure)
        self._finishes[number] = self._texts.number(notable_finish(completion))
        for score_column in self.columns.values():
            score_column.put_row(number, row)

    def scores(self, name: str) -> MetricScores:
        """Return an evaluator's scores by dataset row."""
        column, repeats = self.columns[name], self.repeats
        clusters = column.groups(self._clusters, repeats)
        values, errors = column.by_row(repeats, clusters), column.error_rows()
        states = np.frombuffer(self.states, np.uint8)
        lost = errors.union(np.flatnonzero(states > SCORED).tolist())
        inapplicable = {n // repeats for n in column.not_applicable_rows()}
        inapplicable -= values.keys() | {n // repeats for n in errors}
        lost_answers = Counter(number // repeats for number in sorted(lost))
        return MetricScores(
            values=values,
            lost={row: n for row, n in lost_answers.items() if row not in inapplicable},
            unreached=Counter((np.flatnonzero(states == len(STATES)) // repeats).tolist()),
            not_applicable=inapplicable,
            clusters=clusters,
        )

    def add_column(self, name: str, score: ColumnScore, numbers: Sequence[int]) -> None:
        """Add the score of a whole column: of the answers with these numbers."""
        self.columns[name].put_column(score, numbers)

    def groups_of(self, numbers: Sequence[int]) -> list[int]:
        """Return the group of each of these answers, for metrics of all answers."""
        groups = cluster_groups(self._clusters, self.rows // self.repeats)
        return [groups[number // self.repeats] for number in numbers]

    def set_stored_at(self, times: Sequence[float | None]) -> None:
        """Set when each row's answer was stored, in seconds since 1970; None: it was not."""
        self._stored_at = array("d", [math.nan if time is None else time for time in times])

    def sent_at(self) -> dict[int, float]:
        """Return when each dataset row with a time was asked for, on average over its repeats."""
        times = np.array(self._stored_at) - np.array(self._latencies)
        means = times.reshape(-1, self.repeats).mean(axis=1)
        return {row: float(mean) for row, mean in enumerate(means) if not math.isnan(mean)}

    def input_tokens(self) -> Iterator[tuple[int, int]]:
        """Yield the number of each answer whose input tokens are known, and the tokens."""
        return ((n, count) for n, count in enumerate(self._tokens[0]) if count > 0)

    def kind(self, name: str) -> str:
        """Return `pass`, `number` or `category`, by an evaluator's values; empty without any."""
        return self.columns[name].kind

    def unreached(self) -> set[int]:
        """Return dataset rows with a request that got no reply; a retry may get one."""
        return {n // self.repeats for n, state in enumerate(self.states) if state == len(STATES)}

    def costs(self, price: Price | None) -> dict[int, float]:
        """Return the cost of each billed answer by its number; empty where one is unknown."""
        billed = np.flatnonzero(self._has_state_up_to(BILLED)).tolist()
        tokens = [[column[number] for column in self._tokens] for number in billed]
        if price is None or any(UNKNOWN in counts for counts in tokens):
            return {}
        costs = (price.cost(*counts) for counts in tokens)
        return dict(zip(billed, costs, strict=True))

    def scored(self) -> set[int]:
        """Return the numbers of the answers that can be scored."""
        return set(np.flatnonzero(self._has_state_up_to(SCORED)).tolist())

    @property
    def not_run(self) -> int:
        """Number of rows that were not added."""
        return self.states.count(0)

    def missing(self) -> Iterator[int]:
        """Yield the numbers of rows that were not added."""
        return (number for number, state in enumerate(self.states) if not state)

    def digest(self) -> str:
        """Digest of all answers; it changes when any answer does."""
        return sha256(self._digests).hexdigest()

    def scored_digest(self) -> str:
        """Digest of the scored answers; it changes when any of them does."""
        digests = np.frombuffer(self._digests, np.uint8).reshape(-1, DIGEST_SIZE)
        return sha256((digests * self._has_state_up_to(SCORED)[:, None]).tobytes()).hexdigest()

    def answer_counts(self) -> RowCounts:
        """Count the answers by state, every repeat apart."""
        return self._count(np.frombuffer(self.states, np.uint8)[:, None])

    def row_counts(self) -> RowCounts:
        """Count the dataset rows by the states of their answers."""
        return self._count(self._state_table)

    def _count(self, states: NDArray[np.uint8]) -> RowCounts:
        """Count the rows of a table of states, a column per answer."""
        scored = ((states > 0) & (states <= SCORED)).any(axis=1)
        failed = ~scored & (states > SCORED).any(axis=1)

        def count(state: str) -> int:
            return int((states == 1 + STATES.index(state)).any(axis=1).sum())

        return RowCounts(
            planned=len(states),
            scored=int(scored.sum()),
            failed=int(failed.sum()),
            not_run=len(states) - int(scored.sum()) - int(failed.sum()),
            truncated=count("truncated"),
            refused=count("refused"),
            rejected=count("rejected"),
        )

    @property
    def _state_table(self) -> NDArray[np.uint8]:
        """States, shape (dataset rows, repeats)."""
        return np.frombuffer(self.states, np.uint8).reshape(-1, self.repeats)

    def result(
        self, variant: Variant, price: Price | None, scales: Mapping[str, Scale]
    ) -> VariantResult:
        """Return the variant's results; `scales` as of `metric_scales`."""
        input_tokens, output_tokens, cached = (self._sum(column) for column in self._tokens)
        cost = None
        if price and input_tokens is not None and output_tokens is not None:
            cost = price.cost(input_tokens, output_tokens, cached or 0)
            if price.long_prompt:  # which calls have a long prompt decides
                cost = sum(self.costs(price).values())
        return VariantResult(
            variant=variant,
            rows=self.row_counts(),
            answers=self.answer_counts(),
            metrics={name: self._metric(name, scales[name]) for name in self.columns},
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cost=cost,
            seconds=math.fsum(np.nan_to_num(self._latencies).tolist()),
            reasons=self._reason_counts(),
            replies=int(self._has_state_up_to(BILLED).sum()),
            latency=summarize_times(self._answer_times()),
            reasoning=sum(self._has_reasoning),
            scored_digest=self.scored_digest(),
            cached_tokens=cached or 0,
            notable_finishes=self._texts.count(self._finishes),
        )

    def _metric(self, name: str, scale: Scale) -> MetricResult:
        column, scores, repeats = self.columns[name], self.scores(name), self.repeats
        imputed = scores.imputed(scale)
        answered, worst = (
            None if values is None else measure(values, scale, self._clusters, repeats=repeats)
            for values in (scores.values, imputed)
        )
        rows = column.counts(self._state_table)
        if column.traits.by_column:
            answered = column.measure(rows.n, self._clusters, repeats)
        repeated = scores.values.items() if scale.pass_fail and repeats > 1 else ()
        return MetricResult(
            mean=answered.mean if answered else None,
            low=answered.low if answered else None,
            high=answered.high if answered else None,
            **asdict(rows),
            answers=column.counts(np.frombuffer(self.states, np.uint8)[:, None]),
            outcomes=column.outcomes(),
            kind=column.result_kind(scale),
            **column.column_words(),
            higher_is_better=column.traits.higher_is_better,
            unit=column.traits.unit,
            clusters=answered.clusters if answered else 0,
            tail_unknown=answered is not None and answered.tail_unknown,
            median=answered.median if answered else None,
            worst=worst if scores.lost else None,
            worst_unknown=imputed is None and column.kind != "category",
            pass_at=answered.pass_at if answered else {},
            pass_all=answered.pass_all if answered else {},
            pass_rows=answered.pass_rows if answered else {},
            flaky=tuple(sorted(row for row, v in repeated if 0 < sum(v) < len(v))),
            variance=self._variance(column, scores),
            slice_of=column.slice_of,
        )

    def _variance(self, column: ScoreColumn, scores: MetricScores) -> dict[str, float]:
        if self.repeats == 1 or column.traits.by_column:
            return {}
        texts: dict[int, list[int]] = {}
        for number in column.value_rows():
            texts.setdefault(number // self.repeats, []).append(self.text_hashes[number])
        components = variance_components(scores.values, None if column.traits.cache else texts)
        return components.shares() if components else {}

    def _answer_times(self) -> list[float]:
        """Seconds of each timed scored answer, a shared one once; empty if all took 0 s (echo)."""
        scored = self._has_state_up_to(SCORED)
        digests = np.frombuffer(self._digests, f"V{DIGEST_SIZE}")[scored].tolist()
        times = dict(zip(digests, np.array(self._latencies)[scored].tolist(), strict=True))
        timed = [time for time in times.values() if not math.isnan(time)]
        return timed if any(timed) else []

    def _sum(self, counts: "array[int]") -> int | None:
        """Sum over answered rows; None if a count is unknown, or there are no rows."""
        answered = np.frombuffer(counts, np.int64)[self._has_state_up_to(BILLED)].tolist()
        return None if not answered or UNKNOWN in answered else sum(answered)

    def _has_state_up_to(self, last: int) -> NDArray[np.bool_]:
        """True for each answer whose state is among the first so many."""
        states = np.frombuffer(self.states, np.uint8)
        return (states > 0) & (states <= last)

    def _reason_counts(self) -> dict[str, int]:
        """Count failure reasons and evaluator errors, the most frequent first."""
        counts = self._texts.count(self._reasons)
        for name, column in self.columns.items():
            for reason, count in column.errors().items():
                counts[f"{name}: {reason}"] += count
        return dict(counts.most_common())


def _digest(key: str, completion: Completion) -> bytes:
    text = f"{key}\0{completion.state}\0{completion.text!a}"
    return blake2b(text.encode("ascii"), digest_size=DIGEST_SIZE).digest()
