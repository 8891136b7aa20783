"""The requests that ask a judge for its verdicts on answers.

    requests = JudgeRequests(judge, renderer)
    requests.make([JudgedAnswer("r1", {"text": "…"}, "Sales.", {"expected_response": "sales"})])
    [[JudgeRequest("gpt-6-luna", Request(key, …), "3f9c…"), …]]

A judged text stands between two lines with a marker that is a digest of the texts, so no text can
hold its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from workbench.canonical import JSON, canonical_json
from workbench.conversation import Conversation, Message
from workbench.errors import WorkbenchError
from workbench.evaluator import Score
from workbench.judges.judge import Judge, pair_outcome
from workbench.judges.judgment import (
    REASON,
    UNPARSED,
    VERDICT,
    Judgment,
    closing_line,
    json_object,
    opening_line,
    read_judgment,
    readings,
    unreadable,
)
from workbench.model import Completion, OpenModel, PreparedCall, PromptCall, Request
from workbench.prompt import Renderer
from workbench.prompt.requests import CompletionReader, RequestBuilder

MARKER_DIGITS = 16
PAIR_VARIABLES = ("first", "second")  # of a pairwise judge, in place of `outputs`
READ_VARIABLES = ("inputs", "expectations")
# Of the ways to ask for a choice, those whose answer is the choice itself.
DIRECT = ("loglikelihood", "guided", "structured")


@dataclass(frozen=True)
class JudgedAnswer:
    """An answer to judge, with its row.

    Attributes:
        row_id: for messages.
        baseline: the baseline's answer to the same row, for pairs.
        variant: number of the variant whose answer it is.
    """

    row_id: str
    inputs: Mapping[str, JSON]
    outputs: str
    expectations: Mapping[str, JSON]
    baseline: str = ""
    variant: int = 0


@dataclass(frozen=True)
class ScoreRequest:
    """A request of which a score is made.

    Attributes:
        model: that is asked.
    """

    model: OpenModel
    request: Request


@dataclass(frozen=True)
class JudgeRequest(ScoreRequest):
    """A request for one verdict.

    Attributes:
        marker: of its quotations.
        swapped: the baseline's answer stands first.
        judged: the texts that a reply may repeat; none where it is the choice itself.
    """

    marker: str
    swapped: bool = False
    judged: Sequence[str] = ()


class JudgeRequests:
    """Makes the requests of one judge."""

    def __init__(self, judge: Judge, renderer: Renderer) -> None:
        self._judge, self._renderer = judge, renderer
        self._builders = [
            RequestBuilder(judge.prompt, m.model, m.provider, judge.parameters)
            for m in judge.models
        ]

    def make(self, answers: Sequence[JudgedAnswer]) -> list[list[JudgeRequest] | str]:
        """The requests of each answer; a text is the reason why it can't be judged."""
        orders = (False, True) if self._judge.pairwise else (False,)
        requests: list[list[JudgeRequest] | str] = [[] for _ in answers]
        for swapped in orders:
            for number, call in enumerate(self._calls(answers, swapped=swapped)):
                already = requests[number]
                if isinstance(call, str):
                    requests[number] = call
                elif isinstance(already, list):
                    already += self._requests(call, answers[number], swapped=swapped)
        return requests

    def rendering_errors(self, answers: Sequence[JudgedAnswer]) -> list[str]:
        """For each answer the reason why it can't be judged; empty: it can. No model is asked."""
        calls = self._calls(answers, swapped=False)
        return [call if isinstance(call, str) else "" for call in calls]

    def score(self, requests: Sequence[JudgeRequest], replies: Mapping[str, Completion]) -> Score:
        """The score of one answer by the replies to all its requests."""
        return self._judge.score(read_judgments(self._judge, requests, replies))

    def _calls(self, answers: Sequence[JudgedAnswer], *, swapped: bool) -> list[PromptCall | str]:
        """The rendered prompt of each answer, or its error."""
        rows = [self._variables(answer, swapped=swapped) for answer in answers]
        ids = [answer.row_id for answer in answers]
        prompt = self._judge.prompt
        try:
            return list(prompt.calls(self._renderer, rows, ids))
        except WorkbenchError as error:
            if len(answers) == 1:
                return [f"{error.where}: {error.message.splitlines()[0]}"]
        return [call for answer in answers for call in self._calls([answer], swapped=swapped)]

    def _variables(self, answer: JudgedAnswer, *, swapped: bool) -> dict[str, JSON]:
        marker = self._marker(answer)
        texts = [answer.outputs, answer.baseline]
        first, second = (_quote(text, marker) for text in (texts[::-1] if swapped else texts))
        pair = {"first": first, "second": second}
        shown = pair if self._judge.pairwise else {"outputs": first}
        data = {"inputs": dict(answer.inputs), "expectations": dict(answer.expectations)}
        return {**self._judge.settings, **data, **shown}

    def _marker(self, answer: JudgedAnswer) -> str:
        texts = [answer.inputs, answer.outputs, answer.baseline, answer.expectations]
        text = canonical_json([self._judge.prompt.digest, *texts])
        return sha256(text.encode("ascii")).hexdigest()[:MARKER_DIGITS]

    def _requests(
        self, call: PromptCall, answer: JudgedAnswer, *, swapped: bool
    ) -> Iterator[JudgeRequest]:
        marker = self._marker(answer)
        texts = (answer.outputs, answer.baseline) if self._judge.pairwise else (answer.outputs,)
        for model, builder in zip(self._judge.models, self._builders, strict=True):
            for sample in range(self._judge.samples):
                prepared = _prepare(builder, call, sample)
                request = builder.request(prepared, {}, repeat=sample)
                request = replace(request, purpose="judge")
                judged = () if prepared.choice_method in DIRECT else texts
                yield JudgeRequest(model, request, marker, swapped, judged)


