"""Characters that drive a terminal or turn text (S18): none is printed, from any source."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from openai_server import OpenAIServer, refuse, say
from walk import Case, Ended, command

# ESC, CSI, OSC 8 and 52, C1, carriage return, backspace, bidi, zero-width, tags: one of each.
EVIL = (
    "\x1b[31mred\x1b]8;;http://evil\x07link\x1b]52;c;aGk=\x07\x9b31m\x90q\x9c\x85\x08\x7f\r"
    "\u202egnol\u202c\u2066\u2069\u200b\u200e\u200f\u061c\u2060\ufeff\u2028\u2029\U000e0041"
)
INNER = EVIL.replace("\u2028", "").replace("\u2029", "").replace("\r", "").replace("\x85", "")
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff"
    "\U000e0000-\U000e007f]"
)


def leaks(ended: Ended) -> list[str]:
    return sorted(
        {f"U+{ord(character):04X}" for character in UNSAFE.findall(ended.out + ended.err)}
    )


def quoted(text: str) -> str:
    """As YAML writes it, whose escapes are JSON's but for characters beyond the first 65,536."""
    return json.dumps(text).replace("\\udb40\\udc41", "\\U000E0041")


EVALUATOR = """\
from workbench.evaluator import Score

EVIL = {evil}

def mine(outputs):
    if "one" in outputs:
        return Score(value="category" + EVIL, reason=EVIL)
    raise ValueError("reason " + EVIL)
"""
LINES = f"user:\n{{{{ text }}}} {INNER}\n"
ROWS = "".join(
    json.dumps(row) + "\n"
    for row in (
        {"id": f"a{EVIL}", "text": f"one {EVIL}", "label": "1", f"extra{EVIL}": 1},
        {"id": f"b{EVIL}", "text": f"two {EVIL}", "label": "1", f"extra{EVIL}": "1"},
        {"id": f"c{EVIL}", "text": f"three {EVIL}", "label": "1"},
    )
)
CASES = [
    Case("row and template", "", {"rows.jsonl": ROWS, "plain.jinja": LINES}),
    Case("template error", "", {"plain.jinja": f"user:\n{{{{ txt }}}} {INNER}\n"}),
    Case("syntax error", "", {"plain.jinja": f"user:\n{{% if {INNER} %}}\n"}),
    Case("filter", "", {"plain.jinja": f"user:\n{{{{ text|x{INNER} }}}}\n"}),
    Case("row in error", "", {"rows.jsonl": ROWS, "plain.jinja": "user:\n{{ text.nam }}\n"}),
    Case("partial", "", {"plain.jinja": f"user:\n{{% include '{INNER}' %}}\n"}),
    Case(
        "description", "", {"plain.jinja": f"---\ndescription: {quoted(EVIL)}\n---\n{{{{ text }}}}"}
    ),
    Case("front matter", "", {"plain.jinja": f"---\n{quoted(EVIL)}: 1\n---\n{{{{ text }}}}"}),
    Case("choices", "", {"plain.jinja": f"---\nchoices: [a, {quoted(EVIL)}]\n---\n{{{{ text }}}}"}),
    Case("bad JSON", "", {"rows.jsonl": f'{{"a": {EVIL} }}\n'}),
    Case("bad CSV", "", {"rows.csv": f"text,label\na,b,{INNER}\n"}, dataset="rows.csv"),
    Case("header", "", {"rows.csv": f"{INNER},label,{INNER}\na,b,c\n"}, dataset="rows.csv"),
    Case("id twice", "", {"rows.jsonl": (json.dumps({"id": EVIL, "text": "a"}) + "\n") * 2}),
    Case("dataset name", "", dataset=f"{{path: {quoted(EVIL)}}}"),
    Case("split", "", dataset=f"{{path: rows.jsonl, split: {quoted(EVIL)}}}"),
    Case("key", "", more=f"{quoted(EVIL)}: 1\n"),
    Case("name", "", more=f"name: {quoted(EVIL)}\n"),
    Case("parameter", "", more=f"parameters: {{{quoted(EVIL)}: 1}}\n"),
    Case("parameter value", "", more=f"parameters: {{temperature: {quoted(EVIL)}}}\n"),
    Case("grid", "", more=f"grid: {{user: [{quoted(EVIL)}, b]}}\n"),
    Case("prompt", "", prompts=f"[{quoted(EVIL)}]"),
    Case("prompt version", "", prompts=f"[{quoted('plain@' + EVIL)}]"),
    Case("evaluator", "", evaluators=f"[{quoted(EVIL)}]"),
    Case("evaluator name", "", evaluators=f"[exact_match: {{name: {quoted(EVIL)}}}]"),
    Case("evaluator setting", "", evaluators=f"[exact_match: {{{quoted(EVIL)}: 1}}]"),
    Case("provider", "", models=f"[{quoted(EVIL + ':m')}]"),
    Case("model", "", models=f"[{quoted('openai:' + EVIL)}]"),
    Case("local model", "", models=f"[{quoted('transformers:' + EVIL)}]"),
    Case("label", "", models=f'["openai:m": {{base_url: "{{url}}", as: {quoted(EVIL)}}}]'),
    Case("base_url", "", models=f'["openai:m": {{base_url: {quoted("http://" + EVIL)}}}]'),
    Case("header of one's own", "", models=f'["openai:m": {{headers: {{{quoted(EVIL)}: a}}}}]'),
    Case("key variable", "", models=f'["openai:m": {{api_key_env: {quoted(EVIL)}}}]'),
    Case("tracking", "", {"../../workbench.yaml": f"tracking_uri: {quoted(EVIL)}\n"}),
    Case("price", "", {"../../workbench.yaml": f"prices: {{{quoted('openai:n' + EVIL)}: 1}}\n"}),
    Case(
        "currency",
        "",
        {
            "../../workbench.yaml": f"currency: {quoted(EVIL)}\n"
            "prices: {openai:m: {input: 1, output: 1}}\n"
        },
    ),
    Case("env", "", {"../../.env": f"A {INNER}\n"}),
    Case(
        "evaluator's words",
        "",
        {"../../evaluators/mine.py": EVALUATOR.replace("{evil}", ascii(EVIL))},
        evaluators="[mine]",
    ),
    Case(
        "import error",
        "",
        {"../../evaluators/mine.py": f"raise ValueError({EVIL!a})\n"},
        evaluators="[mine]",
    ),
]
COMMANDS = (
    ("plan",),
    ("plan", "--json"),
    ("prompts", "lint"),
    ("prompts", "lint", "--json"),
    ("prompts", "show", "qa/plain"),
    ("prompts", "show", "qa/plain", "--json"),
    ("prompts", "diff", "qa/plain", "qa/other"),
)


