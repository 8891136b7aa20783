"""Text of rows, outputs, names and errors cannot control a reader of these commands' output.

compare, gate and decide on a terminal: no escapes, no characters that turn text. Under GitHub
Actions: no command for its runner. In Markdown: no markup, no link, no mention. In JUnit: text.
"""

import json
import re
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import invoke_on_terminals
from markdown_it import MarkdownIt
from openai_server import Reply, say, serve

from workbench.report.safe_text import escape_commands, escape_markdown, json_line, shorten

TERMINAL = (
    "\x1b[31mred\x1b]8;;http://evil\x07link\x1b]52;c;aGk=\x07\x9b31m\x90q\x9c\x08\x7f"
    "\u202egnol\u202c\u2066\u2069\u200b\u200e\u200f\u061c\u2060\ufeff\U000e0041"
)
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff"
    "\U000e0000-\U000e007f]"
)
COMMANDS = [
    "::error::pwned",
    "  ::set-output name=a::pwned",
    "\u3000::add-mask::pwned",
    "\u200b::stop-commands::pwned",
    "##[error]pwned",
    "said ##[set-output name=a]pwned",
    "%0A::error::pwned",
    "%250A##[error]pwned",
    "one\n::error::pwned",
    "one\r::error::pwned",
    "one\r\n##[warning]pwned",
    "one\u2028::error::pwned",
    "one\x85::error::pwned",
    "one\x0b::error::pwned",
]
MARKDOWN = [
    "<img src='http://attacker.example/x.png'>",
    "</details><script>hit=1</script><!--",
    "![x](http://attacker.example/x.png)",
    "[x](javascript:hit)",
    "[x]: http://attacker.example",
    "<http://attacker.example>",
    "http://attacker.example/x",
    "https://attacker.example/x",
    "www.attacker.example and _www.attacker.example",
    "somebody@attacker.example",
    "@octocat and @octo-org/team",
    "#1 and octo/cat#2 and GH-3",
    "one | two | three",
    "one\n| two |\n\n# three",
    "`one` ``` two",
    "```\n![x](http://attacker.example)",
    "~~~\n@octocat",
    "$one$ **two** _three_ ~~four~~ &lt;b&gt; \\",
]
PAYLOADS = [TERMINAL, *COMMANDS, *MARKDOWN]
# Lines of both templates, each next to a line that differs.
LINES = [
    "```",
    "::error::pwned",
    "   ::set-output name=a::pwned",
    "##[error]pwned",
    "`````",
    "![x](http://attacker.example/x.png) @octocat #1",
    "</details>",
]
TEMPLATE = """\
system:
{{% raw %}}
{lines}
{{% endraw %}}
user:
{{{{ {column} }}}}
"""
EVALUATOR = """\
from workbench.evaluator import Score

def mine(outputs, expectations):
    if len(outputs) % 3:
        return Score(value="category " + outputs, reason=outputs)
    raise ValueError(outputs)
"""
EXPERIMENT = """\
dataset: {{path: rows.jsonl, expected: label, id: id}}
prompts: [plain, better]
models:
  - echo:last
  - "openai:::error::pwned": {{base_url: "{url}"}}
evaluators: [exact_match, contains, mine]
grid: {{user: [{user}, a]}}
gate: {{exact_match: {{min: 0.95, no_worse_than: baseline}}, contains: {{min: 0.99}}}}
"""
COLUMN = f"kind {COMMANDS[0]} ##[error] {TERMINAL} @octocat |"


def hostile(text: str) -> str:
    """As YAML writes it, whose escapes are JSON's but for characters beyond the first 65,536."""
    return json.dumps(text).replace("\\udb40\\udc41", "\\U000E0041")


