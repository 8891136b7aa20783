"""Answers as `run` reads them out of replies: what is scored, counted and said."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command import invoke
from openai_server import OpenAIServer, Reply, answer, say, serve

from workbench.model import Request
from workbench.store import Store
from workbench.store.selection import parse_request

EXPERIMENT = """\
dataset: {{path: rows.jsonl, expected: label}}
prompts: [plain]
models: [{{"openai:m": {{base_url: "{url}", backoff_s: 0.01{settings}}}}}]
evaluators: [{evaluators}]
parameters: {{max_tokens: {max_tokens}}}
max_failed: 1000
"""
ROWS = 12
THOUGHTS = """\
def thoughts(completion) -> int:
    return len(completion.reasoning)
"""


class Home:
    """A project with a few rows; `answers` are the bodies or texts of the replies, by row."""

    def __init__(self, root: Path, server: OpenAIServer) -> None:
        self.root, self.server = root, server
        self.answers: Callable[[int], Any] = lambda number: "yes"
        self.task = root / "prompts" / "qa"
        self.task.mkdir(parents=True)
        rows = ({"id": f"r{n}", "text": f"t{n}", "label": "yes"} for n in range(ROWS))
        (self.task / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        server.script = self._reply

    def _reply(self, path: str, body: Any, nth: int) -> Reply:
        prompt = next(turn["content"] for turn in body["messages"] if turn["role"] == "user")
        value = self.answers(int(prompt.strip().removeprefix("t")))
        return value if isinstance(value, Reply) else say(value)

    def write(
        self, template: str = "user:\n{{ text }}\n", settings: str = "", max_tokens: int = 16
    ) -> None:
        (self.task / "plain.jinja").write_text(template)
        text = EXPERIMENT.format(
            url=self.server.url,
            settings=f", {settings}" if settings else "",
            evaluators=self.evaluators,
            max_tokens=max_tokens,
        )
        (self.task / "experiment.yaml").write_text(text)

    evaluators = "exact_match"

    def command(self, *words: str) -> Any:
        return invoke(self.root, *words, MLFLOW_TRACKING_URI="none")

    def run(self, *words: str) -> tuple[Any, int]:
        """The only variant's results, and the number of requests that were sent."""
        before = len(self.server.requests)
        result = json.loads(self.command("run", "--json", *words).stdout)
        return result["variants"][0], len(self.server.requests) - before


@pytest.fixture
def home(tmp_path: Path):
    with serve() as server:
        yield Home(tmp_path / "home", server)


def mean(variant: Any, metric: str = "exact_match") -> float:
    return variant["metrics"][metric]["mean"]


EMPTY = {
    "text": "",
    "null": None,
    "white space": " \n",
    "parts": [],
    "no content": Reply(body=answer("", choices=[{"message": {}, "finish_reason": "stop"}])),
}


@pytest.mark.parametrize("case", EMPTY)
def test_empty_answer_is_wrong_and_stays_in_the_mean(home: Home, case: str) -> None:
    home.write()
    home.answers = lambda number: EMPTY[case] if number < 3 else "yes"
    variant, _ = home.run()
    assert (variant["rows"]["scored"], mean(variant)) == (ROWS, 9 / ROWS)


def test_reasoning_is_no_part_of_the_answer_unless_it_is_kept(home: Home) -> None:
    (home.root / "evaluators").mkdir()
    (home.root / "evaluators" / "thoughts.py").write_text(THOUGHTS)
    home.evaluators = "exact_match, thoughts"
    home.write()
    home.answers = lambda number: "<think>Hm.</think>\n\nyes" if number % 2 else "yes"
    line = (
        "reasoning: 6 of 12 answers had some, which is no part of the text that was scored "
        "(`reasoning: keep` on a model leaves it in)"
    )
    assert line in home.command("run").stdout.replace("\n", " ")
    variant, sent = home.run()
    assert (mean(variant), mean(variant, "thoughts"), sent) == (1.0, 1.5, 0)
    exported = home.command("store", "export").stdout.splitlines()
    texts = {(row["text"], row["reasoning"]) for row in map(json.loads, exported)}
    assert texts == {("yes", "Hm."), ("yes", "")}
    home.write(settings="reasoning: keep")
    variant, sent = home.run()
    assert (mean(variant), mean(variant, "thoughts"), sent) == (0.5, 0.0, 0)
    assert "reasoning:" not in home.command("run").stdout
    exported = home.command("store", "export").stdout.splitlines()
    assert {json.loads(row)["text"] for row in exported} == {"<think>Hm.</think>\n\nyes", "yes"}
    key = next(row["key"] for row in map(json.loads, exported) if row["text"] != "yes")
    assert "<think>Hm." in home.command("store", "explain", key).stdout


