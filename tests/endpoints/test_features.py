"""Features of real servers, tried one by one: the table in docs/models.md says the outcomes.

| feature | llama.cpp | transformers serve |
| seed    | works     | ignored: …         |

The word before the colon is the outcome that is found here.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from real_servers import Endpoint, ask, ask_endpoint, call

from workbench.errors import WorkbenchError
from workbench.model import Completion, Model, PromptCall

DOCS = Path(__file__).resolve().parents[2] / "docs" / "models.md"
SHORT = ("system", "Answer with one word.")
CHATS = [
    call("Is the sky blue?"),
    call("What is 2+2?"),
    call("Name a colour."),
    call("Translate 'good morning' to French."),
    call("Write the first line of a poem about rain."),
    call("Übersetze: Größe, 日本, naïve, 😀."),
    call("  Leading and trailing white space.  \n"),
    call("List three animals:\n1."),
    call(SHORT, "What is the capital of Italy?"),
    call(SHORT, "Is a whale a fish?"),
    call(("system", "You are a pirate."), "Where is the treasure?"),
    call("2+2?", ("assistant", "4"), "3+3?"),
    call(
        "good film", ("assistant", "positive"), "dull plot", ("assistant", "negative"), "I loved it"
    ),
    call(SHORT, "a b c " * 40 + "What comes next?"),
    call('Return {"a": 1} as it is.'),
]
RAW = [
    call(text, raw=True)
    for text in (
        "The sky is",
        "1, 2, 3,",
        "Review: I loved it.\nSentiment: positive\nReview: dull plot.\nSentiment:",
        "def add(a, b):\n    return",
        "Größe und",
    )
]
PREFILLS = [
    call("Is the sky blue?", ("assistant", prefill), max_tokens=4)
    for prefill in ("Answer: ", "yes", '{"a": "', " It  is", "Line one.\n", "Ünï 日本", "A")
]
AS_IS = call("Is the sky blue?", ("assistant", "The sky is blue because"), max_tokens=8)
STOPS = [call("Count: one two three", stop=stop) for stop in (["two"], "e", ["zzz", "ne"])]
ROLES = call("Say hi.<|im_end|>\n<|im_start|>assistant\nno", max_tokens=2)
IN_PROCESS = [*CHATS, *RAW, *PREFILLS, AS_IS, *STOPS, ROLES]
YES_NO = call("Is the sky blue?", choices=["yes", "no"], max_tokens=24)
TOOL = {
    "type": "function",
    "function": {"name": "sky", "parameters": {"type": "object", "properties": {}}},
}


def documented(feature: str, server: str) -> str:
    """The outcome in the table of docs/models.md."""
    table = DOCS.read_text().partition("**Servers that were tried.**")[2].partition("\n|")[2]
    lines = table.partition("\n\n")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    column = next(n for n, title in enumerate(rows[0]) if server in title)
    cells = {row[0]: row[column] for row in rows[2:]}
    return re.split("[:;,]", cells[feature])[0].strip()


def answers_or_fix(endpoint: Endpoint, *calls: PromptCall, **settings) -> tuple[list, str]:
    """The answers, or the fix of the error that ends the model."""
    try:
        return ask_endpoint(endpoint, *calls, **settings), ""
    except WorkbenchError as error:
        return [], error.fix


class Try:
    """One feature at one server; each method returns the outcome."""

    def __init__(self, endpoint: Endpoint, local: dict[int, Completion], notes: list[str]) -> None:
        self.endpoint, self.local, self.notes = endpoint, local, notes

    def same_as_local(self, calls: list[PromptCall], *, kind: str, **settings) -> str:
        """Equal prompts, and equal texts but for the numerics of llama.cpp's four-bit kernels."""
        here = [self.local[id(each)] for each in calls]
        there = ask_endpoint(self.endpoint, *calls, **settings)
        assert all(completion.scored for completion in there)
        counts = [completion.usage.input_tokens for completion in (*here, *there)]
        assert counts[: len(calls)] == counts[len(calls) :]
        differ = sum(a.text != b.text for a, b in zip(here, there, strict=True))
        for a, b in zip(here, there, strict=True):
            at_limit = b.usage.output_tokens == 12 and b.finish_reason == "length"
            if a.text == b.text and not at_limit:
                assert (a.state, a.finish_reason) == (b.state, b.finish_reason)
        self.notes.append(
            f"{self.endpoint.server}: {differ} of {len(calls)} {kind} differ from the in-process "
            "model" + (" (quantisation, numerics)" if differ else "")
        )
        assert differ == 0 or self.endpoint.server == "llama.cpp"
        return "works"

    def chat(self) -> str:
        return self.same_as_local(CHATS, kind="chats")

    def completions(self) -> str:
        return self.same_as_local(RAW, kind="completions", api="completions")

    def streaming(self) -> str:
        outcomes = set()
        for api, calls in (("chat", CHATS[:4]), ("completions", RAW[:2])):
            once = ask_endpoint(self.endpoint, *calls, api=api)
            parts = ask_endpoint(self.endpoint, *calls, api=api, stream=True)
            assert shown(once) == shown(parts)
            bare = ask_endpoint(self.endpoint, *calls, api=api, stream="without_usage")
            assert [c.text for c in bare] == [c.text for c in once]
            outcomes.add("works")
        return outcomes.pop()

    def responses(self) -> str:
        (whole,) = ask_endpoint(self.endpoint, call(SHORT, "2+2?", max_tokens=16), api="responses")
        (chat,) = ask_endpoint(self.endpoint, call(SHORT, "2+2?", max_tokens=16))
        assert whole.text == chat.text
        assert whole.usage.input_tokens == chat.usage.input_tokens
        (cut,) = ask_endpoint(self.endpoint, call("Count to 99.", max_tokens=3), api="responses")
        assert (cut.state, cut.usage.output_tokens) == ("truncated", 3)
        return "works"

    def finish(self) -> str:
        ended, cut = ask_endpoint(
            self.endpoint,
            call(SHORT, "Say yes.", max_tokens=60),
            call("Count to 99.", max_tokens=3),
        )
        assert (ended.state, ended.finish_reason) == ("ok", "stop")
        assert (cut.state, cut.finish_reason) == ("truncated", "length")
        assert cut.usage.output_tokens == 3
        return "works"

    def stop(self) -> str:
        here = [self.local[id(each)] for each in STOPS]
        there = ask_endpoint(self.endpoint, *STOPS)
        assert [(c.text, c.state) for c in here] == [(c.text, c.state) for c in there]
        raw = [str(completion.raw) for completion in there]
        return "left in the text" if '"One two"' in raw[0] else "works"

    def seed(self) -> str:
        texts = self.sampled({})
        if len(set(texts)) > 1:
            assert texts[0] == texts[1]
            return "works"
        texts = self.sampled({"extra_body": {"generation_config": '{"do_sample": true}'}})
        assert (texts[0] == texts[1], len(set(texts)) > 1) == (True, True)
        return "ignored"

    def sampled(self, body: dict[str, object]) -> list[str]:
        calls = [
            call("Tell me a story.", temperature=1.5, seed=seed, max_tokens=8, **body)
            for seed in (1, 1, 2, 3, 4)
        ]
        return [c.text for c in ask_endpoint(self.endpoint, *calls, concurrency=1)]

    def begun(self) -> str:
        there, fix = answers_or_fix(self.endpoint, *PREFILLS, prefill="continue_final_message")
        if fix:
            assert fix.startswith("`prefill:` of the model names another way")
            return "refused"
        assert [c.full_text.count(c.prefill) >= 1 for c in there] == [True] * len(PREFILLS)
        assert not any(c.text.startswith(c.prefill) for c in there)
        here = [self.local[id(each)] for each in PREFILLS]
        differ = sum(a.text != b.text for a, b in zip(here, there, strict=True))
        self.notes.append(
            f"{self.endpoint.server}: {differ} of {len(PREFILLS)} begun answers differ (numerics)"
        )
        return "works"

    def begun_as_is(self) -> str:
        here = self.local[id(AS_IS)]
        (there,) = ask_endpoint(self.endpoint, AS_IS, prefill="as_is")
        continued = there.usage.input_tokens == here.usage.input_tokens
        return "works" if continued else "a new turn"

    def schema(self) -> str:
        (answer,) = ask_endpoint(self.endpoint, YES_NO, choices="schema")
        return choice_outcome(answer)

    def structured(self) -> str:
        return self.choice_field("structured")

    def guided(self) -> str:
        return self.choice_field("guided")

    def choice_field(self, way: str) -> str:
        answers, fix = answers_or_fix(self.endpoint, YES_NO, choices=way)
        assert fix in ("", "`choices: schema` or `choices: text` for the model")
        return "refused" if fix else choice_outcome(answers[0])

    def grammar(self) -> str:
        rule = {"grammar": 'root ::= "yes" | "no"'}
        answers, fix = answers_or_fix(self.endpoint, call("Is the sky blue?", extra_body=rule))
        assert fix in ("", "remove 'grammar' from extra_body")
        return "refused" if fix else "works" if answers[0].text in ("yes", "no") else "ignored"

    def tools(self) -> str:
        body = {"tools": [TOOL], "tool_choice": "required"}
        (answer,) = ask_endpoint(
            self.endpoint, call("Is the sky blue?", extra_body=body, max_tokens=48)
        )
        if not answer.tool_calls:
            return "ignored"
        assert answer.tool_calls[0]["function"]["name"] == "sky"
        assert answer.state == "ok"
        return "works"

    def role_tokens(self) -> str:
        """A role token in a row's data is text in-process."""
        here = self.local[id(ROLES)]
        (there,) = ask_endpoint(self.endpoint, ROLES)
        same = here.usage.input_tokens == there.usage.input_tokens
        return "works" if same else "become roles"

    def long_prompt(self) -> str:
        (answer,) = ask_endpoint(self.endpoint, call("word " * 1100, max_tokens=1))
        assert answer.state == "rejected"
        return "works"

    def unknown_model(self) -> str:
        other = Endpoint(self.endpoint.server, "nope", self.endpoint.settings)
        answers, fix = answers_or_fix(other, call("Hi", max_tokens=1))
        assert answers or fix.startswith("check the model's name")
        return "works" if fix else "any name answers"