def _reply(number: int) -> Reply:
    payload = PAYLOADS[number % len(PAYLOADS)]
    return say(payload) if number % 2 else say("", finish=payload)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A scored run with hostile rows, outputs, names and errors."""
    home = tmp_path_factory.mktemp("hostile")
    task = home / "prompts" / "qa"
    task.mkdir(parents=True)
    (home / "evaluators").mkdir()
    (home / "evaluators" / "mine.py").write_text(EVALUATOR)
    rows = [
        {
            "id": f"{payload} {number}",
            "text": payload,
            "other": f"{payload} {number}" if number % 3 else payload,
            "label": payload,
            COLUMN: payload,
        }
        for number, payload in enumerate(PAYLOADS)
    ]
    (task / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name, column in (("plain", "text"), ("better", "other")):
        lines = "".join(f"{line}\n{name} {number}\n" for number, line in enumerate(LINES))
        (task / f"{name}.jinja").write_text(TEMPLATE.format(lines=lines, column=column))
    (home / "workbench.yaml").write_text("tracking_uri: none\n")
    with serve() as server:
        server.script = lambda path, body, nth: _reply(len(server.requests))
        user = f"{COMMANDS[0]} ##[error] @octocat {TERMINAL}"
        text = EXPERIMENT.format(url=server.url, user=hostile(user))
        (task / "experiment.yaml").write_text(text)
        call(home, "run", expect=(0, 3))
        yield home


def call(
    home: Path, *words: str, expect: tuple[int, ...] = (0,), **variables: str
) -> "subprocess.CompletedProcess[str]":
    """Run the command on its own terminals."""
    done = invoke_on_terminals(home, *words, **variables)
    assert done.returncode in expect, done.stderr
    return done


def commands(printed: str) -> list[str]:
    """The lines in which the runner finds a command (ActionCommand.cs, both of its forms)."""
    return [
        line
        for line in re.split(r"[\r\n\u2028\u2029\x85\x0b\x0c]", printed)
        if line.strip().startswith("::") or "##[" in line
    ]


CALLS = {
    "compare": ("compare", "--by", COLUMN),
    "compare --markdown": ("compare", "--markdown", "--by", COLUMN),
    "compare --json": ("compare", "--json", "--by", COLUMN),
    "compare, an error": ("compare", "--by", f"x{COLUMN}"),
    "compare, a side": ("compare", COLUMN),
    "gate": ("gate",),
    "gate --json": ("gate", "--json"),
    "gate, an error": ("gate", COLUMN),
    "decide": ("decide",),
    "decide --floor": ("decide", "--floor", "0.99"),
    "decide --json": ("decide", "--json"),
    "decide, an error": ("decide", "--metric", COLUMN),
    "decide --json, an error": ("decide", "--json", "--metric", COLUMN),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_no_printed_field_drives_a_terminal_or_a_runner(home: Path, name: str) -> None:
    run = call(home, *CALLS[name], expect=(0, 1, 2, 8))
    printed = run.stdout + run.stderr
    assert (UNSAFE.findall(printed), commands(printed)) == ([], [])
    assert ("error::pwn" in printed, "Traceback" in printed) == (True, False)


@pytest.mark.slow
def test_what_github_is_told_are_annotations_of_checks_and_nothing_else(
    home: Path, tmp_path: Path
) -> None:
    summary, junit = tmp_path / "summary.md", tmp_path / "gate.xml"
    run = call(
        home,
        *("gate", "--junit", str(junit)),
        expect=(1,),
        GITHUB_ACTIONS="true",
        GITHUB_STEP_SUMMARY=str(summary),
    )
    assert UNSAFE.findall(run.stdout + run.stderr + summary.read_text() + junit.read_text()) == []
    lines_with_commands = commands(run.stdout + run.stderr)
    form = (
        r"::(error|warning) file=prompts/qa/(plain|better)\.jinja,line=\d+,title=[^:,]*"
        r"::(failed|not enough evidence): [^:%]*"
    )
    assert [line for line in lines_with_commands if not re.fullmatch(form, line)] == []
    (suite,) = ET.parse(junit).getroot()
    assert len(lines_with_commands) == int(suite.get("failures", 0)) + int(suite.get("skipped", 0))
    assert {tag.tag for tag in suite.iter()} <= {"testsuite", "testcase", "failure", "skipped"}
    assert linked(summary.read_text()) == []


@pytest.mark.slow
def test_markdown_holds_no_markup_link_or_mention_but_its_own(home: Path) -> None:
    text = call(home, "compare", "--markdown", "--by", COLUMN).stdout
    assert linked(text) == []
    headings = [line for line in text.splitlines() if line.startswith("### ")]
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    assert sum(token.type == "heading_open" for token in tokens) == len(headings)
    fences = [token.content for token in tokens if token.type == "fence"]
    assert len(fences) == len(headings)  # each diff is whole: nothing in it ends its fence
    assert {token.count("+{{ other }}") for token in fences} == {1}
    cells = [token for token in tokens if token.type in ("th_open", "td_open")]
    assert len(cells) % 6 == 0  # columns


def linked(markdown: str) -> list[str]:
    """Markup that comes from the data, and text that GitHub would make a link or a mention."""
    live: list[str] = []
    for token in MarkdownIt("commonmark").enable("table").parse(markdown):
        if token.type in ("html_block", "code_block"):
            live.append(token.content)
        for part in token.children or ():
            if part.type not in ("text", "text_special"):
                live.append(f"{part.type}: {part.content}")
        text = "".join(part.content for part in token.children or ())
        links = r"@\w.*|#\d+|GH-\d+|(?i:https?://.*|www\..*)"
        live += re.findall(links, text)
    return live


@pytest.mark.parametrize("payload", MARKDOWN)
def test_a_text_is_the_same_to_a_reader_of_markdown(payload: str) -> None:
    flat = shorten(payload)
    table = f"| a |\n|---|\n| {escape_markdown(flat)} |\n\n- {escape_markdown(flat)}\n"
    tokens = MarkdownIt("commonmark").enable("table").parse(table)
    texts = [token for token in tokens if token.type == "inline"][1:]
    texts_of_cells = ["".join(part.content for part in token.children or ()) for token in texts]
    assert [token.replace("\u200b", "") for token in texts_of_cells] == [flat, flat]
    assert linked(table) == []


def test_a_command_is_broken_and_json_keeps_it() -> None:
    assert [
        escape_commands(text) for text in ("::error::x", "a ##[error]x", " ::x\n ::y", "a::b # [x]")
    ] == [
        ": :error::x",
        "a ## [error]x",
        " : :x\n : :y",
        "a::b # [x]",
    ]
    assert [shorten(text) for text in ("\u200b::error::x", "\n ::x")] == [": :error::x", ": :x"]
    line = json_line({"a": "##[error]x"})
    assert ("##[" in line, json.loads(line)) == (False, {"a": "##[error]x"})


CI_COMMANDS = {
    "##vso[task.setvariable variable=a]b": "## vso[task.setvariable variable=a]b",
    "a ##teamcity[message text='b']": "a ## teamcity[message text='b']",
    "section_start:1:a\r\x1b[0Kb": "section_start :1:a[0Kb",
    "travis_fold:start:a": "travis_fold :start:a",
    "##\u200bvso[a]": "## vso[a]",
    "## [a](b), a::b, section_starts": "## [a](b), a::b, section_starts",
}


@pytest.mark.parametrize("text", CI_COMMANDS)
def test_a_command_of_any_ci_system_is_broken_and_json_keeps_it(text: str) -> None:
    assert escape_commands(text) == CI_COMMANDS[text]
    line = json_line({"a": text})
    assert (escape_commands(line), json.loads(line)) == (line, {"a": text})
