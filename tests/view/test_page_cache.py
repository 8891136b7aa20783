"""Cached contents of a page: those of an equal comparison, and none where anything differs."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from bench import Bench
from command import invoke, write_task

from workbench.cli.compare import open_comparison
from workbench.cli.setup import open_project
from workbench.comparing.comparison import compare_stored
from workbench.dataset import ALL_ROWS, DatasetSpec, Example, RowsCache, rows_file
from workbench.dataset.packed_examples import PackedExamples
from workbench.evaluator import Score
from workbench.model import Completion
from workbench.plan import Plan, Scope, outline_plan
from workbench.plan.redact_rows import redact_rows
from workbench.project import Price, ProjectFile
from workbench.secrets import Redactor, Secret
from workbench.store import Store
from workbench.view import page_cache
from workbench.view.page_cache import PageCache, cache_page
from workbench.view.page_contents import PageContents, read_contents

EXPERIMENT = """\
dataset: {path: rows.jsonl, expected: label}
prompts: [plain, loud]
models: [echo:last]
evaluators: [exact_match, own]
repeats: 2
margin: 0.05
"""
OWN = """\
def own(outputs):
    if outputs == "row 1":
        raise ValueError("no value")
    return len(outputs) > 4
"""
ROWS = 4


@pytest.fixture
def viewed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Two variants with an answer to each row, whose comparison is cached."""
    monkeypatch.setattr(page_cache, "MIN_ANSWERS", ROWS)
    rows = [{"id": f"r{n}", "text": f"row {n}", "label": "row 0"} for n in range(ROWS)]
    bench.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    bench.write("loud.jinja", "user:\n{{ text | upper }}\n")
    (bench.root / "evaluators").mkdir()
    (bench.root / "evaluators" / "own.py").write_text(OWN)
    bench.project.store.mkdir(exist_ok=True)
    with Store(bench.project.store) as store:
        plan = bench.plan(EXPERIMENT)
        answer(plan, store)
        PageCache(bench.project, store).save(contents(plan, store))
    return bench


def answer(plan: Plan, store: Store, text: str = "") -> None:
    """Store the answer to every request: its last line."""
    pairs = (
        (request, Completion(key, "ok", text=text or _last_line(request.body), raw="{}"))
        for key, request in plan.bodies.items()
    )
    store.save_completions(pairs)


def _last_line(body: dict) -> str:
    return str(body["messages"][-1]["content"]).strip()


def contents(plan: Plan, store: Store) -> PageContents:
    return read_contents(lambda: compare_stored(plan, store), store, "USD")


def load(bench: Bench, text: str = EXPERIMENT, **view: object) -> PageContents | None:
    """What a start of `workbench view` finds."""
    project = view.pop("project", bench.project)
    scope = view.pop("scope", Scope())
    with Store(bench.project.store) as store:
        cache = PageCache(project, store, **view)  # type: ignore[arg-type]
        return cache.load(lambda: outline_plan(bench.experiment(text), scope))  # type: ignore[arg-type]


def test_cached_contents_are_those_of_the_comparison(viewed: Bench) -> None:
    with Store(viewed.project.store) as store:
        plan = viewed.plan(EXPERIMENT)
        compared = contents(plan, store)
        cache = PageCache(viewed.project, store)
        loaded = cache.load(lambda: outline_plan(viewed.experiment(EXPERIMENT), Scope()))
        assert loaded
        assert json.dumps(loaded.head) == json.dumps(compared.head)
        assert [list(cells) for cells in loaded.compared.plan.cells] == [*map(list, plan.cells)]
        variants = loaded.compared.plan.variants
        assert [v.digest for v in variants] == [v.digest for v in plan.variants]
        for full, read in zip(_rows(compared), _rows(loaded), strict=True):
            assert full == read
        assert any("no value" in score.error for _, row in _rows(loaded) for score in row)


def _rows(page: PageContents) -> list[tuple[str, Sequence[Score]]]:
    """Key and scores of each row of the variants, as the page reads them."""
    assert page.compared.scored
    numbered = (page.compared.scored.numbered(variant, range(ROWS * 2)) for variant in (0, 1))
    return [(row.cell.key, tuple(row.scores.values())) for rows in numbered for _, row in rows]


def write_answer(bench: Bench, *, key: str = "", text: str = "other") -> None:
    """Store an answer, by default to a request of no plan."""
    plan = bench.plan(EXPERIMENT)
    request = plan.bodies[key] if key else replace(next(iter(plan.bodies.values())), key="0" * 64)
    with Store(bench.project.store) as store:
        store.save_completions([(request, Completion(request.key, "ok", text=text, raw="{}"))])


