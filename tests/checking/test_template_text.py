"""A template's text: what is valid Jinja and likely not meant so."""

import pytest

ROLES_FIX = (
    "write a line with only the role: `system:`, `developer:`, `user:`, `assistant:`, `tool:`"
)
MARKUP_FIX = f"{ROLES_FIX}; to send markup as it is: `chat: false` in the front matter"


@pytest.mark.parametrize(
    "template",
    [
        "{{ question }} {{ context }}",
        "user:\n{{ question }}\n\nassistant:\nAnswer:",
        'Answer as {"label": number} about {{ question }}.',
        "Answer as JSON: {label: number, why: text}. {{ question }}",
        "<question>{{ question }}</question>\n<context>\n{{ context }}\n</context>",
        "{% for word in question.split() %}{{ word }}, {% endfor %}",
        "---\nchat: false\n---\nUser: {{ question }}\nAssistant:",
        "---\nchat: false\n---\n<|im_start|>user\n{{ question }}<|im_end|>\n",
        "Q: {{ question }}\nA:",
        "{{ context }}:\n{{ question }}",
        "{% for c in question %}{{ c }}: {% endfor %}",
        "user:\nThe talk so far:\nUser: hi\nAssistant: hello\n{{ question }}",
        "[{{ question }}]",
        "- role: none\n{{ question }}",
        "{% raw %}{question} {{ context }}{% endraw %} {{ question }}",
        "{# {context} #}{{ question }}",
        "{{ '{context}' }} {{ question }}",
        "Costs $5 and 100%. {{ question }}",
        "def f(role):\n    return role\n\nExplain it. {{ question }}",
        'answer = "4"\nquestion = "{{ question }}"\nanswer = ',
        "name: Ada\ndescription: {{ question }}\nprompt:",
        '{"task": "answer", "signature": {{ question | tojson }}}',
        "# User\n{{ question }}",
        "<user>\n{{ question }}\n</user>",
    ],
)
def test_templates_that_are_right_get_no_note(notes, template):
    assert notes(template) == []


def test_placeholder_of_the_expected_answer_is_noted(notes, refused):
    text = "prompts/qa/plain.jinja:2: '{label}' is text: a template is Jinja, and 'label' is the "
    text += "expected answer, which templates don't see"
    fix = "leave the placeholder out"
    assert notes("user:\n{{ question }}{{ context }} is {label}") == [f"{text}; {fix}"]
    assert refused("user:\nAnswer {label} now") == f"{text}\n  fix: {fix}"
    assert notes("user:\n{{ question }}{{ context }} Write: <label>") == []


@pytest.mark.parametrize(
    "placeholder",
    [
        "{question}",
        "{ question }",
        "{question!r}",
        "{question:>10}",
        "{question.text}",
        "${question}",
        "$question",
        "%(question)s",
        "#{question}",
        "<question>",
        "<<question>>",
        "[[question]]",
        "{$question}",
        "<%= question %>",
        "{Question}",
        "<QUESTION>",
    ],
)
def test_placeholder_of_another_engine_is_refused(refused, placeholder):
    assert refused(f"user:\nAnswer: {placeholder} now") == (
        f"prompts/qa/plain.jinja:2: {placeholder!r} is text: a template is Jinja\n"
        "  fix: write {{ question }}"
    )


def test_placeholder_beside_jinja_is_noted(notes):
    assert notes("{{ question }}\n{context}") == [
        "prompts/qa/plain.jinja:2: '{context}' is text: a template is Jinja; write {{ context }}"
    ]