def test_models_that_share_their_requests_are_read_each_in_its_way(home: Home) -> None:
    home.write()
    home.answers = lambda number: "<think>Hm.</think>yes"
    file = home.task / "experiment.yaml"
    address = f'base_url: "{home.server.url}"'
    models = f'[{{"openai:m": {{{address}}}}}, {{"openai:m": {{{address}, as: kept, '
    lines = file.read_text().splitlines()
    lines[2] = f"models: {models}reasoning: keep}}}}]"
    file.write_text("\n".join(lines) + "\n")
    result = json.loads(home.command("run", "--json").stdout)
    assert [mean(variant) for variant in result["variants"]] == [1.0, 0.0]
    assert (result["requests"]["sent"], len(home.server.requests)) == (ROWS, ROWS)


def test_reasoning_is_strip_or_keep(home: Home) -> None:
    home.write(settings="reasoning: drop")
    result = home.command("plan")
    assert result.returncode == 2
    assert "openai:m.reasoning: 'drop' is neither strip nor keep" in result.stderr


CHOICES = """\
---
choices: [yes, no]
---
user:
{{ text }}
"""


def test_answers_to_the_schema_of_choices(home: Home) -> None:
    home.write(CHOICES, "choices: schema")
    texts = ['{"choice": "yes"}', "yes", '"yes"', '```json\n{"answer": "yes"}\n```', "Perhaps"]
    home.answers = lambda number: (
        texts[number] if number < len(texts) else say('{"cho', finish="length")
    )
    variant, _ = home.run()
    assert (variant["rows"]["scored"], variant["rows"]["failed"], mean(variant)) == (4, 8, 1.0)
    assert variant["reasons"] == {
        "the answer was cut at max_tokens before its choice was complete: '{\"cho'": 7,
        "no choice in the answer 'Perhaps'": 1,
    }
    _store_as_invalid(home, "```json")  # as an earlier version, which didn't read it, stored it
    assert home.run("--retry-failed")[1] == 8


def _store_as_invalid(home: Home, text: str) -> None:
    with Store(home.root / ".workbench") as store:
        requests = dict(store.database.read("SELECT key, request FROM completions"))
        completions = store.completions(requests)
        (key,) = (key for key, stored in completions.items() if stored.text.startswith(text))
        invalid = replace(completions[key], state="invalid_response", text="", error="no choice")
        body = parse_request(requests[key])["body"]
        store.save_completions([(Request.from_body(key, body), invalid)])


PREFILLED = "user:\n{{ text }}\nassistant:\nyes"
CONTINUES = "prefill: continue_final_message"
DIGEST = """\
def text(outputs: str, completion) -> str:
    return f"{outputs!r} {completion.full_text!r}"
"""


def outcomes(home: Home, *words: str) -> dict[str, int]:
    """The texts that evaluators see, with the completed turns."""
    variant, _ = home.run(*words)
    return variant["metrics"]["text"]["outcomes"]


@pytest.fixture
def prefilled(home: Home) -> Home:
    (home.root / "evaluators").mkdir()
    (home.root / "evaluators" / "text.py").write_text(DIGEST)
    home.evaluators = "text"
    home.write(PREFILLED, CONTINUES)
    return home


@pytest.mark.parametrize("mode", ["continue_final_message", "prefix"])
def test_prefill_that_the_server_repeats_is_cut_once(prefilled: Home, mode: str) -> None:
    prefilled.write(PREFILLED, f"prefill: {mode}")
    prefilled.answers = lambda number: "yesyes" if number else "yes, it is"
    assert outcomes(prefilled) == {"'yes' 'yesyes'": 11, "', it is' 'yes, it is'": 1}
    assert outcomes(prefilled) == {"'yes' 'yesyes'": 11, "', it is' 'yes, it is'": 1}
    rows = map(json.loads, prefilled.command("store", "export").stdout.splitlines())
    assert {row["text"] for row in rows} == {"yes", ", it is"}