def first_key(bench: Bench) -> str:
    return bench.plan(EXPERIMENT).cells[0][0].key


def execute(bench: Bench, statement: str) -> None:
    with Store(bench.project.store) as store:
        store.database.write([(statement, [(first_key(bench),)])])


CHANGES: dict[str, Callable[[Bench], object]] = {
    "an answer is asked for again": lambda b: write_answer(b, key=first_key(b)),
    "an answer is deleted": lambda b: execute(b, "DELETE FROM completions WHERE key = ?"),
    "a template": lambda b: b.write("loud.jinja", "user:\n{{ text | title }}\n"),
    "a comment in a template": lambda b: b.write("loud.jinja", "user:\n{{ text|upper }}{# ! #}\n"),
    "a row": lambda b: b.write("rows.jsonl", (b.task / "rows.jsonl").read_text()[:-3] + '1"}\n'),
    "an evaluator": lambda b: (b.root / "evaluators/own.py").write_text(OWN.replace("4", "5")),
}
SETTINGS = {
    "an evaluator's setting": ("exact_match,", "exact_match: {ignore_case: true},"),
    "the order of the prompts": ("[plain, loud]", "[loud, plain]"),
    "the baseline": ("repeats", "baseline: loud\nrepeats"),
    "the margin": ("0.05", "0.1"),
    "the repeats": ("repeats: 2", "repeats: 3"),
    "the answers' model": ("echo:last", "echo:prompt"),
}
VIEWS: dict[str, dict[str, object]] = {
    "a limit": {"scope": Scope(limit=2)},
    "names": {"selectors": ["loud"]},
    "slices": {"by": "label"},
}


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_is_shown_that_has_changed(viewed: Bench, change: str) -> None:
    assert load(viewed)
    CHANGES[change](viewed)
    assert load(viewed) is None


@pytest.mark.parametrize("setting", SETTINGS)
def test_nothing_is_shown_of_other_settings(viewed: Bench, setting: str) -> None:
    before, after = SETTINGS[setting]
    assert before in EXPERIMENT
    assert load(viewed, EXPERIMENT.replace(before, after, 1)) is None


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_has_contents_of_its_own(viewed: Bench, view: str) -> None:
    assert load(viewed, **VIEWS[view]) is None


def test_prices_and_code_decide_the_contents(
    viewed: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    prices = {"echo:last": Price(input=1, output=2)}
    for file in (ProjectFile(prices=prices), ProjectFile(currency="EUR")):
        assert load(viewed, project=replace(viewed.project, file=file)) is None
    monkeypatch.setattr(page_cache, "code_digest", lambda: "another version")
    assert load(viewed) is None


def test_answers_of_other_plans_and_ratings_change_nothing(viewed: Bench) -> None:
    write_answer(viewed)
    with Store(viewed.project.store) as store:
        (completion,) = store.completions([first_key(viewed)]).values()
        store.ratings.add(completion, "ann", good=True, comment="")
    assert load(viewed)


@pytest.mark.parametrize("event", ["answered", "failed"])
def test_what_becomes_of_an_unanswered_row_is_not_left_out(viewed: Bench, event: str) -> None:
    execute(viewed, "DELETE FROM completions WHERE key = ?")
    with Store(viewed.project.store) as store:
        PageCache(viewed.project, store).save(contents(viewed.plan(EXPERIMENT), store))
    assert load(viewed)
    if event == "answered":
        write_answer(viewed, key=first_key(viewed))
    else:
        with Store(viewed.project.store) as store:
            store.no_replies.record([(first_key(viewed), "echo:last", "no reply")])
    assert load(viewed) is None


@pytest.mark.parametrize("place", [0.0, 0.3, 0.6, 0.9])
def test_a_damaged_file_is_not_shown(viewed: Bench, place: float) -> None:
    (file,) = (viewed.project.store / "views").iterdir()
    body = file.read_bytes()
    at = int(len(body) * place)
    for damaged in (body[:at], body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :], body + b"x"):
        file.write_bytes(damaged)
        assert load(viewed) is None
    file.write_bytes(body)
    assert load(viewed)