@pytest.mark.parametrize("tag", ["{{#if question}}", "{{{question}}}", "{{> part}}", "{{/if}}"])
def test_handlebars_are_refused(refused, tag):
    assert refused(f"{{{{ question }}}} {tag}").startswith("prompts/qa/experiment.yaml:2:11: ") or (
        refused(f"{{{{ question }}}} {tag}").startswith("prompts/qa/plain.jinja:1:")
    )


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ('[{"role": "user", "content": "{{ question }}"}]', "JSON"),
        ('[\n  {"role": "system", "content": "Hi"},\n  {"role": "user", "content": ""}\n]', "JSON"),
        ('{"messages": [{"role": "user", "content": "{{ question }}"}]}', "JSON"),
        (
            '{"model": "m", "messages": [{"content": "{{ question }}", "role": "user"}]}',
            "JSON",
        ),
        ('{"role": "user", "content": "{{ question }}"}', "JSON"),
        ("[{'role': 'user', 'content': '{{ question }}'}]", "JSON"),
        ('[("system", "Hi"), ("human", "{question}")]', "a Python list"),
        ("- role: user\n  content: '{{ question }}'", "YAML"),
        ("messages:\n  - role: system\n    content: Hi {{ question }}", "YAML"),
    ],
)
def test_conversation_in_another_format_is_refused(refused, template, name):
    assert refused(template) == (
        f"prompts/qa/plain.jinja:1: the template is a conversation as {name}, which would be sent "
        f"as one text\n  fix: {ROLES_FIX}"
    )


@pytest.mark.parametrize(
    ("template", "kind"),
    [
        ('{"_type": "prompt", "template": "Hi {question}"}', "a JSON file"),
        ('{\n "input_variables": ["question"],\n "template": "{question}"\n}', "a JSON file"),
        ('{"predict": {"signature": {"instructions": "Answer."}, "demos": []}}', "a JSON file"),
        ('{"prompt_input": "### Input:\\n{question}", "prompt_no_input": ""}', "a JSON file"),
        ("name: a\nmessages:\n  - role: user\n    content: '{{ question }}'", "a YAML file"),
        ("task: a\ndoc_to_text: 'Q: {{ question }}'", "a YAML file"),
        ("prompt: |-\n  [Question]: {question}\nchoice_strings: AB", "a YAML file"),
        ("agent:\n  system_template: |-\n    Hi {{ question }}", "a YAML file"),
        ('description = "a"\nprompt = """\nHi {{ question }}\n"""', "a TOML file"),
        ("<poml>\n<task>{{ question }}</task>\n</poml>", "POML"),
        ("module.exports = ({ vars }) => `Hi ${vars.question}`;", "a JavaScript program"),
        ("export default async ({ vars }) => [{ role: 'user' }];", "a JavaScript program"),
        ("import json\n\ndef p(c):\n    return c['vars']['question']", "a Python program"),
        ('PROMPT = f"""Answer {question}."""', "a Python program"),
        ('ChatPromptTemplate.from_messages([("human", "{question}")])', "a Python program"),
    ],
)
def test_file_of_another_tool_is_refused(refused, template, kind):
    assert refused(template) == (
        f"prompts/qa/plain.jinja:1: the template is {kind}, which would be sent as one text\n"
        "  fix: keep the text that is sent: messages under role lines, values as {{ column }}"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# system:\nHi\n\n# user:\n{{ question }}", "# system:"),
        ("Hi\n# user:\n{{ question }}", "# user:"),
        ("## System\nHi\n\n## User\n{{ question }}", "## System"),
        ("**System**:\nHi\n\n**User**:\n{{ question }}", "**System**:"),
        ("<system>\nHi\n</system>\n<user>\n{{ question }}\n</user>", "<system>"),
        ("[system]\nHi\n[user]\n{{ question }}", "[system]"),
    ],
)
def test_role_in_a_heading_is_noted(notes, text, line):
    number = text.split("\n").index(line) + 1
    role = "user" if "user" in line else "system"
    assert notes(text) == [
        f"prompts/qa/plain.jinja:{number}: {line!r} is text; a role line is `{role}:` alone"
    ]


def test_role_in_bold_before_its_text_is_noted(notes):
    assert notes("**System:** Hi\n\n**User:** {{ question }}") == [
        "prompts/qa/plain.jinja:1: '**System:** Hi' is text of one user message; "
        f"{ROLES_FIX}, and the text below it"
    ]


