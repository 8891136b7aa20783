"""A row renders to the same text in every process, or not at all.

The text of a method or a generator is an address in memory: with it, every run would pay anew.
"""

import pytest
from bench import Bench

from workbench.errors import WorkbenchError
from workbench.prompt.renderer import Renderer

ROW = {"text": "Hi", "tags": ["a", "b"], "row": {"x": 1, "y": None}, "more": {"x": 2}}
REFUSED = {
    "'map' gives a generator": [
        "{{ 'Tags: ' ~ (tags|map('upper')) }}",
        "{{ '%s' % (tags|map('upper')) }}",
        "{{ '%(a)s'|format(a=tags|map('upper')) }}",
        "{{ [tags|map('upper')]|join }}",
        "{{ [[tags|map('upper')]] }}",
        "{{ {'a': tags|map('upper')} }}",
        "{{ {'a': tags|map('upper')}|xmlattr }}",
        "{{ tags|map('upper')|string|length }}",
        "{{ tags|map('upper')|pprint }}",
        "{{ text|replace('H', tags|map('upper')) }}",
        "{% set x %}{{ tags|map('upper') }}{% endset %}{{ x|upper }}",
    ],
    "'batch' gives a generator": [
        "{{ 'x' ~ [1]|batch(1) }}",  # a constant, which Jinja makes text of before it renders
        "{{ tags|map('batch', 1)|list }}",
        "{{ '{!r:>10}'.format(tags|batch(1)) }}",
    ],
    "'strip' is a method": [
        "{{ 'x' ~ text.strip }}",
        "{{ text.strip|e }}",
        "{{ text.strip|safe|upper }}",
        "{{ [text.strip]|string }}",
        "{{ '{0.strip}'.format(text) }}",
        "{{ text|attr('strip') ~ '' }}",
        "{{ tags|map(attribute='strip')|join }}",
        "{% set f = text.strip %}{{ f ~ '' }}",
    ],
    "'reverse' gives a list_reverseiterator": ["{{ 'x' ~ tags|reverse }}"],
    "'mapping' gives a mappingproxy": ["{{ 'x' ~ row.keys().mapping }}"],
    "'range' is a method or function": ["{{ 'x' ~ range }}"],
    "a Cycler": ["{{ 'x' ~ cycler('a') }}"],
    "a Joiner": ["{{ [joiner()] }}"],
    "a Namespace": ["{{ 'x' ~ namespace(a=1) }}"],
    "a TemplateReference": ["{{ '%s' % self }}"],
    "a LoopContext": ["{% for tag in tags %}{{ 'x' ~ loop }}{% endfor %}"],
    "'hello' is a Macro": ["{% macro hello() %}{% endmacro %}{{ 'x' ~ hello }}"],
    "'b' is a BlockReference": ["{% block b %}{{ 'x' ~ self.b }}{% endblock %}"],
    "no 'z' in this mapping": ["{{ [row.z] }}", "{{ '%r' % row.z }}"],
}
RENDERED = {
    "{{ tags|map('upper')|join(' ') }} {{ text.strip() }}": "A B Hi",
    "{% set f = text.strip %}{{ f() }} {{ f is callable }}": "Hi True",
    "{{ row }} {{ row.items() }}": "{'x': 1, 'y': None} dict_items([('x', 1), ('y', None)])",
    "{{ [row]|groupby('x') }}": "[(1, [{'x': 1, 'y': None}])]",
    "{{ dict.fromkeys(tags) }}": "{'a': None, 'b': None}",
    "{% for x in tags|batch(1) %}{{ x }}{% endfor %}": "['a']['b']",
    "{{ '{0[x]} {0.x}'.format(row) }}": "1 1",
    # Of sets, whose order is another in each process, none is made.
    "{{ 'x' ~ (row.keys() - more.keys()) }} {{ (row.items() - [])|list }}": (
        "x['y'] [('x', 1), ('y', None)]"
    ),
    "{% macro m(function, context) %}{{ function }}{{ context }}{% endmacro %}"
    "{{ m(function=1, context=2) }}": "12",
}


@pytest.mark.parametrize(
    ("name", "source"), [(name, source) for name, group in REFUSED.items() for source in group]
)
def test_a_value_whose_text_differs_is_refused(renderer: Renderer, name: str, source: str) -> None:
    (rendered,) = renderer.render(f"\n{source}", [ROW])
    assert (rendered.error.startswith(name), rendered.line, rendered.text) == (True, 2, "")


@pytest.mark.parametrize(("source", "text"), RENDERED.items())
def test_other_values_are_text(renderer: Renderer, source: str, text: str) -> None:
    (rendered,) = renderer.render(source, [ROW])
    assert (rendered.error, rendered.text) == ("", text)


@pytest.mark.parametrize("expression", ["tags|random", "tags|map('random')|list"])
def test_there_is_no_random_filter(bench: Bench, expression: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        bench.said(f"user:\n{{{{ {expression} }}}}", tags=["a", "b"])
    assert str(caught.value).startswith("prompts/qa/one.jinja:2:")
    assert "No filter named 'random'" in caught.value.message
    fix = "give the choice as a column, so that every run sends the same text"
    assert caught.value.fix == fix


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("tags|map('upper')|length", "object of type 'generator or method' has no len()"),
        ("tags|map('upper') + tags", "for +: 'generator or method' and 'list'"),
        ("name.strip|last", "'generator or method' object is not reversible"),
    ],
)
def test_errors_name_a_value_without_a_text(bench: Bench, expression: str, problem: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        bench.said(f"user:\n{{{{ {expression} }}}}", tags=["a", "b"], name="Hi")
    assert problem in caught.value.message
    assert caught.value.fix == "end it with |list; or call it, as in text.upper()"
