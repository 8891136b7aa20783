"""Templates of other engines: the fix says what Jinja writes instead."""

import pytest
from bench import refusal

from workbench.prompt.other_engines import syntax_fix

HELPER = "helpers and functions of other engines don't exist here: give their result as a column"
ROLE = "a message begins with a line of its role only: "
BRACES = "literal braces are doubled in str.format only: write them once, and columns as {{ name }}"


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        ("{{#if q}}", "this is Handlebars; write {% if q %}…{% else %}…{% endif %}"),
        ("{{#unless a.b}}", "this is Handlebars; write {% if not a.b %}…{% else %}…{% endif %}"),
        ("{{else if q}}", "this is Handlebars; write {% else %} or {% elif … %}"),
        (
            "{{#each xs}}",
            "this is Handlebars; write {% for item in xs %}…{{ item }}…{% endfor %}",
        ),
        (
            "{{#xs}}",
            "this is Mustache; write {% if xs %}…{% endif %}, for a list "
            "{% for item in xs %}…{% endfor %}",
        ),
        ("{{^xs}}", "this is Mustache; write {% if not xs %}…{% endif %}"),
        ("{{/if}}", "this is Handlebars; write {% endif %} or {% endfor %}"),
        ("{{{q}}} {{&q}}", "this is Handlebars; write {{ q }}"),
        ("{{!-- no --}}", "this is Handlebars; write {# comment #}"),
        (
            "{{> head}}",
            'this is Handlebars; write {% include "_head.jinja" %}, a file beside the template',
        ),
        ('{{role "model"}}', f"this is Dotprompt; {ROLE}assistant:"),
        ("{{#system~}}", f"this is Guidance; {ROLE}system:"),
        ("{{gen 'a' temperature=0}}", "leave it out: a model answers after the last message"),
        ("{{media url=photo}}", HELPER),
        ("{{Plugin.Sum $history}}", HELPER),
        ("{{$input}}", "write {{ input }}, without the $ or dot"),
        ("{{ .Prompt }}", "write {{ Prompt }}, without the $ or dot"),
        (
            "{{ if .System }}{{ .System }}{{ end }}",
            "this is Go; write {% if name %}…{% endif %}, {% for item in names %}…{% endfor %}",
        ),
        ('Write {{"answer": "…"}}', BRACES),
        ("Write {{}}", BRACES),
        ("{% if a === 1 %}", "write ==, !=, and, or, not"),
        ("{{ a && b }}", "write ==, !=, and, or, not"),
        ("{{ a ? b : c }}", "write {{ first if condition else second }}"),
        (
            '{{ q | default: "-" }}',
            "this is Liquid; write arguments in brackets: {{ text | default('-') }}",
        ),
        ("{{ a if }} {% for x in %} {{ a + }}", ""),
    ],
)
def test_syntax_of_another_engine_gets_its_counterpart(line, fix):
    assert syntax_fix(line) == fix


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("user:\nHi {{$name}}", "write {{ name }}, without the $ or dot"),
        ("{{ q | dump }}", "write {{ … | tojson }}"),
        ("{{ q | upcase }}", "write {{ … | upper }}"),
        ("{{ q | append('!') }}", "write {{ first ~ second }}"),
        ("{% if q %}a{% elsif r %}b{% endif %}", "write {% elif … %}"),
        ("{% message role='user' %}{{ q }}{% endmessage %}", f"{ROLE}user:"),
        ("{% assign a = 1 %}", "write {% set name = … %}"),
        ("{% unless q %}{% endunless %}", "write {% if not … %}…{% endif %}"),
        (
            "---\nmodel: m\n---\n{{ q }}",
            "write models into experiment.yaml, their parameters into ",
        ),
        ("---\nname: m\n---\n{{ q }}", "leave it out: the file's name is the prompt's"),
        ("---\nconfig: {}\n---\n{{ q }}", "write `parameters:`"),
        ("---\ntemperature: 0\n---\n{{ q }}", "write `parameters: {temperature: …}`"),
        (
            "---\ntemperatur: 0\n---\n{{ q }}",
            "did you mean 'temperature'? write `parameters: {temperature: …}`",
        ),
        (
            "---\nmax_token: 9\n---\n{{ q }}",
            "did you mean 'max_tokens'? write `parameters: {max_tokens: …}`",
        ),
        ("---\nchoises: [a]\n---\n{{ q }}", "did you mean 'choices'? known: "),
        ("---\ninput: {}\n---\n{{ q }}", "write rows into the dataset; their columns are the "),
    ],
)
def test_error_in_a_template_of_another_engine_has_that_fix(bench, text, fix):
    assert f"\n  fix: {fix}" in refusal(bench.prompt, text)


def test_pairs_of_a_mapping_come_from_items(bench):
    text = "{% for role, content in turn %}{{ content }}{% endfor %}"
    error = refusal(bench.said, text, turn={"assistant": "Hi"})
    assert error.endswith("\n  fix: over a mapping write {% for key, value in name.items() %}")
