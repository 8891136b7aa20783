"""The parameter that a server refuses, in whichever form its error names it.

>>> refused_parameter({"message": "Unsupported parameter: 'seed'"}, {"seed": 1, "messages": []})
'seed'
>>> refused_parameter({"message": "seed: Extra inputs are not permitted"}, {"seed": 1})
'seed'
>>> refused_parameter({"message": "Argument not supported on this model: seed"}, {"seed": 1})
'seed'
>>> range_error = {"message": "It has a maxOutputTokens value of 9, the supported range is 1 to 8"}
>>> refused_parameter(range_error, {"max_tokens": 9})
'max_tokens'
>>> raw = {"raw": '{"error": {"message": "Unsupported parameter: seed"}}'}
>>> refused_parameter({"message": "Provider returned error", "metadata": raw}, {"seed": 1})
'seed'
>>> refused_parameter({"message": "the seed of the text is too long"}, {"seed": 1})
''
>>> parameter_fix("grammar")
"remove 'grammar' from extra_body"
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress

from workbench.canonical import JSON
from workbench.parameters import PARAMETERS

ROW_FIELDS = ("messages", "prompt", "input")  # of a body; an error about them concerns one row
REFUSAL = re.compile(
    r"(?i)unsupported|not (be )?(supported|permitted|allowed|recognized|recognised|accepted|valid"
    r"|available|implemented)|n't (supported|allowed|valid)|does(n't| not) (support|accept|exist)"
    r"|un(known|recognized|recognised|expected|available)|cannot (find|be)|can't be|invalid|extra"
    r"|extraneous|(must|should|has to) be|out of range|deprecated|no longer|incompatible|disabled"
    r"|(greater|less|more) than|at (most|least)|expected|supported range"
    r"|only .{1,60} (is|are) supported"
)
NEAR = 160  # characters between a parameter's name and the words that refuse it
FIXES = {
    **dict.fromkeys(
        ("continue_final_message", "add_generation_prompt", "prefix"),
        "`prefill:` of the model names another way to continue an answer; `refuse` for none",
    ),
    **dict.fromkeys(
        ("guided_choice", "structured_outputs"),
        "`choices: schema` or `choices: text` for the model",
    ),
    "stream_options": "`stream: without_usage` for the model",
    "stream": "remove `stream` from the settings of the model",
    "response_format": "this server takes no JSON schema: `choices: text` for the model, or a "
    "prompt without `response_schema`",
}


def refused_parameter(fields: Mapping[str, JSON], body: Mapping[str, JSON]) -> str:
    """Return the parameter of `body` that an error's fields refuse; empty if there is none."""
    for path in _named_paths(fields):
        names = [name for name in path if name in body or name == "model"]
        if "prefix" in path and "messages" in path:
            return "prefix"
        if names:
            return "" if names[0] in ROW_FIELDS else names[0]
        if path and path[0] not in ("body", "query"):
            return ""  # it names something else
    message = _text(fields.get("message") or fields.get("detail") or "")
    metadata = fields.get("metadata")  # where OpenRouter puts the provider's own error
    message += f" {metadata.get('raw') or ''}" if isinstance(metadata, dict) else ""
    for name in body:
        if name not in (*ROW_FIELDS, "model") and _refuses(message, name):
            return name
    return ""


def parameter_fix(parameter: str) -> str:
    """Return what to do about a refused parameter."""
    default = f"`{parameter}: null` leaves it out, `rename:` gives it another name"
    default = default if parameter in PARAMETERS else f"remove {parameter!r} from extra_body"
    return FIXES.get(parameter, default)


def _named_paths(fields: Mapping[str, JSON]) -> Iterator[list[str]]:
    """The places that an error names: OpenAI's `param`, FastAPI's `loc`."""
    if param := str(fields.get("param") or ""):
        yield [part for part in re.split(r"[.\[\]]+", param) if part]
    message = fields.get("message")
    inner = message.get("detail") if isinstance(message, dict) else None
    for detail in (inner, fields.get("detail"), fields.get("details"), fields.get("errors")):
        for problem in detail if isinstance(detail, list) else ():
            with suppress(LookupError, TypeError, AttributeError):
                yield [str(part) for part in problem["loc"]]


def _refuses(message: str, name: str) -> bool:
    """True if a message names the parameter as one, with words of refusal near it."""
    camel = re.sub("_(.)", lambda match: match[1].upper(), name)
    names = {name, camel, "maxOutputTokens" if name == "max_tokens" else name}  # Gemini's
    escaped = f"(?:{'|'.join(sorted(map(re.escape, names)))})"
    mention = (
        rf"['\"`\[]{escaped}['\"`\]]|(parameter|argument|property|field|option|key|supplied|name)"
    )
    mention += (
        rf"s?:? +{escaped}\b|(^|[\s:/.]){escaped}:|: ['\"]?{escaped}\W*$"
        rf"|(^|[.:] ){escaped} (must|should|is|does|can)"
    )
    if "_" in name:  # in Gemini's words: a maxOutputTokens value
        mention += rf"|(?<![\w.]){escaped}(?!\w)"
    for match in re.finditer(f"(?i){mention}", message):
        if REFUSAL.search(message[max(0, match.start() - NEAR) : match.end() + NEAR]):
            return True
    return False


def _text(message: JSON) -> str:
    return message if isinstance(message, str) else json.dumps(message)