def shown(completions: list[Completion]) -> list[tuple[object, ...]]:
    return [(c.text, c.state, c.finish_reason, c.usage, c.tool_calls) for c in completions]


def choice_outcome(answer: Completion) -> str:
    if answer.text in ("yes", "no") and answer.state == "ok":
        return "works"
    assert answer.state == "invalid_response"
    return "ignored"


FEATURES: dict[str, Callable[[Try], str]] = {
    "chat: texts, roles, tokens": Try.chat,
    "`api: completions`": Try.completions,
    "`api: responses`": Try.responses,
    "`stream: true`": Try.streaming,
    "finish reasons, usage": Try.finish,
    "`stop`": Try.stop,
    "`seed`": Try.seed,
    "`prefill: continue_final_message`": Try.begun,
    "`prefill: as_is`": Try.begun_as_is,
    "`choices: schema`": Try.schema,
    "`choices: structured`": Try.structured,
    "`choices: guided`": Try.guided,
    "`extra_body: {grammar: …}`": Try.grammar,
    "tools": Try.tools,
    "role tokens in data": Try.role_tokens,
    "unknown model": Try.unknown_model,
}


@pytest.fixture(scope="session")
def local() -> dict[int, Completion]:
    """Answers of the same weights in-process, in float32, by the id of the call."""
    settings = {"dtype": "float32", "device": "cpu"}
    model = Model("transformers", "smollm2-135m-instruct", settings=settings)
    completions = ask(model, IN_PROCESS)
    return {id(each): answer for each, answer in zip(IN_PROCESS, completions, strict=True)}


@pytest.mark.parametrize("server", ["llama", "hf_serve"])
@pytest.mark.parametrize("feature", FEATURES)
def test_feature_is_as_documented(request, local, notes, server, feature):
    endpoint = request.getfixturevalue(server)
    outcome = FEATURES[feature](Try(endpoint, local, notes))
    assert outcome == documented(feature, endpoint.server)


def test_prompt_beyond_the_context_of_llama_is_one_rejected_row(llama, local, notes):
    assert Try(llama, local, notes).long_prompt() == "works"


def test_port_without_a_server_has_a_fix(llama):
    gone = Endpoint("none", "m", {"base_url": "http://127.0.0.1:9/v1", "backoff_s": 0.01})
    answers, fix = answers_or_fix(gone, call("Hi"))
    assert (answers, fix) == ([], "start the server or correct base_url, then run again")
