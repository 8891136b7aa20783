"""A reply's body as a Completion; whatever is not an answer is a state, never a text.

{"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}], "usage": {…}}
    -> Completion(state="ok", text="4", finish_reason="stop", …)
"""

import json
from dataclasses import dataclass

from workbench.canonical import JSON
from workbench.model import Completion, Request, State, Usage
from workbench.providers.openai.body import CHOICE

NOT_COUNTED = Usage()


def read_reply(
    request: Request, raw: str, *, latency_s: float | None = None, attempts: int = 1
) -> Completion:
    """The completion in the body `raw` of a reply with status 200; it never raises."""
    said = _read(request, raw)
    return Completion(
        request.key,
        said.state,
        text=said.text,
        prefill=request.prefill,
        error=said.error,
        finish_reason=said.finish_reason,
        usage=said.usage,
        latency_s=latency_s,
        raw=raw,
        model=said.model,
        attempts=attempts,
    )


@dataclass
class _Said:
    """What a reply says."""

    state: State = "invalid_response"
    text: str = ""
    error: str = ""
    finish_reason: str = ""
    usage: Usage = NOT_COUNTED
    model: str = ""


def _read(request: Request, raw: str) -> _Said:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        return _Said(error=f"the reply is no JSON: {error}; it begins {raw[:200]!r}")
    if not isinstance(body, dict):
        return _Said(error=f"the reply is no object: {raw[:200]!r}")
    said = _Said(usage=_usage(body), model=clean(str(body.get("model") or "")))
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        shown = json.dumps(body.get("error") or choices)[:200]
        said.error = f"the reply holds no choices but {shown}"
    elif len(choices) != 1:
        said.error = f"expected 1 choice, got {len(choices)}"
    else:
        _answer(said, choices[0], request)
    return said


def clean(text: str) -> str:
    """`text` with U+FFFD for each lone surrogate, which no file or database takes."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _answer(said: _Said, choice: JSON, request: Request) -> None:
    """Notes what one choice of the reply says."""
    message = choice.get("message")
    message = message if isinstance(message, dict) else {"content": choice.get("text")}
    text, refusal = message.get("content"), message.get("refusal")
    finish = str(choice.get("finish_reason") or "")
    if isinstance(text, list):  # parts, as some servers answer
        parts = [part.get("text") for part in text if isinstance(part, dict)]
        text = "".join(part for part in parts if isinstance(part, str))
    state, error = _state(text, refusal, finish)
    if state in ("ok", "truncated") and _asked_for_choice(request):
        state, text, error = _choice(state, str(text))
    shown = str(refusal) if state == "refused" else text if isinstance(text, str) else ""
    said.state, said.text = state, clean(shown)
    said.error, said.finish_reason = clean(error), clean(finish)


def _choice(state: State, text: str) -> tuple[State, str, str]:
    """The choice in a schema's answer; what holds none is shown as it came."""
    try:
        choice = json.loads(text)["choice"]
    except (ValueError, KeyError, TypeError, RecursionError):
        choice = None
    if isinstance(choice, str) and choice:
        return state, choice, ""
    return "invalid_response", text, f"no choice in the answer {text[:200]!r}"


def _state(text: object, refusal: object, finish: str) -> tuple[State, str]:
    if refusal:
        return "refused", ""
    if finish == "content_filter":
        return "filtered", "the provider withheld the answer (content_filter)"
    if text is None or text == "":
        return "empty_output", f"the answer is empty (finish_reason {finish or 'missing'!r})"
    if not isinstance(text, str):
        return "invalid_response", f"the content is {type(text).__name__}, not text"
    return ("truncated" if finish == "length" else "ok"), ""


def _asked_for_choice(request: Request) -> bool:
    if CHOICE not in request.text:
        return False
    wanted = request.body.get("response_format") or {}
    return bool(wanted.get("json_schema", {}).get("name") == CHOICE)


def _usage(body: JSON) -> Usage:
    said = body.get("usage")
    said = said if isinstance(said, dict) else {}

    def count(name: str) -> int | None:
        value = said.get(name)
        return value if type(value) is int and 0 <= value < 2**53 else None

    return Usage(count("prompt_tokens"), count("completion_tokens"))