def test_placeholder_between_tags_of_its_name_is_refused(refused):
    assert refused("<question>\n{$question}\n</question>") == (
        "prompts/qa/plain.jinja:2: '{$question}' is text: a template is Jinja\n"
        "  fix: write {{ question }}"
    )


@pytest.mark.parametrize(
    ("line", "mark", "name"),
    [
        ("<|im_start|>user", "<|im_start|>", "ChatML"),
        ("<|start_header_id|>user<|end_header_id|>", "<|start_header_id|>", "Llama 3's"),
        ("[INST] Hi", "[INST]", "Llama 2's and Mistral's"),
        ("<s>[INST] <<SYS>>", "<s>[INST]", "Llama 2's and Mistral's"),
        ("<start_of_turn>user", "<start_of_turn>", "Gemma's"),
        ("<|user|>", "<|user|>", "Phi's and Zephyr's"),
        ("<message role='user'>", "<message role=", "XML messages"),
    ],
)
def test_chat_markup_is_refused(refused, line, mark, name):
    message = refused(f"{line}\n{{{{ question }}}}")
    assert message.startswith(f"prompts/qa/plain.jinja:1: {mark!r} is {name}")
    assert message.endswith(f"which a chat model gets as text\n  fix: {MARKUP_FIX}")


def test_chat_markup_inside_a_line_is_noted(notes):
    assert notes("What does <|im_start|> mean in {{ question }}?") == [
        "prompts/qa/plain.jinja:1: '<|im_start|>' is ChatML, which a chat model gets as text; "
        + MARKUP_FIX
    ]


@pytest.mark.parametrize(
    ("template", "note"),
    [
        ("user: {{ question }}", "1: 'user: {{ question }}' is text of one user message"),
        (
            "Human: {{ question }}\n\nAssistant:",
            "1: 'Human: {{ question }}' is text of one user message",
        ),
        (
            "Be brief.\nsystem: Hi\n{{ question }}",
            "2: 'system: Hi' is text of one user message",
        ),
    ],
)
def test_roles_that_are_text_are_noted(notes, template, note):
    (first, *_) = [line for line in notes(template) if "one user message" in line]
    assert first == f"prompts/qa/plain.jinja:{note}; {ROLES_FIX}, and the text below it"


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("User:", "a role line is `user:` alone"),
        ("  assistant:", "a role line is `assistant:` alone"),
        ("Human:", "the roles are system, developer, user, assistant, tool"),
        ("function:", "the roles are system, developer, user, assistant, tool"),
    ],
)
def test_line_that_looks_like_a_role_is_noted(notes, line, rule):
    assert notes(f"user:\n{{{{ question }}}}\n{line}\nHi") == [
        f"prompts/qa/plain.jinja:3: {line!r} is text; {rule}"
    ]


@pytest.mark.parametrize(
    "role", ["{{ m.role }}:", "{{ m['role'] }}:", "{{m.role|upper}}:", "{{ m['from'] }}:"]
)
def test_role_line_written_by_a_value_is_noted(notes, role):
    rows = [
        {"history": [{"role": "user", "from": "human", "content": f"Hi {n}"}], "label": "x"}
        for n in range(2)
    ]
    template = f"{{% for m in history %}}\n{role}\n{{{{ m.content }}}}\n{{% endfor %}}"
    assert notes(template, rows) == [
        f"prompts/qa/plain.jinja:2: {role!r} is text, also where the value is a role; write the "
        "role lines: {% if m.role == 'user' %}, then a line `user:`, and so on"
    ]


def test_template_that_uses_no_column_is_noted(notes):
    assert notes("user:\nSay something.\n") == [
        "prompts/qa/plain.jinja:1: the template uses no column: its 3 rows are one request; "
        "write {{ question }}"
    ]


def test_placeholder_of_no_column_is_named(notes):
    assert notes("user:\nSay {something}.\n") == [
        "prompts/qa/plain.jinja:1: the template uses no column: its 3 rows are one request, and "
        "'{something}' is text; write {{ question }}"
    ]


def test_one_row_needs_no_column(notes):
    assert notes("user:\nSay something.\n", [{"text": "a", "label": "x"}]) == []
