"""A judge: a prompt that models answer with a verdict on an answer.

    Judge("polite", Prompt(task="judges", name="rubric", …), models=(OpenModel(…),), samples=1, …)

Its scores are those of an evaluator whose verdicts are requested from models instead of computed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Literal, Self

from workbench.canonical import JSON, digest
from workbench.evaluator import Evaluator, Score, Traits
from workbench.judges.judge_record import JudgeRecord
from workbench.judges.judgment import Judgment
from workbench.model import OpenModel
from workbench.prompt import Prompt

BUNDLED = "workbench"  # the folder in the names of the package's judges
FORMAT = 1  # of the requests and of the reading of their replies
ARGUMENTS = ("inputs", "outputs", "expectations")
WINS, LOSES, TIE, ORDER = "wins", "loses", "tie", "order decided"
SPLIT = "split"  # of the label of verdicts that differ
# What the outcomes of a pair are worth; a judge contradicts itself where the order decides.
PAIR_VALUES = {WINS: 1.0, LOSES: 0.0, TIE: 0.5, ORDER: 0.5}
Combine = Literal["majority", "mean"]


@dataclass(frozen=True)
class Condition:
    """The outcome of another evaluator for which the judge is asked: `label_match is unparsed`.

    Attributes:
        digest: of that evaluator.
    """

    evaluator: str
    outcome: str
    digest: str = ""


@dataclass(frozen=True)
class Judge:
    """A judge of an experiment.

    Attributes:
        name: of its metric.
        values: what each choice is worth.
        settings: variables of a bundled prompt, as its rubric.
        models: one, or a panel.
        samples: verdicts that each model is asked for.
        combine: the most frequent choice of all verdicts counts, or the mean of their values.
        only_if: None: it is asked for every answer.
        pairwise: it compares an answer with the baseline's.
        parameters: of its requests.
        min_kappa: agreement with people below which its metric decides nothing; None: no bar.
        record: of its calibration; None: it is uncalibrated.
    """

    name: str
    prompt: Prompt
    values: Mapping[str, float]
    models: tuple[OpenModel, ...]
    settings: Mapping[str, JSON] = field(default_factory=dict)
    samples: int = 1
    combine: Combine = "majority"
    only_if: Condition | None = None
    pairwise: bool = False
    parameters: Mapping[str, JSON] = field(default_factory=dict)
    min_kappa: float | None = None
    record: JudgeRecord | None = None

    @property
    def doubt(self) -> str:
        """The reason why its metric decides nothing; empty: it may decide."""
        if self.record is None or self.min_kappa is None:
            return ""
        kappa = self.record.kappa
        if kappa is not None and kappa >= self.min_kappa:
            return ""
        return f"the judge is below its bar: {self.record.kappa_text}; min_kappa {self.min_kappa:g}"

    @property
    def is_bundled(self) -> bool:
        """True if its prompt is one of the package's, and no file of the project replaces it."""
        return self.prompt.where().startswith(f"{BUNDLED}/")

    @property
    def prompt_name(self) -> str:
        """`workbench/rubric`, or of the project `judges/helpful@3` with its version."""
        prompt = self.prompt
        if self.is_bundled:
            return prompt.ref
        version = f"@{prompt.version}" if prompt.version and "@" not in prompt.ref else ""
        return f"{prompt.task}/{prompt.ref.rpartition('/')[2]}{version}"

    @property
    def labels(self) -> Mapping[str, float]:
        """The labels that people may give an answer, and what each is worth."""
        if not self.pairwise:
            return self.values
        return {label: value for label, value in PAIR_VALUES.items() if label != ORDER}

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the greatest value of a verdict."""
        values = PAIR_VALUES.values() if self.pairwise else self.values.values()
        return min(values), max(values)

    @property
    def choices(self) -> tuple[str, ...]:
        """The choices, in the order of the file."""
        return tuple(self.values)

    @property
    def digest(self) -> str:
        """Digest of all that decides its verdicts; calibrations are kept under it."""
        return digest(
            {
                "judge": FORMAT,
                "prompt": self.prompt.digest,
                "values": dict(self.values),
                "settings": dict(self.settings),
                "models": [_identity(model) for model in self.models],
                "samples": self.samples,
                "combine": self.combine,
                "pairwise": self.pairwise,
                "parameters": dict(self.parameters),
            }
        )

    def with_models(self, models: Sequence[OpenModel]) -> Self:
        """The same judge with these models in place of its own."""
        return replace(self, models=tuple(models))

    @property
    def evaluator(self) -> Evaluator:
        """The evaluator whose scores are its verdicts."""
        only_if = self.only_if
        return Evaluator(
            self.name,
            settings={"only_if": [only_if.evaluator, only_if.outcome]} if only_if else {},
            arguments=(*ARGUMENTS, "baseline") if self.pairwise else ARGUMENTS,
            traits=Traits(range=self.ends, judged=True),
            digest=digest([self.digest, vars(only_if)]) if only_if else self.digest,
            source=self.prompt.where(),
            needs_expectations="expectations" in self.prompt.all_variables,
        )

    def score(self, verdicts: Sequence[tuple[str, Judgment]]) -> Score:
        """The score of all verdicts on one answer, each with its model's name.

        Verdicts that can't be read are left out, as long as half of them can. The label says where
        those that can differ: `yes (split)`.
        """
        readable = [(model, each) for model, each in verdicts if each.choice is not None]
        if 2 * len(readable) < len(verdicts) or not readable:
            unread = [each for _, each in verdicts if each.choice is None]
            return Score(reason=unread[0].reason, error=unread[0].error)
        choices = [each.choice for _, each in readable if each.choice is not None]
        values = PAIR_VALUES if self.pairwise else self.values
        value = fmean(values[choice] for choice in choices)
        counts = Counter(choices).most_common()
        leaders = [choice for choice, count in counts if count == counts[0][1]]
        if self.combine == "majority":
            value = fmean(values[choice] for choice in leaders)
        label = leaders[0] if len(leaders) == 1 else TIE
        if len(verdicts) == 1:
            return Score(value, readable[0][1].reason, label, parsed=label)
        reason = "; ".join(
            f"{model}: {each.choice or each.error}{f' ({each.reason})' if each.reason else ''}"
            for model, each in verdicts
        )
        shown = label if len(counts) == 1 or label == TIE else f"{label} ({SPLIT})"
        return Score(value, reason, shown, parsed=label)


def pair_outcome(direct: Judgment, swapped: Judgment) -> Judgment:
    """The outcome of a pair in both orders; in `direct` the variant's answer stands first."""
    for judgment in (direct, swapped):
        if judgment.choice is None:
            return judgment
    outcomes = {("first", "second"): WINS, ("second", "first"): LOSES, ("tie", "tie"): TIE}
    outcome = outcomes.get((str(direct.choice), str(swapped.choice)), ORDER)
    reason = " | ".join(filter(None, (direct.reason, swapped.reason)))
    return Judgment(outcome, reason)


def _identity(model: OpenModel) -> JSON:
    """All of a model that decides its answers to a request."""
    parameters = dict(model.model.parameters)
    return [model.model.ref, dict(model.provider.identity), parameters, dict(model.model.reading)]
