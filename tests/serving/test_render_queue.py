"""Rows rendered for a server: as an evaluation renders them, and none at another's cost."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.model import PromptCall
from workbench.prompt import Prompt, PromptSettings, Renderer, check_templates
from workbench.serving.errors import InputsError, MissingInputsError
from workbench.serving.render_lane import captures_text
from workbench.serving.render_queue import MOST_WAITING, RenderQueue

GREETING = "user:\nHi {{ name }}"
TURNS = "{% for turn in turns %}\nuser:\n{{ turn }}\n{% endfor %}\nassistant:\nSo"
SLOW = "user:\n{% for i in range(n) %}{% for j in range(n) %}{% endfor %}{% endfor %}{{ n }}"
LARGE = "user:\n{{ (text * n)|length }} {{ text }}"
REVERSED = "{% set x %}\nuser:\n{{ name }}{% endset %}{{ x }}{{ x|length }}"


def make_prompt(source: str, **settings: Any) -> Prompt:
    prompt = Prompt("task", "p", "p", source, source, PromptSettings(**settings))
    with Renderer() as renderer:
        return next(check_templates([prompt], renderer))


def render(
    source: str | Prompt, *rows: Mapping[str, JSON], before: Callable[[RenderQueue], None] = id
) -> list[PromptCall | BaseException]:
    """The call of each row or its error; all rows wait at once."""

    async def ask(queue: RenderQueue) -> list[PromptCall | BaseException]:
        before(queue)
        return await asyncio.gather(*map(queue.render, rows), return_exceptions=True)

    return in_queue(source, ask)


def in_queue(source: str | Prompt, use: Callable[[RenderQueue], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        prompt = make_prompt(source) if isinstance(source, str) else source
        queue = RenderQueue(prompt)
        await queue.start()
        try:
            return await asyncio.wait_for(use(queue), 60)
        finally:
            await queue.close()

    return asyncio.run(main())


def shown(calls: list[PromptCall | BaseException]) -> list[str]:
    return [
        c.conversation.as_text() if isinstance(c, PromptCall) else f"{type(c).__name__}: {c}"
        for c in calls
    ]


@pytest.mark.parametrize("source", [GREETING, TURNS, REVERSED, "no role line: {{ name }}"])
def test_rows_render_as_in_an_evaluation(source: str) -> None:
    prompt = make_prompt(source)
    rows = [{"name": f"Ada {n}\nuser:\n", "turns": ["a"] * (n + 1)} for n in range(70)]
    with Renderer() as renderer:
        evaluated = list(prompt.calls(renderer, rows, map(str, range(70))))
    assert render(prompt, *rows) == evaluated


def test_choices_schema_and_tools_are_those_of_an_evaluation() -> None:
    prompt = make_prompt(
        GREETING, choices=("{{ options }}",), response_schema={"type": "object"}, tools=({"a": 1},)
    )
    rows = [{"name": "Ada", "options": ["yes", "no"]}]
    with Renderer() as renderer:
        assert render(prompt, *rows) == list(prompt.calls(renderer, rows, ["1"]))


def test_a_row_that_fails_fails_alone() -> None:
    rows: list[Mapping[str, JSON]] = [{"name": str(n)} for n in range(9)]
    rows[2] = rows[5] = {"other": "secret"}
    rows[7] = {"name": {"a": "secret"}}
    source = "user:\n{{ name.upper() }}"
    assert shown(render(source, *rows)) == [
        *("user:\n0", "user:\n1", missing("name"), "user:\n3", "user:\n4", missing("name")),
        *(
            "user:\n6",
            "InputsError: task.p@None:2: the template can't be rendered with these inputs",
        ),
        "user:\n8",
    ]


def missing(name: str) -> str:
    return f"MissingInputsError: {MissingInputsError([name])}"


@pytest.mark.parametrize(
    ("source", "row", "message"),
    [
        (SLOW, {"n": 100_000}, "the template takes too long with these inputs"),
        (LARGE, {"n": 10**9, "text": "secret"}, "the template needs too much memory with these"),
        ("{{ n * 4000000 }}", {"n": "secret"}, "the template can't be rendered with these"),
        ("{% if n %}{{ n }}{% endif %}\nuser:\nHi", {"n": "secret"}, "the inputs give no"),
        ("{% messages n %}", {"n": [{"role": "secret"}]}, "the inputs give no conversation"),
        ("{% messages n %}", {"n": "secret"}, "the inputs give no conversation"),
    ],
)
def test_the_error_of_a_row_repeats_nothing_of_it(
    source: str, row: Mapping[str, JSON], message: str
) -> None:
    (error,) = render(source, row)
    assert isinstance(error, InputsError)
    assert message in str(error)
    assert "secret" not in str(error)


def test_a_slow_row_and_a_large_one_leave_the_others_their_answers() -> None:
    source = (
        "user:\n{% for i in range(n) %}{% for j in range(n) %}{% endfor %}{% endfor %}"
        "{{ (text * m)|length }}"
    )
    rows = [{"n": 1, "m": 1, "text": "a"} for _ in range(6)]
    rows[1]["n"], rows[3]["m"] = 100_000, 10**9
    assert shown(render(source, *rows))[::2] == ["user:\n1"] * 3


def test_rows_that_take_long_hold_up_no_other() -> None:
    async def ask(queue: RenderQueue) -> tuple[list[str], int, list[str]]:
        slow = [asyncio.create_task(queue.render({"n": n})) for n in (100_000, 1_000, 99_000)]
        await asyncio.sleep(0.5)
        quick = [await queue.render({"n": n}) for n in range(10)]
        done = sum(task.done() for task in slow)
        return shown(quick), done, shown(await asyncio.gather(*slow, return_exceptions=True))

    quick, done, slow = in_queue(SLOW, ask)
    assert quick == [f"user:\n{n}" for n in range(10)]
    assert done < 3
    assert [text.partition(":")[0] for text in slow] == ["InputsError", "user", "InputsError"]


def nested(depth: int) -> JSON:
    value: JSON = "x"
    for _ in range(depth):
        value = [value]
    return value


def test_inputs_that_are_nested_too_deep_never_reach_the_process() -> None:
    (ok, error) = render("user:\n{{ name|length }}", {"name": nested(98)}, {"name": nested(101)})
    assert shown([ok]) == ["user:\n1"]
    assert "nested more than 100 deep" in str(error)


def kill(queue: RenderQueue) -> None:
    process = queue._quick._renderer._process
    assert process
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def test_a_killed_process_costs_no_row_its_answer() -> None:
    rows = [{"name": str(n)} for n in range(40)]
    assert shown(render(GREETING, *rows, before=kill)) == [f"user:\nHi {n}" for n in range(40)]


def test_killed_again_and_again_between_rows() -> None:
    async def ask(queue: RenderQueue) -> list[str]:
        texts = []
        for n in range(3):
            kill(queue)
            texts.append((await queue.render({"name": n})).conversation.as_text())
        return texts

    assert in_queue(GREETING, ask) == ["user:\nHi 0", "user:\nHi 1", "user:\nHi 2"]


def test_too_many_rows_are_refused_and_the_others_answered() -> None:
    calls = render(GREETING, *({"name": n} for n in range(MOST_WAITING + 5)))
    assert [type(call).__name__ for call in calls] == [
        *["PromptCall"] * MOST_WAITING,
        *["BusyError"] * 5,
    ]


def test_a_client_that_goes_leaves_the_others_their_answers() -> None:
    async def ask(queue: RenderQueue) -> list[str]:
        tasks = [asyncio.create_task(queue.render({"name": n})) for n in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        calls = await asyncio.gather(*tasks, return_exceptions=True)
        assert queue._waiting == 0
        return shown(calls[1::2])

    assert in_queue(GREETING, ask) == [f"user:\nHi {n}" for n in range(1, 20, 2)]


def test_a_template_that_is_none_is_refused_at_the_start() -> None:
    async def main() -> None:
        await RenderQueue(Prompt("task", "p", "p", "{% if %}", "{% if %}")).start()

    with pytest.raises(WorkbenchError, match=r"Expected an expression"):
        asyncio.run(main())


def test_a_closed_queue_refuses_rows() -> None:
    async def main() -> None:
        queue = RenderQueue(make_prompt(GREETING))
        await queue.start()
        await queue.close()
        await queue.render({"name": "Ada"})

    with pytest.raises(WorkbenchError, match="no longer served"):
        asyncio.run(main())


@pytest.mark.parametrize(
    ("source", "captures"),
    [
        (GREETING, False),
        (TURNS, False),
        ("{% set x = 1 %}{% if x %}{% raw %}{{{% endraw %}{% endif %} the end of endless", False),
        ("{% with x = 1 %}{{ x }}{% endwith %}", False),
        (REVERSED, True),
        ("{%- filter upper -%}\nuser:\na{%- endfilter -%}", True),
        ("{% macro a() %}\nuser:\nb{% endmacro %}{{ a()|reverse }}", True),
        ("{% for x in y recursive %}\nuser:\n{{ loop(x)|reverse }}{% endfor %}", True),
        ("{% block a %}\nuser:\nb{%+ endblock %}{{ self.a()|reverse }}", True),
    ],
)
def test_a_template_that_could_print_its_markers_gets_new_ones_for_each_batch(
    source: str, captures: bool
) -> None:
    assert captures_text(source) is captures
