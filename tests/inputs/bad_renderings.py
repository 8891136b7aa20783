"""Templates that fail while they are rendered: bombs, side effects, empty messages."""

from bad_templates import including, template
from walk import Case

RENDERINGS = [
    Case(
        "B08-loops",
        (
            "error: prompts/qa/plain.jinja:2:1: the template takes too long (row a, "
            "rows.jsonl:1)\n"
            "       1 | user:\n"
            "  >    2 | {% for a in range(99999) %}{% for b in range(99999) %}{% endfor "
            "%}{% endfor %}{{ text }}\n"
            "  fix: loop only over values of the row, and build no long strings; the limits per "
            "row are "
            "1.5 s, 512 MB and 20,000,000 characters\n"
        ),
        template(
            "user:\n{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
            "{{ text }}\n"
        ),
    ),
    Case(
        "B08-times",
        (
            "error: prompts/qa/plain.jinja:2:1: the template needs too much memory "
            "(row a, rows.jsonl:1)\n"
            "       1 | user:\n"
            "  >    2 | {{ 'a' * 999999999 }}{{ text }}\n"
            "  fix: loop only over values of the row, and build no long strings; the limits per "
            "row are "
            "1.5 s, 512 MB and 20,000,000 characters\n"
        ),
        template("user:\n{{ 'a' * 999999999 }}{{ text }}\n"),
    ),
    Case(
        "B08-row",
        (
            "error: prompts/qa/plain.jinja:2:1: the template needs too much memory "
            "(row a, rows.jsonl:1)\n"
            "       1 | user:\n"
            "  >    2 | {{ text * 999999999 }}\n"
            "  fix: loop only over values of the row, and build no long strings; the limits per "
            "row are "
            "1.5 s, 512 MB and 20,000,000 characters\n"
        ),
        template("user:\n{{ text * 999999999 }}\n"),
    ),
    Case(
        "B08-double",
        (
            "error: prompts/qa/plain.jinja:2:1: the template needs too much memory "
            "(row a, rows.jsonl:1)\n"
            "       1 | user:\n"
            "  >    2 | {{ text }}{% set n = namespace(x='a') %}{% for i in range(60) "
            "%}{% set n.x = n.x ~ n.x %}{% endfor %}\n"
            "  fix: loop only over values of the row, and build no long strings; the limits per "
            "row are "
            "1.5 s, 512 MB and 20,000,000 characters\n"
        ),
        template(
            "user:\n{{ text }}{% set n = namespace(x='a') %}{% for i in range(60) %}"
            "{% set n.x = n.x ~ n.x %}{% endfor %}\n"
        ),
    ),
    Case(
        "B08-range",
        (
            "error: prompts/qa/plain.jinja:2:1: Range too big. The sandbox blocks ranges "
            "larger than MAX_RANGE (100000). (row a, rows.jsonl:1)\n"
            "       1 | user:\n"
            "  >    2 | {{ range(10 ** 9)|list }}{{ text }}\n"
            "  fix: loop only over values of the row, and build no long strings; the limits per "
            "row are "
            "1.5 s, 512 MB and 20,000,000 characters\n"
        ),
        template("user:\n{{ range(10 ** 9)|list }}{{ text }}\n"),
    ),
    Case(
        "B08-width",
        (
            "error: prompts/qa/plain.jinja:2:1: the template needs too much memory "
            "(row a, rows.jsonl:1)\n"
            "       1 | user:\n"
            "  >    2 | {{ '%0999999999d' % 1 }}{{ text }}\n"
            "  fix: loop only over values of the row, and build no long strings; the limits per "
            "row are "
            "1.5 s, 512 MB and 20,000,000 characters\n"
        ),
        template("user:\n{{ '%0999999999d' % 1 }}{{ text }}\n"),
    ),
    Case(
        "B08-long",
        (
            "error: prompts/qa/plain.jinja:1:1: rendered to 50,000,027 characters, more "
            "than 20,000,000 (row a, rows.jsonl:1)\n"
            "  fix: loop only over values of the row, and build no long strings; the limits per "
            "row are "
            "1.5 s, 512 MB and 20,000,000 characters\n"
        ),
        template("user:\n{{ text|center(50000000) }}\n"),
    ),
    Case(
        "B09-append",
        (
            "error: prompts/qa/plain.jinja:2:10: access to attribute 'append' of 'list' "
            "object is unsafe. (row c4359576380afc51, rows.jsonl:1)\n"
            "       1 | user:\n"
            "  >    2 | {{ items.append(1) }}\n"
            "  fix: use values of the row and filters, not attributes and methods of Python "
            "objects\n"
        ),
        {
            "plain.jinja": "user:\n{{ items.append(1) }}\n",
            "rows.jsonl": '{"items": [1], "label": "1"}\n',
        },
    ),
    Case(
        "B09-update",
        (
            "error: prompts/qa/plain.jinja:2:9: access to attribute 'update' of 'dict' "
            "object is unsafe. (row bf25333b2db49c32, rows.jsonl:1)\n"
            "       1 | user:\n"
            "  >    2 | {{ user.update({'a': 1}) }}\n"
            "  fix: use values of the row and filters, not attributes and methods of Python "
            "objects\n"
        ),
        {
            "plain.jinja": "user:\n{{ user.update({'a': 1}) }}\n",
            "rows.jsonl": '{"user": {"a": 1}, "label": "1"}\n',
        },
    ),
    Case(
        "B10-empty",
        (
            "error: prompts/qa/plain.jinja: the template is empty\n"
            "  fix: write `user:` and a text below it\n"
        ),
        template(""),
    ),
    Case(
        "B10-blank",
        (
            "error: prompts/qa/plain.jinja: the template is empty\n"
            "  fix: write `user:` and a text below it\n"
        ),
        template(" \n\t\n"),
    ),
    Case(
        "B10-only-front-matter",
        (
            "error: prompts/qa/plain.jinja: the template is empty\n"
            "  fix: write `user:` and a text below it\n"
        ),
        template("---\nchat: false\n---\n"),
    ),
    Case(
        "B10-comment",
        (
            "error: prompts/qa/plain.jinja: the template is empty\n"
            "  fix: write `user:` and a text below it\n"
        ),
        template("{# nothing #}\n"),
    ),
    Case(
        "B10-10-MB",
        (
            "error: prompts/qa/plain.jinja: 10,000,016 bytes, more than the 1,000,000 a "
            "template may have\n"
            "  fix: shorten it, or move the text into the rows of the dataset\n"
        ),
        template("user:\n{{ text }}" + "x" * 10_000_000),
    ),
    Case(
        "B10-latin-1",
        ("error: prompts/qa/plain.jinja: not UTF-8 at byte 9\n  fix: save the file as UTF-8\n"),
        template("user:\ncaf\xe9 {{ text }}\n".encode("latin-1")),
    ),
    Case(
        "B10-utf-16",
        ("error: prompts/qa/plain.jinja: not UTF-8 at byte 0\n  fix: save the file as UTF-8\n"),
        template("user:\n{{ text }}\n".encode("utf-16")),
    ),
    Case(
        "B10-bom",
        "",
        template(b"\xef\xbb\xbfuser:\r\n{{ text }}\r\n"),
        words=("prompts", "lint"),
        code=0,
        shown=(
            "warning: prompts/qa/plain.jinja:1: the byte order mark at its beginning is ignored\n"
            "warning: prompts/qa/plain.jinja:1: line ends are CRLF (or CR) and are read as LF"
        ),
    ),
    Case(
        "B12-tool",
        (
            "error: prompts/qa/plain.jinja:1: a turn of a tool without a call before it (row a, "
            "rows.jsonl:1)\n  fix: put the assistant's turn with the call before it\n"
        ),
        template("tool:\n{{ text }}\n"),
    ),
    Case(
        "B12-capital",
        "",
        template("User:\n{{ text }}\n"),
        words=("prompts", "lint"),
        code=0,
        shown="warning: prompts/qa/plain.jinja:1: 'User:' is text; a role line is `user:` alone",
    ),
    Case(
        "B12-empty-message",
        "",
        template("system:\n\nuser:\n{{ text }}\n"),
        words=("prompts", "lint"),
        code=0,
        shown=(
            "warning: prompts/qa/plain.jinja: 2 of 2 rows (first: a, rows.jsonl:1; b, "
            "rows.jsonl:2) render an empty system message"
        ),
    ),
    Case(
        "B12-before",
        (
            "error: prompts/qa/plain.jinja:1: text before the first role line: 'Hello' "
            "(row a, rows.jsonl:1)\n"
            "  fix: put `user:` on a line of its own above it\n"
        ),
        template("Hello\nuser:\n{{ text }}\n"),
    ),
    Case(
        "B12-in-partial",
        (
            "error: prompts/qa/_p.jinja:1: role line 'user:' in a partial\n"
            "  fix: move it into the template, or escape it with a backslash\n"
        ),
        {**including("_p.jinja"), "_p.jinja": "user:\nHi"},
    ),
    Case(
        "B02-method",
        (
            "error: prompts/qa/plain.jinja:2:9: 'upper' is a method or function, which is not "
            "text (row a, rows.jsonl:1)\n"
            "       1 | user:\n"
            "  >    2 | {{ text.upper }}\n"
            "  fix: call it, as in text.upper(), or end with |join or |list\n"
        ),
        template("user:\n{{ text.upper }}\n"),
    ),
    Case(
        "B02-generator",
        (
            "error: prompts/qa/plain.jinja:2:11: 'map' gives a generator, which is not text "
            "(row a, rows.jsonl:1)\n"
            "       1 | user:\n"
            "  >    2 | {{ [text]|map('upper') }}\n"
            "  fix: call it, as in text.upper(), or end with |join or |list\n"
        ),
        template("user:\n{{ [text]|map('upper') }}\n"),
    ),
    Case(
        "B02-generator-inside",
        (
            "error: prompts/qa/plain.jinja:2:24: 'map' gives a generator, which is not text "
            "(row a, rows.jsonl:1)\n"
            "       1 | user:\n"
            "  >    2 | {{ 'Words: ' ~ ([text]|map('upper')) }}\n"
            "  fix: call it, as in text.upper(), or end with |join or |list\n"
        ),
        template("user:\n{{ 'Words: ' ~ ([text]|map('upper')) }}\n"),
    ),
    Case(
        "B04-self",
        (
            "error: prompts/qa/plain.jinja:2:1: a TemplateReference is not text (row a, "
            "rows.jsonl:1)\n"
            "       1 | user:\n"
            "  >    2 | {{ self }} {{ text }}\n"
            "  fix: call it, as in text.upper(), or end with |join or |list\n"
        ),
        template("user:\n{{ self }} {{ text }}\n"),
    ),
    Case(
        "B04-true",
        ("note: templates can't read column 'true': the name is reserved in Jinja; rename it\n"),
        {
            "plain.jinja": "user:\n{{ true }} {{ text }}\n",
            "rows.jsonl": '{"text": "a", "label": "1", "true": "2"}\n',
        },
        words=("plan",),
        code=0,
    ),
    Case(
        "B04-shadow",
        "",
        template("user:\n{% set text = 'x' %}{{ text }}\n"),
        words=("prompts", "lint"),
        code=0,
        shown="warning: the template doesn't use the column 'text'",
    ),
    Case(
        "B08-power",
        (
            "error: prompts/qa/plain.jinja:1:1: the template takes too long\n"
            "  fix: loop only over values of the row, and build no long strings; the limits per "
            "row are "
            "1.5 s, 512 MB and 20,000,000 characters\n"
        ),
        template("user:\n{{ 9**(9**9) }}{{ text }}\n"),
    ),
    Case(
        "B08-urlize",
        (
            "error: prompts/qa/plain.jinja:2:1: the template takes too long (row a, "
            "rows.jsonl:1)\n"
            "       1 | user:\n"
            "  >    2 | {{ ((text ~ '://x.y ') * 3000000)|urlize }}\n"
            "  fix: loop only over values of the row, and build no long strings; the limits per "
            "row are "
            "1.5 s, 512 MB and 20,000,000 characters\n"
        ),
        template("user:\n{{ ((text ~ '://x.y ') * 3000000)|urlize }}\n"),
    ),
    Case(
        "B08-wordwrap",
        (
            "error: prompts/qa/plain.jinja:1:1: the template takes too long\n"
            "  fix: loop only over values of the row, and build no long strings; the limits per "
            "row are "
            "1.5 s, 512 MB and 20,000,000 characters\n"
        ),
        template("user:\n{{ ('a b ' * 500000)" + "|wordwrap(1)" * 5 + " }}{{ text }}\n"),
    ),
    Case(
        "B08-indent",
        (
            "error: prompts/qa/plain.jinja:2:1: the template needs too much memory "
            "(row a, rows.jsonl:1)\n"
            "       1 | user:\n"
            "  >    2 | {{ (text ~ '\\n')|indent(999999999, true) }}\n"
            "  fix: loop only over values of the row, and build no long strings; the limits per "
            "row are "
            "1.5 s, 512 MB and 20,000,000 characters\n"
        ),
        template("user:\n{{ (text ~ '\\n')|indent(999999999, true) }}\n"),
    ),
    Case(
        "B10-role-alone",
        (
            "error: prompts/qa/plain.jinja: the template is empty\n"
            "  fix: write `user:` and a text below it\n"
        ),
        template("user:\n"),
    ),
    Case(
        "B10-nul",
        "",
        template("user:\n{{ text }}\0\n"),
        words=("prompts", "lint"),
        code=0,
        shown=("warning: prompts/qa/plain.jinja:2: the invisible character U+0000"),
    ),
    Case(
        "B10-null-cell",
        "",
        {
            "plain.jinja": "user:\n{{ title }} {{ text }}\n",
            "rows.jsonl": '{"id": "a", "text": "a", "label": "1", "title": null}\n',
        },
        words=("prompts", "lint"),
        code=0,
        shown=(
            "warning: prompts/qa/plain.jinja: 1 of 1 rows (first: a, rows.jsonl:1) render null in "
            "'title' as None; try {{ title or '' }}"
        ),
    ),
    Case(
        "B12-copies",
        "",
        template("user:\nThe text.\n"),
        words=("prompts", "lint"),
        code=0,
        shown=(
            "warning: 1 of 2 rows render to the text of an earlier row, first row b, "
            "rows.jsonl:2; intervals and verdicts count such rows once"
        ),
    ),
    Case(
        "B12-cluster-unused",
        "",
        {"rows.jsonl": '{"text": "a", "label": "1", "passage": 1}\n'},
        dataset="{path: rows.jsonl, expected: label, cluster: passage}",
        words=("prompts", "lint"),
        code=0,
        shown="1 template, 0 errors, 0 warnings",
    ),
]
