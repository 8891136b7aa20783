"""The `/embeddings` endpoint: the body for one text, and the vector in the reply.

>>> from workbench.conversation import Conversation
>>> call = PromptCall(Conversation(text="Paris"), {"dimensions": 256})
>>> embedding_body("m", call).body
{'model': 'm', 'input': 'Paris', 'encoding_format': 'base64', 'dimensions': 256}
>>> reply = '{"data": [{"embedding": [1.0, -0.5]}], "usage": {"prompt_tokens": 2}}'
>>> read_embedding(Request("k1", "{}"), reply).text
'AACAPwAAAL8='
"""

import json
from dataclasses import replace

from workbench.answers.embedding import read_vector, vector_text
from workbench.answers.reply_body import parse_reply, replace_surrogates
from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.model import Completion, PreparedCall, PromptCall, Request, Usage
from workbench.providers.openai.reply import read_reply
from workbench.providers.openai.usage import reply_usage

TAKEN = ("dimensions", "user", "extra_body")  # parameters


def embedding_body(model: str, call: PromptCall) -> PreparedCall:
    """Return the body that asks for the embedding of a raw text.

    Raises:
        WorkbenchError: the prompt is a chat, or a parameter is one of answers.
    """
    if call.conversation.text is None:
        raise WorkbenchError(
            "`api: embeddings` answers no prompts",
            fix="name the model in an evaluator: - embedding_similarity: {model: …}",
        )
    for name in call.parameters:
        if name not in TAKEN:
            raise WorkbenchError(f"an embedding has no {name}", fix=f"remove `{name}`")
    parameters = dict(call.parameters)
    extra = parameters.pop("extra_body", None) or {}
    text = call.conversation.text
    body = {"model": model, "input": text, "encoding_format": "base64", **parameters, **extra}
    return PreparedCall(body, "fixed")


def read_embedding(request: Request, raw: str, *, fault: str = "") -> Completion:
    """Return the completion whose text is the vector, as `read_reply` does for an answer.

    Of the reply, all but the vector is kept.
    """
    try:
        body: JSON = None if fault else parse_reply(raw)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return read_reply(request, raw, fault=fault)
    others = {name: value for name, value in body.items() if name != "data"}
    usage = reply_usage(others)
    completion = Completion(
        request.key,
        "invalid_response",
        usage=Usage(usage.input_tokens, 0) if usage.input_tokens else usage,
        raw=json.dumps(others),
        model=replace_surrogates(str(body.get("model") or "")),
    )
    try:
        text = _vector_text(body.get("data"))
    except ValueError as error:
        return replace(completion, error=f"the reply has no embedding: {error}")
    return replace(completion, state="ok", text=text)


def _vector_text(data: JSON) -> str:
    """The only vector of a reply, which servers write as numbers or in base64."""
    if not isinstance(data, list):
        raise ValueError("it has no list `data`")
    if len(data) != 1 or not isinstance(data[0], dict):
        raise ValueError(f"1 was asked for, and {len(data)} came")
    vector = data[0].get("embedding")
    if isinstance(vector, str):
        read_vector(vector)
        return vector
    if not isinstance(vector, list) or not vector:
        raise ValueError(f"it is {json.dumps(vector)[:40]}")
    if not all(isinstance(each, int | float) and not isinstance(each, bool) for each in vector):
        raise ValueError("it has an entry that is no number")
    return vector_text(vector)