@pytest.mark.parametrize("other", [0, 5, 11])
def test_prefill_that_the_model_writes_again_stays(prefilled: Home, other: int) -> None:
    """One reply that begins otherwise shows it, wherever it comes among the others."""
    prefilled.answers = lambda number: ", it is" if number == other else "yesyes"
    assert outcomes(prefilled) == {"'yesyes' 'yesyesyes'": 11, "', it is' 'yes, it is'": 1}
    rows = map(json.loads, prefilled.command("store", "export").stdout.splitlines())
    assert {row["text"] for row in rows} == {"yesyes", ", it is"}


def test_prefill_is_read_alike_after_an_interrupted_run(prefilled: Home) -> None:
    """The rows of the first run begin alike by chance; a row of the second shows it."""
    prefilled.answers = lambda number: ", it is" if number == 11 else "yesyes"
    variant, _ = prefilled.run("--max-calls", "4")
    assert variant["rows"]["scored"] == 4
    wanted = {"'yesyes' 'yesyesyes'": 11, "', it is' 'yes, it is'": 1}
    assert outcomes(prefilled) == wanted
    assert outcomes(prefilled, "--limit", "4") == {"'yesyes' 'yesyesyes'": 4}


def test_setting_says_that_the_server_repeats_the_prefill(prefilled: Home) -> None:
    prefilled.answers = lambda number: ", it is" if number == 0 else "yesyes"
    prefilled.write(PREFILLED, f"{CONTINUES}, prefill_echo: true")
    assert outcomes(prefilled) == {"'yes' 'yesyes'": 11, "', it is' 'yes, it is'": 1}
    prefilled.answers = lambda number: "yesyes"
    prefilled.write(PREFILLED, f"{CONTINUES}, prefill_echo: false, identity: other")
    assert outcomes(prefilled) == {"'yesyes' 'yesyesyes'": 12}


SCHEMA = """\
---
response_schema:
  type: object
  properties: {{verdict: {{enum: [positive, negative]}}}}
  required: [verdict]
---
user:
{{{{ text }}}}
"""


@pytest.mark.parametrize(
    ("template", "max_tokens", "note"),
    [
        (CHOICES, 5, "the longest choice in its schema needs about 6"),
        (CHOICES, 6, ""),
        (SCHEMA.format(), 4, "the schema of an answer needs about 8"),
        (SCHEMA.format(), 8, ""),
    ],
)
def test_plan_warns_of_a_limit_below_the_schema(
    home: Home, template: str, max_tokens: int, note: str
) -> None:
    home.write(template, "choices: schema", max_tokens)
    result = home.command("plan")
    assert result.returncode == 0
    shown = " ".join((result.stdout + result.stderr).split())
    assert ("answers will be cut off" in shown) == bool(note)
    assert note in shown


TOOLS = """\
---
tools:
  - {name: get_weather, parameters: {type: object, properties: {city: {type: string}}}}
---
user:
{{ text }}
"""
CALLS = """\
def calls(outputs: str, completion) -> str:
    return f"{outputs!r} {[call['function']['name'] for call in completion.tool_calls]}"
"""


def test_calls_of_tools_are_scored_with_an_empty_text(home: Home) -> None:
    (home.root / "evaluators").mkdir()
    (home.root / "evaluators" / "calls.py").write_text(CALLS)
    expected = {"name": "get_weather", "arguments": {"city": "Oslo"}}
    rows = ({"id": f"r{n}", "text": f"t{n}", "label": expected} for n in range(ROWS))
    (home.task / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    home.evaluators = "tool_call, calls"
    home.write(TOOLS)

    def reply(number: int) -> Reply:
        function = {"name": "get_weather" if number else "find", "arguments": '{"city": "Oslo"}'}
        call = {"id": "c1", "type": "function", "function": function}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        return Reply(body=answer("", choices=[{"message": message, "finish_reason": "tool_calls"}]))

    home.answers = reply
    variant, sent = home.run()
    assert (sent, variant["rows"]["scored"]) == (ROWS, ROWS)
    assert home.server.requests[-1].body["tools"][0]["function"]["name"] == "get_weather"
    assert mean(variant, "tool_call") == 11 / ROWS
    assert variant["metrics"]["tool_call"]["outcomes"]["other_tool"] == 1
    assert variant["metrics"]["calls"]["outcomes"] == {"'' ['find']": 1, "'' ['get_weather']": 11}
    stored = [json.loads(line) for line in home.command("store", "export").stdout.splitlines()]
    named = {(each["text"], each["tool_calls"][0]["function"]["name"]) for each in stored}
    assert named == {("", "find"), ("", "get_weather")}
