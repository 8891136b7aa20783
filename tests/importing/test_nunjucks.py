"""Nunjucks that Jinja reads otherwise: mended where it is certain, named where it isn't."""

import pytest

from workbench.importing.promptfoo.javascript_pattern import PatternFaultError, python_pattern
from workbench.importing.promptfoo.nunjucks import translate
from workbench.importing.promptfoo.value_templates import substitute

KINDS = {"flag": "boolean", "tags": "list", "row": "object"}


@pytest.mark.parametrize(
    ("nunjucks", "jinja"),
    [
        ("{{ name }}", "{{ name }}"),
        ("{{ tags.length }}", "{{ tags|length }}"),
        ("{{ x | dump }}", "{{ x | tojson(compact=true) }}"),
        ("{{ x | dump(2) }}", "{{ x | tojson(2) }}"),
        ("{{ x | safe }}", "{{ x }}"),
        ("{{ a if b }}", "{{ a if b else '' }}"),
        ("{% if a === 1 %}x{% elseif b !== 2 %}y{% endif %}",
         "{% if a == 1 %}x{% elif b != 2 %}y{% endif %}"),
        ("{% if a && !b || c %}x{% endif %}", "{% if a and not b or c %}x{% endif %}"),
        ("{% for k, v in row %}x{% endfor %}", "{% for k, v in row.items() %}x{% endfor %}"),
        ("{{ name.toUpperCase() }}", "{{ name.upper() }}"),
        ("{{ flag }}", "{{ flag | tojson if flag is boolean else flag }}"),
        ("{{ row }}", "{{ row | tojson(compact=true) }}"),
        ("{{ 'a.length === b' }}", "{{ 'a.length === b' }}"),
        ("{% raw %}{{ a === b }}{% endraw %}", "{% raw %}{{ a === b }}{% endraw %}"),
        ("an {{ open end", "{% raw %}an {{ open end{% endraw %}"),
    ],
)  # fmt: skip
def test_a_template_is_rewritten(nunjucks: str, jinja: str) -> None:
    assert translate(nunjucks, KINDS).source == jinja


@pytest.mark.parametrize(
    ("nunjucks", "problem"),
    [
        ("{{ a ? b : c }}", "`a ? b : c`"),
        ("{{ x.includes('y') }}", "`.includes()`"),
        ("{{ x | shout }}", "the filter `shout`"),
        ("{% include 'a.txt' %}", "{% include %}"),
    ],
)
def test_a_difference_that_cannot_be_mended_is_named(nunjucks: str, problem: str) -> None:
    assert list(translate(nunjucks).unsure) == [problem]


def test_the_variables_are_those_that_a_row_must_have() -> None:
    template = (
        "{% set a = b %}{% for c in d %}{{ c.e }}{{ loop.index }}{% endfor %}{{ a }}{{ missing }}"
    )
    assert list(translate(template).names) == ["b", "d", "missing"]


def test_values_with_variables_are_filled_in_and_other_templates_are_not() -> None:
    values = {"city": "Rome", "who": {"name": "Jo"}}
    assert substitute("{{ who.name }} in {{city}}", values, str) == "Jo in Rome"
    assert substitute("{% if city %}x{% endif %}", values, str) is None


@pytest.mark.parametrize(
    ("javascript", "python"),
    [
        (r"^\d+$", r"\A[0-9]+\Z"),
        (r"a{x}{2}", r"a\{x\}{2}"),
        (r"(?<y>a)\k<y>", r"(?P<y>a)(?P=y)"),
        (r"[^]\/", "(?s:.)/"),
        (r"[[\]]", r"[\[\]]"),
        (r"\uD83D\uDE00", "\\U0001f600"),
        (r"a.b", r"a[^\n\r\u2028\u2029]b"),
    ],
)
def test_a_pattern_of_javascript_means_the_same(javascript: str, python: str) -> None:
    assert python_pattern(javascript) == python


@pytest.mark.parametrize("pattern", ["(?i)a", "a++", "[a", "(a", "a\\"])
def test_a_pattern_that_javascript_refuses_is_refused(pattern: str) -> None:
    with pytest.raises(PatternFaultError):
        python_pattern(pattern)
