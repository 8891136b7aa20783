"""Templates that try to reach out of their sandbox, or never to end."""

import os
import signal
import threading

import pytest
from bench import refusal
from processes import children

from workbench.errors import WorkbenchError
from workbench.prompt import Renderer
from workbench.prompt.renderer import Rendered

CANARY = "canary-3f9c"

# Each is an expression; `file` is a path with the canary in it, `marker` a file not to be made.
ESCAPES = [
    "''.__class__.__mro__[1].__subclasses__()",
    "''['__class__']['__mro__']",
    "''|attr('__class__')",
    "''|attr('\\x5f\\x5fclass\\x5f\\x5f')",
    "''|attr('\\u005f\\u005fclass\\u005f\\u005f')",
    "''['\\x5f\\x5fclass\\x5f\\x5f']",
    "''|attr('_' ~ '_class_' ~ '_')",
    "''|attr(['__cl', 'ass__']|join)",
    "''|attr('__ssalc__'|reverse)",
    "''|attr('%c%cclass%c%c' % (95, 95, 95, 95))",
    "''|attr('__CLASS__'|lower)",
    "''.__getattribute__('__class__')",
    "().__class__.__bases__[0].__subclasses__()",
    "{}.__class__.__base__",
    "(1).__class__.__mro__",
    "true.__class__.__base__.__base__",
    "none.__class__",
    "row.__class__.__base__",
    "row.items.__self__",
    "row.get.__func__",
    "row.__getitem__('a').__class__",
    "[row]|map(attribute='__class__')|list",
    "[row]|map(attribute='__class__.__mro__')|list",
    "[row]|map('attr', '__class__')|list",
    "[row]|selectattr('__class__')|list",
    "[row]|rejectattr('__class__')|list",
    "[row]|groupby('__class__')",
    "[row]|sort(attribute='__class__')",
    "[row]|sum(attribute='__class__')",
    "[row]|max(attribute='__class__')",
    "[row]|unique(attribute='__class__')|list",
    "[row]|join(attribute='__class__')",
    "'{0.__class__}'.format(row)",
    "'{0.__class__.__mro__[1]}'.format('')",
    "'{x.__class__}'.format_map({'x': 1})",
    "'{0[__class__]}'.format(row)",
    "('{0.__class__}'|attr('format'))(1)",
    "['{0.__class__}'.format]|map('call')|list",
    "['{0.__class__}']|map('format', 1)|list",
    "'{0.__class__}'|format(1)",
    "(['{0.__class__}']|map(attribute='format')|first)(1)",
    "'%s'|format(row.__class__)",
    "cycler.__init__.__globals__.os.popen('touch ' ~ marker).read()",
    "joiner.__init__.__globals__.os.popen('cat ' ~ file).read()",
    "namespace.__init__.__globals__.os.popen('cat ' ~ file).read()",
    "lipsum.__globals__.os.popen('cat ' ~ file).read()",
    "cycler('a').__init__.__globals__",
    "joiner()|attr('__init__')|attr('__globals__')",
    "namespace(a=1)|attr('_Namespace__attrs')",
    "cycler|attr('next')|attr('__globals__')",
    "range.__self__",
    "range.__class__.__base__.__subclasses__()",
    "dict.__base__.__subclasses__()",
    "dict.mro()",
    "dict(a=1).__class__.mro()",
    "self.__init__.__globals__",
    "self._TemplateReference__context",
    "self|attr('_TemplateReference__context')",
    "self.__class__",
    "self.__dict__",
    "url_for.__globals__",
    "get_flashed_messages.__globals__",
    "config",
    "request.application.__globals__",
    "__import__('os').popen('cat ' ~ file).read()",
    "open(file).read()",
    "eval('open(file).read()')",
    "exec('1')",
    "__builtins__",
    "globals()",
    "vars(row)",
    "getattr(row, '__class__')",
    "_('x').__class__",
    "gettext.__globals__",
    "ngettext('a', 'b', 1)",
    "debug()",
    "(row|tojson).__class__",
    "(row|pprint).__class__",
    "(row|xmlattr).__class__",
    "('x'|safe).__class__",
    "('x'|escape).__html__.__globals__",
    "('x'|e).format.__globals__",
    "('{0.__class__}'|safe).format(1)",
    "(('{x.__class__}'|e)|attr('format_map'))({'x': 1})",
    "(row|items).gi_frame.f_globals",
    "(row|items)|attr('gi_frame')",
    "([1]|map('upper')).gi_code",
    "([1]|select).gi_frame.f_back.f_builtins",
    "([1]|batch(1)).gi_frame",
    "(row.items()|list)[0].__class__",
    "row.update({'a': 1})",
    "row.pop('a')",
    "row.clear()",
    "row.setdefault('z', 1)",
    "row.rows.append(1)",
    "row.rows.sort()",
    "row.rows|attr('append')(1)",
    "row.__setitem__('a', 1)",
    "row.__init__({})",
    "caller()",
    "super()",
    "varargs",
    "''['\\137\\137class\\137\\137']",
    "''|attr('\\N{LOW LINE}_class__')",
    "''['__cla' 'ss__']",
    "''|attr('__class__'|string|trim)",
    "''|attr('%c'|format(95) ~ '_class__')",
    "''|attr('__CLASS__'|lower|replace('x', ''))",
    "''|attr(row.keys()|first ~ '__class__')",
    "[''] | map(attribute='__class__.__base__.__subclasses__') | list",
    "[''] | map('attr', '__cla' ~ 'ss__') | list",
    "['{0.__class__.__init__.__globals__}'] | map('format', '') | list",
    "'{0.__class__}'.format_map([row])",
    "('{0.__cla' ~ 'ss__}').format('')",
    "'{:{}}'.format('a', row.__class__)",
    "'{0!r:.{1.__class__}}'.format('', 1)",
    "'%(x.__class__)s' % {'x': 1}",
    "(['a']|map('upper')).gi_frame.f_back.f_back.f_globals",
    "(['a']|map('upper'))|attr('gi_yieldfrom')",
    "(['a']|select)|attr('gi_frame')|attr('f_globals')",
    "(row|dictsort).__class__",
    "row|xmlattr|attr('__class__')",
    "row.fromkeys(['a']).__class__",
    "row|attr('fromkeys')|attr('__self__')",
    "cycler('a', 'b').items.__class__",
    "cycler('a')|attr('__reduce_ex__')(2)",
    "joiner(',').__class__.__call__.__globals__",
    "namespace(a='').a.__class__",
    "namespace(__class__=1)|attr('__dict__')",
    "range(1).__reduce__()",
    "range(3)|attr('__class__')",
    "dict|attr('__subclasses__')()",
    "dict(__class__='x').__class__.__base__",
    "0 .__class__",
    "(1).real.__class__",
    "1.0.__class__",
    "true|attr('__class__')",
    "undefined_thing.__class__",
    "undefined_thing|attr('__init__')",
    "undefined_thing|default(''.__class__)",
    "(row|tojson|safe).__html__.__self__",
    "'a'|forceescape|attr('__class__')",
    "('a'|e).__class__.__subclasses__()",
    "('a'|e)|attr('_escape_format_spec')",
    "('a'|striptags).translate.__self__",
    "('a' is callable).__class__",
    "row is mapping and row.__class__",
    "gettext('x')",
    "_.__globals__",
    "environment.globals",
    "context.environment",
    "self.environment",
    "loop.__class__",
    "__name__",
    "__file__",
    "import('os')",
    "os.popen('touch ' ~ marker)",
]
BLOCKS = [
    "{% for x in [1] %}{{ loop.__init__.__globals__ }}{% endfor %}",
    "{% for x in [1] %}{{ loop._iterable.__class__ }}{% endfor %}",
    "{% for x in [1] %}{{ loop|attr('__class__') }}{% endfor %}",
    "{% for x in [1] %}{{ loop.__class__.__mro__ }}{% endfor %}",
    "{% macro m() %}{% endmacro %}{{ m.__globals__ }}",
    "{% macro m() %}{% endmacro %}{{ m._func.__globals__ }}",
    "{% macro m() %}{{ caller.__globals__ }}{% endmacro %}{% call m() %}{% endcall %}",
    "{% block b %}{{ self.b.__globals__ }}{% endblock %}",
    "{% set x = cycler('a') %}{% set x.__class__ = 1 %}",
    "{% set n = namespace() %}{% set n.__class__ = row %}{{ n.__class__.__mro__ }}",
    "{% set row.a = 2 %}",
    "{% do row.clear() %}",
    "{% import 'os' as os %}{{ os.popen }}",
    "{% from 'os' import popen %}",
    "{% extends file %}",
    "{% include file %}",
    "{% include '/etc/passwd' %}",
    "{% include ['_a', '/etc/passwd'] %}",
    "{% filter attr('__class__') %}x{% endfilter %}",
    "{% trans %}x{% endtrans %}",
    "{% debug %}",
    "{% python %}import os{% endpython %}",
    "# for x in row.__class__\n{{ x }}",
    "{% with x = ''.__class__ %}{{ x.__mro__ }}{% endwith %}",
    "{% if ''.__class__ %}{{ ''.__class__ }}{% endif %}",
    "{% autoescape true %}{{ '<'.__class__ }}{% endautoescape %}",
    "{{ 0 if 1 else }}{{ ''.__class__ }}",
]


