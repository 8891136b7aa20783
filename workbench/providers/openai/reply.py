"""A reply's body as a Completion; whatever is not an answer is a state, never a text.

{"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}], "usage": {…}}
    -> Completion(state="ok", text="4", finish_reason="stop", …)
"""

import json
from dataclasses import replace

from workbench.canonical import JSON
from workbench.model import Completion, Request, State, Usage
from workbench.providers.openai.body import CHOICE


def read_reply(request: Request, raw: str) -> Completion:
    """The completion in the body `raw` of a reply with status 200; it never raises."""
    kept = Completion(request.key, "invalid_response", prefill=request.prefill, raw=raw)
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        return replace(kept, error=f"the reply is no JSON: {error}; it begins {raw[:200]!r}")
    if not isinstance(body, dict):
        return replace(kept, error=f"the reply is no object: {raw[:200]!r}")
    kept = replace(kept, usage=_usage(body), model=clean(str(body.get("model") or "")))
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        said = body.get("error") or choices
        return replace(kept, error=f"the reply holds no choices but {json.dumps(said)[:200]}")
    if len(choices) != 1:
        return replace(kept, error=f"expected 1 choice, got {len(choices)}")
    return _answer(kept, choices[0], request)


def clean(text: str) -> str:
    """`text` with U+FFFD for each lone surrogate, which no file or database takes."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _answer(kept: Completion, choice: JSON, request: Request) -> Completion:
    """The completion of one choice of the reply."""
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
    return replace(
        kept, state=state, text=clean(shown), error=clean(error), finish_reason=clean(finish)
    )


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
