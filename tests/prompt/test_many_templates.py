"""Many templates of one experiment: they are parsed and rendered ahead, and each error is named."""

from itertools import groupby

import pytest
from bench import Bench, refusal

from workbench.canonical import JSON
from workbench.prompt import Renderer

EXPERIMENT = """\
dataset: rows.jsonl
prompts: [{}]
models: [echo:last]
evaluators: [output_tokens]
"""


def write_prompts(bench: Bench, count: int, **changed: str) -> str:
    """The experiment with so many prompts; a changed one has this text, or no file."""
    names = [f"p{number}" for number in range(count)]
    for name in names:
        if text := changed.get(name, f"user:\nTemplate {name}: {{{{ text }}}}\n"):
            bench.write(f"{name}.jinja", text)
    return EXPERIMENT.format(", ".join(names))


class LoggingRenderer(Renderer):
    """The process of another renderer, with a log of what is sent and received."""

    def __init__(self, renderer: Renderer) -> None:
        self.__dict__ = vars(renderer)
        self.log = ""

    def send(self, request: str) -> None:
        self.log += "s"
        super().send(request)

    def receive(self, *arguments: object, **named: object) -> JSON:
        self.log += "r"
        return super().receive(*arguments, **named)


def test_renderer_is_waited_for_once_for_all_templates(bench: Bench) -> None:
    renderer = LoggingRenderer(bench.renderer)
    plan = Bench(bench.root, renderer).plan(write_prompts(bench, 50))
    assert len(plan.variants) == 50
    assert [kind for kind, _ in groupby(renderer.log)] == [*"srsr"]  # parsed, then rendered


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"p4": "user:\n{{ text", "p6": ""}, "prompts/qa/p4.jinja:2:1: unexpected end of template"),
        ({"p4": "", "p6": "user:\n{{ text"}, "prompts/qa/experiment.yaml:2:27: unknown prompt of"),
        ({"p4": "user:\n{{ text|x }}", "p5": "user:\n{{ a"}, "prompts/qa/p4.jinja:2:6: No filter"),
        ({"p4": "---\nstop: 1\n---\n", "p3": "user:\n{{ a"}, "prompts/qa/p3.jinja:2:1: unexpected"),
        ({"p6": "user:\n{{ no }}", "p7": "user:\n{{ a.b.c }}"}, "prompts/qa/p6.jinja:2:4: unknown"),
    ],
    ids=["parsed", "missing", "both", "front matter", "rendered"],
)
def test_first_error_in_the_order_of_the_file_is_shown(bench, changed, expected):
    assert refusal(bench.plan, write_prompts(bench, 8, **changed)).startswith(expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ 9 ** 99999999 % 7 }}", "the template takes too long"),
        (
            "{{ text * 999999999 }}",
            "the template needs too much memory (row a, rows.jsonl:1)",
        ),
    ],
    ids=["parsed", "rendered"],
)
def test_template_that_is_stopped_among_many_is_named(bench, text, expected):
    experiment = write_prompts(bench, 250, p221=f"user:\n{text}\n")
    place, message = refusal(bench.plan, experiment).split("\n")[0].split(": ", 1)
    assert (place.split(":")[0], message) == ("prompts/qa/p221.jinja", expected)
    plan = bench.plan(write_prompts(bench, 250))
    assert (len(plan.variants), plan.to_send) == (250, 500)
