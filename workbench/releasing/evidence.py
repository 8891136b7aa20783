"""The evidence for a promotion: numbers on today's rows, beside the variant that is in production.

    gather(plan, store, Subject(evaluated, replaced=Release("3", …), alias="production"))
    Evidence(result=VariantResult(…), metrics=["label_match"], checks=[Check(…)], gaps=(), …)

Everything is computed from stored answers, as `workbench gate` and `compare` do. The run in MLflow
that the evidence leads to must show the same answers and numbers, or there is no evidence.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version

from workbench.canonical import JSON
from workbench.comparing.checks import Check
from workbench.comparing.comparison import compare_stored
from workbench.comparing.gate import check_gate
from workbench.comparing.selectors import run_variants
from workbench.plan import Plan
from workbench.releasing.evaluated import EvaluatedVariant
from workbench.releasing.gaps import (
    answer_gaps,
    deciding_gaps,
    find_base,
    find_notes,
    release_tag,
)
from workbench.releasing.task_model import RELEASE, VARIANT, Release
from workbench.releasing.verdict import Gap, Ruling, deciding_metrics, decisive, rule
from workbench.results.serialize import variant_json
from workbench.results.types import MetricComparison, VariantResult
from workbench.store import Store


@dataclass(frozen=True)
class Subject:
    """The variant to promote, and the release that it would replace.

    Attributes:
        replaced: what the alias names; None: nothing.
    """

    evaluated: EvaluatedVariant
    replaced: Release | None
    alias: str


@dataclass(frozen=True)
class Evidence:
    """Everything that a promotion goes by.

    Attributes:
        number: of the variant in the plan.
        result: the variant's numbers, compared with those of the variant in production.
        metrics: those that decide.
        checks: of the gate; empty: there is no gate.
        gaps: what is missing.
        notes: for the user: what is odd, and no reason to refuse.
        when: in UTC.
    """

    subject: Subject
    plan: Plan
    number: int
    result: VariantResult
    metrics: Sequence[str]
    checks: Sequence[Check]
    gaps: Sequence[Gap]
    notes: Sequence[str]
    person: str
    when: datetime

    @property
    def comparisons(self) -> dict[str, MetricComparison | None]:
        """With the variant in production, by metric that decides; empty: there is none."""
        if self.subject.replaced is None:
            return {}
        return {name: self.result.comparisons.get(name) for name in self.metrics}

    @cached_property
    def ruling(self) -> Ruling:
        """The ruling on it."""
        return rule(self.comparisons, self.checks, self.gaps)

    @property
    def verdict(self) -> str:
        """`label_match better, output_tokens equivalent`; or that it is the first."""
        if self.subject.replaced is None:
            return "the first"
        words = [
            f"{name} {decisive(comparison)[1].word if comparison else 'not compared'}"
            for name, comparison in self.comparisons.items()
        ]
        return ", ".join(words) if not self.gaps else "no evidence"

    @property
    def gate(self) -> str:
        """The worst outcome of the gate's checks; `none` without a gate."""
        outcomes = [check.outcome for check in self.checks]
        order = ("failed", "not enough evidence", "passed")
        return next((word for word in order if word in outcomes), "none")

    @property
    def commit(self) -> str:
        """The commit of the evaluation, `1f2e3d4+` if files differed from it; empty: none."""
        record = self.subject.evaluated.record
        return record.commit[:7] + "+" * record.modified if record.commit else ""

    def registered_plan(self) -> Plan:
        """The plan, with the version that the registry gave to the prompt of the variant."""
        variants, name = list(self.plan.variants), self.subject.evaluated.record.prompt
        prompt = variants[self.number].prompt
        prefix = name.removesuffix(f"{prompt.task}.{prompt.name}").rstrip(".")
        number = int(self.subject.evaluated.record.version)
        prompt = replace(prompt, version=number, registry_prefix=prefix)
        variants[self.number] = replace(variants[self.number], prompt=prompt)
        return replace(self.plan, variants=tuple(variants))

    def tags(self, *, forced: str = "") -> dict[str, str]:
        """The tags of the model version: few, because MLflow's list shows all of them."""
        evaluated = self.subject.evaluated
        values = {
            VARIANT: evaluated.record.name,
            "verdict": self.verdict,
            "gate": self.gate,
            "forced": forced,
            RELEASE: release_tag(evaluated),
        }
        return {name: value for name, value in values.items() if value}

    def as_json(self, *, forced: str = "") -> dict[str, JSON]:
        """The content of `evidence.json`."""
        evaluated, dataset = self.subject.evaluated, self.plan.experiment.dataset
        record, replaced = evaluated.record, self.subject.replaced
        return {
            "variant": variant_json(replace(self.result, run_id=record.run_id)),
            "prompt": evaluated.prompt,
            "invocation": record.invocation,
            "replaced": None
            if replaced is None
            else {
                "version": replaced.version,
                "variant": replaced.variant,
                "prompt": replaced.prompt,
                "run_id": replaced.run_id,
            },
            "dataset": {
                "name": dataset.name,
                "digest": dataset.digest,
                "rows": self.result.rows.planned,
            },
            "metrics": list(self.metrics),
            "verdict": self.verdict,
            "gate": self.gate,
            "checks": [asdict(check) for check in self.checks],
            "ruling": self.ruling.outcome,
            "gaps": [asdict(gap) for gap in self.gaps],
            "forced": forced,
            "commit": record.commit,
            "modified": record.modified,
            "person": self.person,
            "when": self.when.isoformat(timespec="seconds"),
            "workbench_version": version("prompt-workbench"),
        }


def gather(plan: Plan, store: Store, subject: Subject, person: str) -> Evidence:
    """The evidence for a variant, from stored answers; missing scores are computed.

    Raises:
        WorkbenchError: the experiment file no longer has the variant.
    """
    evaluated = subject.evaluated
    (number, *_) = run_variants(evaluated.record.run_id, [evaluated.variant], plan)
    compared = compare_stored(plan, store)
    gate = plan.experiment.gate
    name = plan.variants[number].name
    checks = check_gate(plan, compared.tallies, [name]) if gate else []
    gaps = answer_gaps(compared, number, evaluated)
    base, base_gaps = find_base(compared, subject.replaced, subject.alias)
    gaps += base_gaps
    gaps += deciding_gaps(plan, subject.alias, subject.replaced)
    baselines = [base if each == number else None for each in range(len(plan.variants))]
    if base is not None and base != number:
        compared = compared.with_baselines(baselines)
    return Evidence(
        subject,
        plan,
        number,
        compared.results[number],
        deciding_metrics(plan.experiment),
        checks,
        gaps,
        find_notes(plan, number, evaluated),
        person,
        datetime.now(UTC),
    )