@pytest.mark.slow
@pytest.mark.timeout(250)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_nothing_in_the_files_drives_the_terminal(
    case: Case, tmp_path: Path, billing: OpenAIServer, capfd: pytest.CaptureFixture[str]
) -> None:
    case.write(tmp_path, billing)
    (tmp_path / "prompts" / "qa" / "other.jinja").write_text("user:\n{{ text }} other\n")
    leaks_by_command = {words: leaks(command(tmp_path, words, {}, capfd)) for words in COMMANDS}
    assert {words: leak for words, leak in leaks_by_command.items() if leak} == {}


def _model_name(path: str, body: object, nth: int):
    return say(f"answer {EVIL}", model=f"model {EVIL}")


REPLIES: dict[str, Callable] = {
    "answer and model": _model_name,
    "refused row": lambda path, body, nth: refuse(422, f"no {EVIL}"),
    "rejected key": lambda path, body, nth: refuse(401, f"no {EVIL}", code=f"c{EVIL}"),
    "parameter": lambda path, body, nth: refuse(400, f"no {EVIL}", param=f"model{EVIL}"),
    "finish": lambda path, body, nth: say("", finish=f"stop{EVIL}"),
}


@pytest.mark.mlflow
def test_nothing_a_recorded_run_says_drives_the_terminal(
    tmp_path: Path, billing: OpenAIServer, capfd: pytest.CaptureFixture[str]
) -> None:
    Case("run", "", {"rows.jsonl": ROWS}).write(tmp_path, billing)
    billing.script = _model_name
    assert leaks(command(tmp_path, ("run",), {}, capfd)) == []


