"""Keys that a reply hides between characters that show nothing, and text that drives a log."""

import json
import re
from pathlib import Path

import pytest
from command import call, invoke, invoke_on_terminals
from openai_server import OpenAIServer, say

from workbench.report.safe_text import plain

KEY = "lab-Zk83hq0Ws71mmPq92Lx"
SEPARATORS = [
    "\u200b",
    "\xad",
    "\u2060",
    "\u202e",
    "\x00",
    "\x1b",
    "\x1b[1m",
    "\n",
    "\u0301",
    "\x85",
]
EVIL = (
    "\x1b[31mred\x1b]52;c;aGk=\x07\u202egnol\r\x9b2J\n::set-output name=a::b\n ::add-mask::x\n"
    "##[group]a ##vso[task.setvariable variable=a]b ##teamcity[message text='a']\n"
    "section_start:1:a[collapsed=true]\r\x1b[0Kb travis_fold:start:a"
)
COMMANDS = re.compile(r"(?m)^\s*::|##\w*\[|section_start:\d|travis_fold:")
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u206f]")
EXPERIMENT = """\
dataset: {{path: rows.jsonl, expected: label}}
prompts: [plain, loud]
models: ["openai:m": {{base_url: "{url}", api_key_env: WORD, reasoning: strip}}]
evaluators: [exact_match, contains, told]
gate: {{exact_match: {{min: 0.5}}}}
max_failed: 100
"""


@pytest.fixture
def home(tmp_path: Path, server: OpenAIServer) -> Path:
    """A project whose endpoint answers row n with the key and the n-th separator."""
    task = tmp_path / "prompts" / "qa"
    task.mkdir(parents=True)
    rows = [{"id": f"r{number}", "text": str(number), "label": "x"} for number in range(12)]
    (task / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (task / "plain.jinja").write_text("user:\n{{ text }}\n")
    (task / "loud.jinja").write_text("user:\n0{{ text }}\n")
    (task / "experiment.yaml").write_text(EXPERIMENT.format(url=server.url))
    (tmp_path / "evaluators").mkdir()
    (tmp_path / "evaluators" / "told.py").write_text(
        "from workbench.evaluator import Score\n\n\n"
        "def told(outputs: str) -> Score:\n"
        '    visible = "".join(c for c in outputs if c.isalnum() or c == "-")\n'
        "    return Score(value=visible, reason=visible)\n"
    )
    (tmp_path / "workbench.yaml").write_text("tracking_uri: none\n")
    replies = [separator.join(KEY) for separator in SEPARATORS]
    replies += [f"{KEY[:9]}<think>x</think>{KEY[9:]}", EVIL]
    server.script = lambda path, body, nth: say(replies[int(body["messages"][-1]["content"])])
    return tmp_path


def test_a_hidden_key_is_in_no_output(home: Path) -> None:
    calls = [
        *(["run", "qa"], ["run", "qa", "--json"], ["compare", "qa", "--html", "page.html"]),
        *(["compare", "qa"], ["compare", "qa", "--json"], ["compare", "qa", "--markdown"]),
        *(["gate", "qa", "--junit", "gate.xml"], ["store", "export"]),
        *(["store", "export", "--format", "csv"], ["store", "export", "--out", "a.jsonl"]),
        ["store", "explain", "r0", "--task", "qa"],
    ]
    outputs = {" ".join(words): invoke(home, *words, WORD=KEY) for words in calls}
    texts = {name: done.stdout + done.stderr for name, done in outputs.items()}
    texts |= {name: (home / name).read_text() for name in ("page.html", "gate.xml", "a.jsonl")}
    readable = {name: "".join(plain(text).split()) for name, text in texts.items()}
    assert [name for name, text in readable.items() if KEY in re.sub(r"\\\w{1,5}", "", text)] == []
    assert [name for name, text in readable.items() if KEY in text] == []
    assert "[secret WORD]" in texts["page.html"]

    log = call(home, "store", "export", "--format", "csv", WORD=KEY, TF_BUILD="True").stdout
    assert (COMMANDS.findall(log), UNSAFE.findall(log), ": :set-output" in log) == ([], [], True)
    for form in ("jsonl", "csv"):
        words = ("store", "export", "--format", form)
        raw = invoke(home, *words, WORD=KEY, GITHUB_ACTIONS="true").stdout  # to a file
        assert UNSAFE.search(raw) if form == "csv" else "::set-output" in raw
        terminal = invoke_on_terminals(home, *words, WORD=KEY)
        assert UNSAFE.findall(terminal.stdout + terminal.stderr) == []
        assert COMMANDS.findall(terminal.stdout) == []
        if form == "jsonl":
            exported = [json.loads(line)["text"] for line in terminal.stdout.splitlines()]
            assert exported == [json.loads(line)["text"] for line in raw.split("\n") if line]
            assert EVIL in exported
