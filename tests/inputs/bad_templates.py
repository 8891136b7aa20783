"""B01 to B12: templates that can't be used."""

from pathlib import Path

from walk import Case

T = "prompts/qa/plain.jinja"


def _link_out(task: Path) -> None:
    (task.parents[1] / "secret.txt").write_text("canary-3f9c")
    (task / "_out.jinja").symlink_to("../../secret.txt")
    (task / "plain.jinja").write_text("user:\n{% include '_out.jinja' %}{{ text }}\n")


def _loop(task: Path) -> None:
    (task / "_loop.jinja").symlink_to("_loop.jinja")
    (task / "plain.jinja").write_text("user:\n{% include '_loop.jinja' %}{{ text }}\n")


def template(text: str | bytes) -> dict[str, str | bytes]:
    return {"plain.jinja": text}


def including(name: str) -> dict[str, str | bytes]:
    return template(f"user:\n{{{{ text }}}}\n{{% include '{name}' %}}\n")


TEMPLATES = [
    Case(
        "B01-for",
        (
            "error: prompts/qa/plain.jinja:3:1: Expected an expression, got 'end of "
            "statement block'\n"
            "       2 | Hi\n"
            "  >    3 | {% for a in %}\n"
            "       4 | {{ text }}\n"
            "  fix: write {{ value }}, {% tag %}, {# comment #}; for literal braces "
            "{% raw %}…{% endraw %}\n"
        ),
        template("user:\nHi\n{% for a in %}\n{{ text }}\n"),
    ),
    Case(
        "B01-unclosed",
        (
            "error: prompts/qa/plain.jinja:2:1: unexpected end of template, expected "
            "'end of print statement'.\n"
            "       1 | user:\n"
            "  >    2 | {{ text \n"
            "  fix: write {{ value }}, {% tag %}, {# comment #}; for literal braces "
            "{% raw %}…{% endraw %}\n"
        ),
        template("user:\n{{ text \n"),
    ),
    Case(
        "B01-unclosed-if",
        (
            "error: prompts/qa/plain.jinja:3:1: Unexpected end of template. Jinja was "
            "looking for the following tags: 'elif' or 'else' or 'endif'. The innermost "
            "block that needs to be closed is 'if'.\n"
            "       2 | {% if text %}\n"
            "  >    3 | {{ text }}\n"
            "  fix: close it: {% endif %}\n"
        ),
        template("user:\n{% if text %}\n{{ text }}\n"),
    ),
    Case(
        "B01-filter",
        (
            "error: prompts/qa/plain.jinja:2:9: No filter named 'uper'.\n"
            "       1 | user:\n"
            "  >    2 | {{ text|uper }}\n"
            "  fix: did you mean 'upper'? known: upper, abs, attr, batch, capitalize, "
            "center, count, d, default, dictsort, e, escape, …\n"
        ),
        template("user:\n{{ text|uper }}\n"),
    ),
    Case(
        "B01-tag",
        (
            "error: prompts/qa/plain.jinja:2:4: Encountered unknown tag 'fro'.\n"
            "       1 | user:\n"
            "  >    2 | {% fro a in text %}\n"
            "  fix: did you mean 'for'? known: for, macro, block, call, filter, if, "
            "image, include, messages, raw, set, tool_call, with\n"
        ),
        template("user:\n{% fro a in text %}\n"),
    ),
    Case(
        "B01-front-matter",
        (
            "error: prompts/qa/plain.jinja:1: the front matter that begins here is not closed\n"
            "  fix: write --- on a line of its own after line 2\n"
        ),
        template("---\nchat: false\nuser:\n{{ text }}\n"),
    ),
    Case(
        "B01-front-matter-yaml",
        (
            "error: prompts/qa/plain.jinja:3:1: expected the node content, but found "
            "'<stream end>'\n"
            "  fix: quote the value if it holds : # { [ or begins with @ % `\n"
        ),
        template("---\nchat: [\n---\nuser:\n{{ text }}\n"),
    ),
    Case(
        "B01-front-matter-key",
        (
            "error: prompts/qa/plain.jinja:2:1: unknown key 'chta'\n"
            "  fix: did you mean 'chat'? known: chat, choices, description, normalize, "
            "parameters, response_schema, scores, stop, tools\n"
        ),
        template("---\nchta: false\n---\nuser:\n{{ text }}\n"),
    ),
    Case(
        "B02-variable",
        (
            "error: prompts/qa/plain.jinja:2:4: unknown variable 'txt' (row a, rows.jsonl:1)\n"
            "  fix: did you mean 'text'? known: text, id\n"
        ),
        template("user:\n{{ txt }}\n"),
    ),
    Case(
        "B02-choices",
        (
            "error: prompts/qa/plain.jinja:2:1: `choices`: unknown variable 'txts' (row a, "
            "rows.jsonl:1)\n"
            "  fix: did you mean 'text'? known: text, id\n"
        ),
        template('---\nchoices: "{{ txts }}"\n---\nuser:\n{{ text }}\n'),
    ),
    Case(
        "B02-single-choice",
        (
            "error: prompts/qa/plain.jinja:2:1: `choices` gives 1 choice, 'one' (row a, "
            "rows.jsonl:1)\n"
            "  fix: give the row at least two choices, or remove it\n"
        ),
        template('---\nchoices: "{{ [text] }}"\n---\nuser:\n{{ text }}\n'),
        words=("plan",),
    ),
    Case(
        "B02-attribute",
        (
            "error: prompts/qa/plain.jinja:2:9: no 'nam' in this mapping (row "
            "f21b528d753a626f, rows.jsonl:1)\n"
            "       1 | user:\n"
            "  >    2 | {{ user.nam }}\n"
            "  fix: it has: name\n"
        ),
        {
            "plain.jinja": "user:\n{{ user.nam }}\n",
            "rows.jsonl": '{"user": {"name": "A"}, "label": "1"}\n',
        },
    ),
    Case(
        "B02-none",
        (
            "error: prompts/qa/plain.jinja:2:4: unknown variable 'completely_different' "
            "(row a, rows.jsonl:1)\n"
            "  fix: known: id, text\n"
        ),
        template("user:\n{{ completely_different }}\n"),
    ),
    Case(
        "B02-filter",
        (
            "error: prompts/qa/plain.jinja:2:6: 'str object' has no attribute 'x' (row "
            "a, rows.jsonl:1)\n"
            "       1 | user:\n"
            "  >    2 | {{ text|upper|attr('x') }}\n"
            "  fix: the row has: text (text); check optional values with `is defined` "
            "or `default()`\n"
        ),
        template("user:\n{{ text|upper|attr('x') }}\n"),
    ),
    Case(
        "B03-f-string",
        (
            "error: prompts/qa/plain.jinja:2: '{text}' is text: a template is Jinja\n"
            "  fix: write {{ text }}\n"
        ),
        template("user:\n{text}\n"),
    ),
    Case(
        "B03-no-column",
        (
            "note: prompts/qa/plain.jinja:1: the template uses no column: its 2 rows are one "
            "request; write {{ text }}\n"
        ),
        template("user:\nHi\n"),
        words=("run", "--dry-run"),
        code=0,
    ),
    Case(
        "B03-unused",
        "",
        {"rows.jsonl": '{"text": "a", "label": "1", "extra": "2"}\n'},
        words=("prompts", "lint"),
        code=0,
        shown="warning: the template doesn't use the column 'extra'",
    ),
    Case(
        "B04-hyphen",
        (
            "error: prompts/qa/plain.jinja:2:4: unknown variable 'my' (row "
            "f3e6801eeb8c11e7, rows.jsonl:1)\n"
            "  fix: did you mean 'my-text'? known: my-text\n"
        ),
        {"plain.jinja": "user:\n{{ my-text }}\n", "rows.jsonl": '{"my-text": "a", "label": "1"}\n'},
        words=("plan",),
    ),
    Case(
        "B05-missing",
        (
            "error: prompts/qa/plain.jinja:3: no partial '_stile.jinja'\n"
            "  fix: create it beside qa/plain.jinja or in prompts/\n"
        ),
        including("_stile.jinja") | {"_style.jinja": "x"},
    ),
    Case(
        "B05-absolute",
        (
            "error: prompts/qa/plain.jinja:3: '/etc/passwd' is outside prompts/\n"
            "  fix: name a file beside the template or in prompts/: {% include "
            '"_style.jinja" %}\n'
        ),
        including("/etc/passwd"),
    ),
    Case(
        "B05-dotdot",
        (
            "error: prompts/qa/plain.jinja:3: '../../secret.txt' is outside prompts/\n"
            "  fix: name a file beside the template or in prompts/: {% include "
            '"_style.jinja" %}\n'
        ),
        including("../../secret.txt"),
    ),
    Case(
        "B05-nul",
        (
            "error: prompts/qa/plain.jinja:3: '_a\\x00b' is outside prompts/\n"
            "  fix: name a file beside the template or in prompts/: {% include "
            '"_style.jinja" %}\n'
        ),
        including("_a\0b"),
    ),
    Case(
        "B05-backslash",
        (
            "error: prompts/qa/plain.jinja:3: '..\\\\\\\\secret' is outside prompts/\n"
            "  fix: name a file beside the template or in prompts/: {% include "
            '"_style.jinja" %}\n'
        ),
        including("..\\\\secret"),
    ),
    Case(
        "B05-symlink",
        (
            "error: prompts/qa/_out.jinja: the link leads out of prompts/\n"
            "  fix: copy the file into prompts/\n"
        ),
        make=_link_out,
    ),
    Case(
        "B05-link-loop",
        (
            "error: prompts/qa/_loop.jinja: can't be read: a link that leads to itself\n"
            "  fix: make it a readable file\n"
        ),
        make=_loop,
    ),
    Case(
        "B05-folder",
        (
            "error: prompts/qa/plain.jinja:3: '.' is outside prompts/\n"
            "  fix: name a file beside the template or in prompts/: {% include "
            '"_style.jinja" %}\n'
        ),
        including("."),
    ),
    Case(
        "B05-long",
        (
            "error: prompts/qa/plain.jinja:3: no partial "
            "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'… (5,000 "
            "characters)\n"
            "  fix: create it beside qa/plain.jinja or in prompts/\n"
        ),
        including("x" * 5000),
    ),
    Case(
        "B05-expression",
        (
            "error: prompts/qa/plain.jinja:2: `include` is not allowed here\n"
            '  fix: only {% include "_name.jinja" %} is allowed, with a literal name\n'
        ),
        template("user:\n{{ text }}{% include name %}\n"),
    ),
    Case(
        "B05-import",
        (
            "error: prompts/qa/plain.jinja:2: `import` is not allowed here\n"
            '  fix: only {% include "_name.jinja" %} is allowed, with a literal name\n'
        ),
        template("user:\n{{ text }}{% import '_m.jinja' as m %}\n"),
    ),
    Case(
        "B05-extends",
        (
            "error: prompts/qa/plain.jinja:2: `extends` is not allowed here\n"
            '  fix: only {% include "_name.jinja" %} is allowed, with a literal name\n'
        ),
        template("user:\n{{ text }}{% extends '_m.jinja' %}\n"),
    ),
    Case(
        "B06-include-cycle",
        (
            "error: prompts/qa/_b.jinja:1: circular include: qa/_a.jinja -> qa/_b.jinja -> "
            "qa/_a.jinja\n"
            "  fix: remove one of these includes\n"
        ),
        {
            **including("_a.jinja"),
            "_a.jinja": "{% include '_b.jinja' %}",
            "_b.jinja": "{% include '_a.jinja' %}",
        },
    ),
    Case(
        "B06-itself",
        (
            "error: prompts/qa/plain.jinja:1: role line 'user:' in a partial\n"
            "  fix: move it into the template, or escape it with a backslash\n"
        ),
        including("plain.jinja"),
    ),
    Case(
        "B06-macro",
        (
            "error: prompts/qa/plain.jinja:2:1: nested too deeply, or endless "
            "recursion (row a, rows.jsonl:1)\n"
            "       1 | user:\n"
            "  >    2 | {{ text }}{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}\n"
            "  fix: nest fewer brackets, blocks and macros\n"
        ),
        template("user:\n{{ text }}{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}\n"),
    ),
    Case(
        "B06-deep",
        (
            "error: prompts/qa/plain.jinja:1:1: nested too deeply, or endless recursion\n"
            "  fix: nest fewer brackets, blocks and macros\n"
        ),
        template("user:\n{{ text }}" + "{% if text %}" * 1000 + "{% endif %}" * 1000 + "\n"),
    ),
    Case(
        "B06-brackets",
        (
            "error: prompts/qa/plain.jinja:1:1: nested too deeply, or endless recursion\n"
            "  fix: nest fewer brackets, blocks and macros\n"
        ),
        template("user:\n{{ text }}{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}\n"),
    ),
    Case(
        "B06-loops",
        (
            "error: prompts/qa/plain.jinja:1:1: can't be compiled: too many statically "
            "nested blocks\n"
            "  fix: nest fewer brackets, blocks and macros\n"
        ),
        template("user:\n{{ text }}" + "{% for x in text %}" * 30 + "{% endfor %}" * 30 + "\n"),
    ),
    Case(
        "B07-class",
        (
            "error: prompts/qa/plain.jinja:2:9: access to attribute '__class__' of 'str' "
            "object is unsafe. (row a, rows.jsonl:1)\n"
            "       1 | user:\n"
            "  >    2 | {{ text.__class__.__mro__ }}\n"
            "  fix: use values of the row and filters, not attributes and methods of Python "
            "objects\n"
        ),
        template("user:\n{{ text.__class__.__mro__ }}\n"),
    ),
    Case(
        "B07-attr",
        (
            "error: prompts/qa/plain.jinja:2:15: access to attribute '__class__' of "
            "'str' object is unsafe. (row a, rows.jsonl:1)\n"
            "       1 | user:\n"
            "  >    2 | {{ text|attr('__class__') }}\n"
            "  fix: use values of the row and filters, not attributes and methods of Python "
            "objects\n"
        ),
        template("user:\n{{ text|attr('__class__') }}\n"),
    ),
    Case(
        "B07-cycler",
        (
            "error: prompts/qa/plain.jinja:2:11: access to attribute '__init__' of "
            "'type' object is unsafe. (row a, rows.jsonl:1)\n"
            "       1 | user:\n"
            "  >    2 | {{ cycler.__init__.__globals__ }}\n"
            "  fix: use values of the row and filters, not attributes and methods of Python "
            "objects\n"
        ),
        template("user:\n{{ cycler.__init__.__globals__ }}\n"),
    ),
    Case(
        "B07-format",
        (
            "error: prompts/qa/plain.jinja:2:8: access to attribute '__class__' of 'str' "
            "object is unsafe. (row a, rows.jsonl:1)\n"
            "       1 | user:\n"
            "  >    2 | {{ '{0.__class__}'.format(text) }}\n"
            "  fix: use values of the row and filters, not attributes and methods of Python "
            "objects\n"
        ),
        template("user:\n{{ '{0.__class__}'.format(text) }}\n"),
    ),
]
