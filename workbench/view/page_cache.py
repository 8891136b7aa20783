"""A cache of large comparisons' pages, valid until an answer or a file has changed.

    .workbench/views/5f2c….page      a line of JSON, the keys of all cells, a checksum

Comparing 500,000 answers takes half a minute. Cached contents are shown only if prompts, rows,
models, evaluators, settings, answers and the code that compares them are the same.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path
from typing import Any

from workbench.canonical import canonical_json, digest
from workbench.comparing.comparison import ExperimentComparison
from workbench.dataset import RowsCache
from workbench.evaluator import Score
from workbench.plan import Plan
from workbench.plan.stored_cells import KEY_BYTES, pack_keys, with_keys
from workbench.project import Project
from workbench.project.cache_files import code_digest, read_cache_file, write_cache_file
from workbench.scoring.answer_reader import AnswerReader
from workbench.scoring.scored_rows import ScoredRows
from workbench.store import Store
from workbench.store.changes import VIEWS, Look
from workbench.view.page_contents import PageContents, page_head

MIN_ANSWERS = 20_000  # below, comparing takes a second or two
MAX_FILES = 5  # the newest stay; one has some 40 bytes an answer
MAX_UNSTORED = 10_000  # answers with errors of evaluators, which the store doesn't keep


@dataclass(frozen=True)
class PageCache:
    """The cached contents of one view.

    Attributes:
        selectors, by: of the command: the variants to compare, and the column of the slices.
    """

    project: Project
    store: Store
    selectors: Sequence[str] = ()
    by: str = ""

    def save(self, contents: PageContents) -> None:
        """Cache the contents of a large comparison, if the answers alone decide them."""
        plan, scored = contents.compared.plan, contents.compared.scored
        if scored is None or not _can_cache(plan, scored):
            return
        header = {
            "identity": self._identity(plan),
            "look": astuple(contents.look),
            "baselines": plan.baselines,
            "choice_methods": [variant.choice_method for variant in plan.variants],
            "keys": [len(cells) for cells in plan.cells],
            "unstored": [
                [*place, {name: asdict(score) for name, score in scores.items()}]
                for place, scores in scored.unstored_scores.items()
            ],
            "head": contents.head,
        }
        line = json.dumps(header, separators=(",", ":"), ensure_ascii=False)
        line = self.store.redactor.redact(line)
        parts = [line.encode("utf-8", "replace"), b"\n", *pack_keys(plan)]
        write_cache_file(self._file(plan), parts, newest=MAX_FILES)
        RowsCache(self._folder).save(plan.experiment.dataset)

    def load(self, make_outline: Callable[[], Plan]) -> PageContents | None:
        """The cached contents, if comparing would give the same.

        `make_outline` returns the plan without its cells; it is called only if there are any.
        """
        if not any(self._folder.glob("*.page")):
            return None
        outline = make_outline()
        body = read_cache_file(self._file(outline))
        if body is None:
            return None
        with suppress(ValueError, KeyError, TypeError):
            line, _, packed = bytes(body).partition(b"\n")
            contents = self._contents(outline, json.loads(line), packed)
            if contents:
                RowsCache(self._folder).save(outline.experiment.dataset)
            return contents
        return None

    def _contents(
        self, outline: Plan, header: dict[str, Any], packed: bytes
    ) -> PageContents | None:
        look = Look(*header["look"])
        if header["identity"] != self._identity(outline):
            return None
        keys, start = list[bytes](), 0
        for count in header["keys"]:
            keys.append(packed[start : start + count * KEY_BYTES])
            start += count * KEY_BYTES
        plan = with_keys(outline, keys, self.store)
        added = look.new_keys(self.store.database)
        if added is None or any(key in plan.bodies for key in added):
            return None
        methods = zip(plan.variants, header["choice_methods"], strict=True)
        variants = tuple(replace(variant, choice_method=method) for variant, method in methods)
        plan = replace(plan, variants=variants, baselines=tuple(header["baselines"]))
        unstored = {
            (variant, number): {name: Score(**score) for name, score in scores.items()}
            for variant, number, scores in header["unstored"]
        }
        reader = AnswerReader(plan, self.store)
        scored = ScoredRows(plan, self.store, reader, [], unstored_scores=unstored)
        compared = ExperimentComparison(plan, (), (), scored.rows, prices=self.project.prices)
        return PageContents(replace(compared, scored=scored), header["head"], look)

    def _file(self, plan: Plan) -> Path:
        names = [plan.experiment.path, plan.scope, list(self.selectors), self.by]
        return self._folder / f"{digest(names)[:16]}.page"

    @property
    def _folder(self) -> Path:
        return self.project.store / VIEWS

    def _identity(self, plan: Plan) -> str:
        """Digest of all that decides the contents but for the answers."""
        experiment, dataset = plan.experiment, plan.experiment.dataset
        return digest(
            {
                "code": code_digest(),
                "project": canonical_json(experiment.content),
                "variants": [replace(v, choice_method="").digest for v in plan.variants],
                "templates": [[v.prompt.ref, v.prompt.source] for v in plan.variants],
                "dataset": [dataset.name, dataset.digest, dataset.groups, dataset.warnings],
                "reserved": dict(dataset.reserved),
                "evaluators": [[each.name, each.metric_digest] for each in experiment.evaluators],
                "judges": [
                    [name, each.min_kappa, each.record and each.record.at]
                    for name, each in experiment.judges.items()
                ],
                "repeats": experiment.repeats,
                "scope": plan.scope,
                "names": [list(self.selectors), self.by],
                "currency": self.project.file.currency,
                "prices": {
                    name: price.model_dump(exclude_none=True)
                    for name, price in self.project.prices.items()
                },
            }
        )


def cache_page(compared: ExperimentComparison, project: Project) -> None:
    """Cache the page of a large comparison that a run has made, for `workbench view`.

    Variants without any answer are left out there, so nothing is cached if there are any.
    """
    answered = all(result.rows.not_run < result.rows.planned for result in compared.results)
    if answered and compared.scored and _can_cache(compared.plan, compared.scored):
        store = compared.scored.store
        look = Look.at(store.database)
        head = page_head(compared, project.file.currency)
        PageCache(project, store).save(PageContents(compared, head, look))


def _can_cache(plan: Plan, scored: ScoredRows) -> bool:
    """True if the answers alone decide the contents, and comparing them takes long.

    An evaluator without a cache may score otherwise the next time, and how a prefilled answer is
    read depends on other answers. Images are files, which may change.
    """
    return (
        plan.planned >= MIN_ANSWERS
        and len(scored.unstored_scores) <= MAX_UNSTORED
        and not scored.failed
        and not scored.store.database.is_read_only
        and all(evaluator.traits.cache for evaluator in plan.experiment.evaluators)
        and not any(variant.prompt.image_line for variant in plan.variants)
        and not any(request.prefill for request in plan.bodies.values())
    )