@pytest.mark.slow
@pytest.mark.timeout(250)
@pytest.mark.parametrize("kind", REPLIES)
def test_nothing_a_server_says_drives_the_terminal(
    kind: str, tmp_path: Path, billing: OpenAIServer, capfd: pytest.CaptureFixture[str]
) -> None:
    evaluator = EVALUATOR.replace("{evil}", ascii(EVIL)).replace('"one" in outputs', "True")
    Case(
        "run",
        "",
        {"rows.jsonl": ROWS, "../../evaluators/mine.py": evaluator},
        evaluators="[exact_match, mine]",
    ).write(tmp_path, billing)
    billing.script = REPLIES[kind]
    unrecorded = {"MLFLOW_TRACKING_URI": "none"}
    shown = leaks(command(tmp_path, ("run",), unrecorded, capfd))
    narrow = leaks(command(tmp_path, ("run",), {"COLUMNS": "40", **unrecorded}, capfd))
    as_json = leaks(command(tmp_path, ("run", "--json"), unrecorded, capfd))
    assert (shown, narrow, as_json) == ([], [], [])
    assert billing.requests != []


def test_an_evaluators_error_drives_no_terminal(
    tmp_path: Path, billing: OpenAIServer, capfd: pytest.CaptureFixture[str]
) -> None:
    evaluator = EVALUATOR.replace("{evil}", ascii(EVIL))
    Case("run", "", {"../../evaluators/mine.py": evaluator}, evaluators="[mine]").write(
        tmp_path, billing
    )
    ended = command(tmp_path, ("run",), {"MLFLOW_TRACKING_URI": "none"}, capfd)
    assert (ended.code, leaks(ended), "1 error" in ended.out) == (3, [], True)


def test_names_of_files_drive_no_terminal(
    tmp_path: Path, billing: OpenAIServer, capfd: pytest.CaptureFixture[str]
) -> None:
    Case("files", "").write(tmp_path, billing)
    evil = EVIL.replace("/", "")[:40]
    (tmp_path / "prompts" / "qa" / f"x{evil}.jinja").write_text("user:\n{{ text }}\n")
    (tmp_path / "prompts" / f"task{evil}").mkdir()
    (tmp_path / "prompts" / f"task{evil}" / "a.jinja").write_text("user:\n{{ text }}\n")
    words = (("run",), ("run", "nothing"), ("prompts", "lint"), ("prompts", "show", "nothing"))
    assert [leaks(command(tmp_path, word, {}, capfd)) for word in words] == [[], [], [], []]


def test_words_of_the_command_drive_no_terminal(
    tmp_path: Path, billing: OpenAIServer, capfd: pytest.CaptureFixture[str]
) -> None:
    Case("words", "").write(tmp_path, billing)
    evil = EVIL.replace("\0", "")
    words = (
        ("run", evil),
        (evil,),
        ("run", f"--{evil}"),
        ("run", "--limit", evil),
        ("run", "--only", evil),
        ("plan", "--tracking-uri", evil),
        ("prompts", "show", evil),
        ("prompts", "show", f"qa/plain@{evil}"),
        ("prompts", "pull", evil),
        ("prompts", "lint", evil),
        ("models", "add", evil),
        ("data", "add", evil),
        ("run", evil, "--json"),
    )
    assert {
        word: leak for word in words if (leak := leaks(command(tmp_path, word, {}, capfd)))
    } == {}


def test_json_keeps_what_the_terminal_does_not_see(
    tmp_path: Path, billing: OpenAIServer, capfd: pytest.CaptureFixture[str]
) -> None:
    Case("json", "", {"rows.jsonl": ROWS}).write(tmp_path, billing)
    ended = command(tmp_path, ("prompts", "lint", "--json"), {}, capfd)
    (prompt,) = json.loads(ended.out)["tasks"][0]["prompts"]
    assert prompt["rendered"][0]["text"] == f"user:\none {EVIL}"
