"""Planning: the work for a prompt, a model or a row doesn't grow with the number of others."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from bench import Bench

import workbench
from workbench.prompt import Renderer

pytestmark = pytest.mark.slow

PACKAGE = str(Path(workbench.__file__).parent)
WAITS = str(Path(PACKAGE, "workers"))  # how often a pipe is read depends on the other process
SIZES = (12, 24, 36)
EXPERIMENT = """\
dataset: {{path: rows.jsonl, expected: label}}
prompts: [{prompts}]
models: [{models}]
grid: {{seed: [{seeds}]}}
baseline: {baseline}
evaluators: [exact_match]
"""
MODEL = "echo:last: {{as: m{number}}}"
ROW = '{{"text": "t{number}", "label": "l{number}"}}\n'


@contextmanager
def count_lines() -> Iterator[list[int]]:
    """Count the lines that run in the package; one of a loop counts at each pass."""
    count = [0]

    def trace_line(_frame: FrameType, event: str, _arg: object) -> Any:
        count[0] += event == "line"
        return trace_line

    def trace_call(frame: FrameType, _event: str, _arg: object) -> Any:
        path = frame.f_code.co_filename
        return trace_line if path.startswith(PACKAGE) and not path.startswith(WAITS) else None

    previous = sys.gettrace()
    sys.settrace(trace_call)
    try:
        yield count
    finally:
        sys.settrace(previous)


def experiment(bench: Bench, *, prompts: int = 2, models: int = 1, seeds: int = 1) -> str:
    for number in range(prompts):
        bench.write(f"p{number}.jinja", f"user:\nVariant {number}: {{{{ text }}}}\n")
    return EXPERIMENT.format(
        prompts=", ".join(f"p{number}" for number in range(prompts)),
        models=", ".join(f"{{{MODEL.format(number=number)}}}" for number in range(models)),
        seeds=", ".join(map(str, range(seeds))),
        baseline=f"p{prompts - 1}",
    )


def plan_prompts(bench: Bench, size: int) -> Callable[[], object]:
    text = experiment(bench, prompts=size)
    return lambda: bench.plan(text)


def plan_models(bench: Bench, size: int) -> Callable[[], object]:
    text = experiment(bench, models=size)
    return lambda: bench.plan(text)


def plan_points(bench: Bench, size: int) -> Callable[[], object]:
    text = experiment(bench, seeds=size)
    return lambda: bench.plan(text)


def plan_rows(bench: Bench, size: int) -> Callable[[], object]:
    bench.write("rows.jsonl", "".join(ROW.format(number=number) for number in range(size)))
    text = experiment(bench)
    return lambda: bench.plan(text)


@pytest.mark.parametrize("prepare", [plan_prompts, plan_models, plan_points, plan_rows])
def test_work_grows_in_proportion(
    prepare: Callable[[Bench, int], Callable[[], object]], tmp_path: Path, renderer: Renderer
) -> None:
    counts = []
    for size in SIZES:
        bench = Bench(tmp_path / str(size), renderer)
        bench.write("rows.jsonl", ROW.format(number=0) + ROW.format(number=1))
        act = prepare(bench, size)
        act()  # caches are filled
        with count_lines() as count:
            act()
        counts.append(count[0])
    few, some, many = counts
    assert abs((many - some) - (some - few)) < SIZES[0]