def test_there_are_enough_payloads():
    assert len(set(ESCAPES + BLOCKS)) >= 160


LEAKS = ("<class", "<module", "<function", "<bound", "<frame", "<code", "object at 0x", "root:x:")


@pytest.mark.slow
@pytest.mark.parametrize("text", [*(f"{{{{ {payload} }}}}" for payload in ESCAPES), *BLOCKS])
def test_template_reaches_nothing_but_its_row(bench, text):
    secret = bench.root / "secret.txt"
    secret.write_text(CANARY)
    marker = bench.root / "marker"
    row = {"a": "1", "rows": [2, 1]}
    names = {"row": row, "file": str(secret), "marker": str(marker)}
    try:
        ((_, output),) = bench.said(f"user:\n{text}", **names)
    except WorkbenchError as error:
        output = str(error).split("\n")[0]
    leaked = [leak for leak in (CANARY, *LEAKS) if leak in output]
    assert (leaked, marker.exists(), row) == ([], False, {"a": "1", "rows": [2, 1]})


MEMORY = "the template needs too much memory"
TIME = "the template takes too long"


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", TIME),
        ("{{ (a * 3000000)|urlize }}", TIME),
        ("{{ [[1] * 99999] * 99999 }}", TIME),
        ("{{ 9 ** 99999999 % 7 }}", TIME),
        ("{{ 9 ** (9 ** 9) }}", TIME),
        (
            "{{ ('a b ' * 500000)|wordwrap(1)|wordwrap(1)|wordwrap(1)|wordwrap(1)|wordwrap(1) }}",
            TIME,
        ),
        ("{% for x in range(99999) %}{{ range(99999)|list|length }}{% endfor %}", TIME),
        (
            "{% macro m(n) %}{% for i in range(99999) %}{{ i }}{{ m(n) }}{% endfor %}{% endmacro %}"
            "{{ m(1) }}",
            "nested too deeply, or endless recursion",
        ),
        ("{{ [a] * 999999999 }}", MEMORY),
        ("{{ (a,) * 999999999 }}", MEMORY),
        ("{{ a|replace('', 'x' * 99999)|replace('x', 'y' * 99999) }}", MEMORY),
        ("{{ a.replace('', 'x' * 99999).replace('x', 'y' * 99999) }}", MEMORY),
        ("{{ a.ljust(999999999) }}", MEMORY),
        ("{{ a.zfill(999999999) }}", MEMORY),
        ("{{ (a ~ '\t').expandtabs(999999999) }}", MEMORY),
        (
            "{% set x = a|center(10000008) %}{{ x ~ x ~ x }}",
            "rendered to 30,000,051 characters, more than 20,000,000",
        ),
        ("{{ 'a' * 999999999 }}", MEMORY),
        ("{{ a * 999999999 }}", MEMORY),
        ("{{ 'a'|center(999999999) }}", MEMORY),
        ("{{ '%0999999999d' % 1 }}", MEMORY),
        ("{{ ('%0' ~ '999999999d') % 1 }}", MEMORY),
        ("{{ '{:>999999999}'.format(1) }}", MEMORY),
        ("{{ (a ~ '\n')|indent(999999999, true) }}", MEMORY),
        (
            "{% set n = namespace(x='a') %}{% for i in range(60) %}"
            "{% set n.x = n.x ~ n.x %}{% endfor %}",
            MEMORY,
        ),
        ("{{ a|center(50000000) }}", "rendered to 50,000,027 characters, more than 20,000,000"),
        (
            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
            "nested too deeply, or endless recursion",
        ),
        ("{% if a %}" * 1000 + "{% endif %}" * 1000, "nested too deeply, or endless recursion"),
        (
            "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
            "nested too deeply, or endless recursion",
        ),
        (
            "{% for x in a %}" * 30 + "{% endfor %}" * 30,
            "can't be compiled: too many statically nested blocks",
        ),
        (
            "{{ range(10 ** 9)|list }}",
            "Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).",
        ),
    ],
)
def test_template_without_end_is_stopped_and_named(bench, text, expected):
    error_message = refusal(bench.said, f"user:\n{text}", a="http://x.y ").split("\n")[0]
    place, message = error_message.split(": ", 1)
    assert (place.split(":")[0], message.removesuffix(" (row 1)")) == (
        "prompts/qa/one.jinja",
        expected,
    )