def read_judgments(
    judge: Judge, requests: Sequence[JudgeRequest], replies: Mapping[str, Completion]
) -> list[tuple[str, Judgment]]:
    """The judgment in each reply with its model's name; of a pair one for both of its orders.

    Args:
        judge: that was asked.
        requests: about one answer, as `JudgeRequests.make` returns them.
        replies: by the requests' keys.
    """
    judgments = read_orders(judge, requests, replies)
    if not judge.pairwise:
        return judgments
    half = len(judgments) // 2  # first all in one order, then all in the other
    orders = zip(judgments[:half], judgments[half:], strict=True)
    return [(model, pair_outcome(direct, swapped)) for (model, direct), (_, swapped) in orders]


def read_orders(
    judge: Judge, requests: Sequence[JudgeRequest], replies: Mapping[str, Completion]
) -> list[tuple[str, Judgment]]:
    """The judgment in each reply with its model's name, as `read_judgments`; orders apart."""
    return [
        (each.model.model.label, _read(each, replies[each.request.key], judge.choices))
        for each in requests
    ]


def _read(judge_request: JudgeRequest, reply: Completion, choices: Sequence[str]) -> Judgment:
    """The verdict in a reply: the first that one of its readings has."""
    reader = CompletionReader(judge_request.model.model)
    texts = (
        readings(reply.text, judge_request.marker, judge_request.judged)
        if judge_request.judged
        else (reply.text,)
    )
    judgment = Judgment(None)
    for text in dict.fromkeys(texts):
        answer = replace(reply, text=text)
        # The texts in a JSON object may hold the marks of a thought.
        if not judge_request.judged or json_object(text) is None:
            answer = reader.read(answer, judge_request.request.text)
        judgment = read_judgment(answer, choices, judge_request.marker)
        if judgment.choice is not None:
            return judgment
    return unreadable(reply.text) if judgment.error == UNPARSED else judgment


def choice_method(judge: Judge, model: OpenModel) -> str:
    """The way a model is asked for a verdict: `loglikelihood`, `schema`, `text`, ….

    Raises:
        WorkbenchError: the model takes no such call.
    """
    if method := getattr(model.provider, "choice_method", ""):
        return str(method)
    builder = RequestBuilder(judge.prompt, model.model, model.provider, judge.parameters)
    chat = Conversation((Message("user", "?"),))
    conversation = chat if judge.prompt.settings.chat else Conversation(text="?")
    call = PromptCall(conversation, choices=judge.choices)
    return builder.prepare(call).choice_method


def _prepare(builder: RequestBuilder, call: PromptCall, sample: int) -> PreparedCall:
    """The call as the model gives choices best: alone where it can't give a reason, too."""
    prepared = builder.prepare(call, sample)
    if prepared.choice_method in DIRECT:
        return prepared
    if prepared.choice_method == "schema":
        return builder.prepare(replace(call, choices=(), response_schema=_schema(call)), sample)
    conversation = _with_instruction(call.conversation, _instruction(call.choices))
    return builder.prepare(replace(call, conversation=conversation, choices=()), sample)


def _schema(call: PromptCall) -> dict[str, JSON]:
    return {
        "type": "object",
        "properties": {
            REASON: {"type": "string"},
            VERDICT: {"type": "string", "enum": list(call.choices)},
        },
        "required": [REASON, VERDICT],
        "additionalProperties": False,
    }


def _instruction(choices: Sequence[str]) -> str:
    return (
        "Give your reason in a few sentences. Then end with one line that is `Verdict: ` and one "
        f"of: {', '.join(choices)}."
    )


def _with_instruction(conversation: Conversation, instruction: str) -> Conversation:
    """The conversation with a last paragraph in the last turn of the user."""
    if conversation.text is not None:
        return replace(conversation, text=f"{conversation.text}\n\n{instruction}\n")
    messages = list(conversation.messages)
    last = max((n for n, turn in enumerate(messages) if turn.role == "user"), default=None)
    if last is not None and isinstance(messages[last].content, str):
        content = f"{messages[last].content}\n\n{instruction}"
        messages[last] = replace(messages[last], content=content)
    return replace(conversation, messages=tuple(messages))


def _quote(text: str, marker: str) -> str:
    """A text between the marker's lines."""
    return f"{opening_line(marker)}\n{text}\n{closing_line(marker)}"