def test_what_more_than_the_answers_decides_is_not_cached(viewed: Bench) -> None:
    (file,) = (viewed.project.store / "views").iterdir()
    file.unlink()
    uncached = OWN.replace("def own", "@evaluator(cache=False)\ndef own")
    source = f"from workbench.evaluator import evaluator\n\n{uncached}"
    (viewed.root / "evaluators" / "own.py").write_text(source)
    with Store(viewed.project.store) as store:
        save = partial(cache_page, project=viewed.project)
        save(compare_stored(viewed.plan(EXPERIMENT), store))
        assert not file.exists()
        (viewed.root / "evaluators" / "own.py").write_text(OWN)
        save(compare_stored(viewed.plan(EXPERIMENT), store))
        assert file.exists()
        assert file.stat().st_mode & 0o077 == 0


def test_a_view_after_a_run_compares_nothing_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_cache, "MIN_ANSWERS", 1)
    write_task(tmp_path)
    assert invoke(tmp_path, "run", MLFLOW_TRACKING_URI="none").returncode == 0
    monkeypatch.chdir(tmp_path)
    project = open_project("none")
    with open_comparison(["qa"], project, "none", Scope(), by_slice=True) as opened:
        cache = PageCache(project, opened.store)
        loaded = cache.load(opened.outline)
        assert loaded
        compared = read_contents(
            lambda: compare_stored(opened.plan(), opened.store), opened.store, "USD"
        )
        assert json.dumps(loaded.head) == json.dumps(compared.head)
    assert invoke(tmp_path, "store", "prune", "--older-than", "1w", "--yes").returncode == 0
    assert not (tmp_path / ".workbench" / "views").exists()


def open_cached() -> Sequence[Example] | None:
    """The rows of a view's cached page; None: there is no such page."""
    project = open_project("none")
    with open_comparison(["qa"], project, "none", Scope(), by_slice=True) as opened:
        page = PageCache(project, opened.store).load(opened.outline)
        return page.compared.plan.examples if page else None


def test_a_view_after_a_run_parses_no_rows_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_cache, "MIN_ANSWERS", 1)
    monkeypatch.setattr(rows_file, "MIN_BYTES", 1)
    write_task(tmp_path)
    assert invoke(tmp_path, "run", MLFLOW_TRACKING_URI="none").returncode == 0
    monkeypatch.chdir(tmp_path)
    examples = open_cached()
    assert isinstance(examples, PackedExamples)
    assert [example.inputs for example in examples] == [{"text": "yes"}, {"text": "no"}]
    (rows,) = (tmp_path / ".workbench" / "views").glob("*.rows")
    rows.write_bytes(rows.read_bytes()[:-1])
    kinds = [type(open_cached()) for _ in range(2)]
    assert kinds == [tuple, PackedExamples]  # written again
    file = tmp_path / "prompts" / "qa" / "rows.csv"
    file.write_text(file.read_text().replace("no,yes", "nö,yes"))
    assert open_cached() is None
    assert invoke(tmp_path, "store", "prune", "--older-than", "1w", "--yes").returncode == 0
    assert not rows.parent.exists()


def test_rows_with_a_secret_are_redacted_and_not_cached(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_file, "MIN_BYTES", 1)
    bench.write("rows.jsonl", '{"text": "the key is sk-canary-4711-0815"}\n')
    cache = RowsCache(bench.root / "views")
    experiment = bench.experiment()
    spec = DatasetSpec(path="rows.jsonl")
    clean = cache.read(spec, bench.task, ALL_ROWS, lambda: experiment.dataset)
    redactor = Redactor([Secret("KEY", "sk-canary-4711-0815")])
    redacted = redact_rows(replace(experiment, dataset=clean), redactor).dataset
    cache.save(redacted)
    assert not (bench.root / "views").exists()
    cache.save(clean)  # the variable is set after this
    cached = cache.read(spec, bench.task, ALL_ROWS, lambda: experiment.dataset)
    assert isinstance(cached.examples, PackedExamples)
    again = redact_rows(replace(experiment, dataset=cached), redactor).dataset
    assert again == redacted
    assert again.examples[0].inputs == {"text": "the key is [secret KEY]"}
    other = Redactor([Secret("KEY", "sk-other-4711-0815")])
    assert (
        redact_rows(replace(experiment, dataset=cached), other).dataset.examples is cached.examples
    )


def test_only_the_newest_views_are_cached(viewed: Bench) -> None:
    with Store(viewed.project.store) as store:
        page = contents(viewed.plan(EXPERIMENT), store)
        for number in range(page_cache.MAX_FILES + 2):
            PageCache(viewed.project, store, by=f"column {number}").save(page)
    assert len(list((viewed.project.store / "views").iterdir())) == page_cache.MAX_FILES
    assert load(viewed, by=f"column {page_cache.MAX_FILES + 1}")
    assert load(viewed) is None