@pytest.mark.slow
def test_other_templates_render_after_one_was_stopped(bench):
    refusal(bench.said, "{{ 'a' * 999999999 }}")
    refusal(bench.said, "{{ 9 ** 99999999 % 7 }}")
    assert bench.said("{{ a }}", a="still") == [("user", "still")]


@pytest.mark.slow
def test_a_process_that_the_system_holds_up_renders_its_row():
    before = set(children(os.getpid()))
    with Renderer() as held_up:
        held_up.start()
        (pid,) = set(children(os.getpid())) - before
        os.kill(pid, signal.SIGSTOP)
        threading.Timer(2.2, os.kill, [pid, signal.SIGCONT]).start()
        assert list(held_up.render("{{ a }}", [{"a": "b"}])) == [Rendered("b")]


TOO_LONG = "characters with its partials; MLflow's registry takes 100,000"


@pytest.mark.timeout(120)  # what grows with the square of the length takes hours
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("user:\n" + "\n" * 400_000 + "x", 1),
        ("user:\nx" + "\n \t" * 200_000 + "x", f"1,000,032 {TOO_LONG}"),
        ("user:\n{##}\n" * 5_000, f"165,001 {TOO_LONG}"),
        ("user:\n" + "{#" * 300_000, "Missing end of comment tag"),
        ("user:\n" + "{% raw %}" * 50_000, "Missing end of raw directive"),
        ("user:\n" + "{% macro m() %}\n" * 20_000, "nested too deeply, or endless recursion"),
    ],
    ids=["newlines", "blanks", "roles", "comments", "raw", "macros"],
)
def test_long_template_is_read_in_moments(bench, text, expected):
    try:
        outcome = len(bench.said(text))
    except WorkbenchError as error:
        outcome = error.message.split("\n")[0]
    assert outcome == expected


def test_rows_of_any_size_are_rendered(bench):
    rows = [{"a": "é" * 1_000_000}] * 12
    conversations = bench.rendered(bench.prompt("{{ a|length }}"), *rows)
    assert [conversation.messages[0].content for conversation in conversations] == ["1000000"] * 12


def test_partials_that_multiply_are_refused(bench):
    for number in range(30):
        bench.write(f"_p{number}.jinja", f"{{% include '_p{number + 1}.jinja' %}}" * 2)
    bench.write("_p30.jinja", "")
    assert refusal(bench.prompt, "user:\n{% include '_p0.jinja' %}").endswith(
        ": includes more text than a template may have\n"
        "  fix: shorten it, or move the text into the rows of the dataset"
    )
