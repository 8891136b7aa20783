"""A call as the exact JSON body that is sent.

PromptCall(Conversation((Message("user", "Hi"),)), {"max_tokens": 8})
    -> {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 8}
"""

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.model import PreparedCall, PromptCall, Sampling
from workbench.providers.openai.settings import OpenAISettings

CHOICE = "workbench_choice"  # the name of the schema that asks for one of some choices
LIMITS = frozenset(  # of an answer's length, in the words of several servers
    {"max_tokens", "max_completion_tokens", "max_new_tokens", "max_output_tokens", "n_predict"}
)
ONE_ANSWER = frozenset({"n", "best_of", "stream", "stream_options", "echo"})


def make_body(name: str, settings: OpenAISettings, call: PromptCall) -> PreparedCall:
    """The body of `call` for the model `name`.

    Raises:
        WorkbenchError: this endpoint can't be asked that.
    """
    body: dict[str, JSON] = {"model": name, **_said(settings, call)}
    parameters = dict(call.parameters)
    extra = parameters.pop("extra_body", None) or {}
    if call.response_schema is not None:
        body["response_format"] = _schema("answer", call.response_schema)
    if call.choices:
        body |= _choices(settings, call)
    for key, value in parameters.items():
        sent_as = settings.rename.get(key, key)
        if sent_as in body:
            said = f"{sent_as!r} is said twice, once by the parameter {key!r}"
            raise WorkbenchError(said, fix=f"take {key!r} out of the parameters")
        body[sent_as] = value
    if clash := sorted(extra.keys() & body.keys()):
        said = f"{clash[0]!r} stands in extra_body and beside it"
        raise WorkbenchError(said, fix="keep one")
    for key in ONE_ANSWER & extra.keys():
        raise WorkbenchError(
            f"extra_body: {key!r} changes how many answers come, or in what form",
            fix="take it out; `repeats:` asks several times",
        )
    for key in LIMITS & extra.keys():
        if LIMITS & call.parameters.keys():
            raise WorkbenchError(
                f"extra_body: {key!r} limits the answer, and so does a parameter beside it",
                fix="keep one: what may be spent is told from it",
            )
    sampling: Sampling = "greedy" if call.parameters.get("temperature") == 0 else "sampled"
    return PreparedCall(body | extra, sampling, settings.choices if call.choices else "")


def _said(settings: OpenAISettings, call: PromptCall) -> dict[str, JSON]:
    conversation = call.conversation
    if settings.api == "completions":
        if conversation.text is None:
            raise WorkbenchError(
                "`api: completions` takes raw text, and this prompt is a chat",
                fix="`chat: false` in the template's front matter, or exclude the pair",
            )
        return {"prompt": conversation.text}
    if conversation.text is not None:
        raise WorkbenchError(
            "this prompt is raw text (`chat: false`), and the model is called as a chat",
            fix="`api: completions` for the model, or exclude the pair",
        )
    said: dict[str, JSON] = {"messages": [m.as_json() for m in conversation.messages]}
    if not conversation.prefill:
        return said
    if settings.prefill == "refuse":
        raise WorkbenchError(
            "the prompt begins the answer, and this endpoint is not known to continue one",
            fix="`prefill: continue_final_message` (vLLM, SGLang) or `prefill: prefix` for the "
            "model, or exclude the pair",
        )
    if settings.prefill == "prefix":
        said["messages"][-1]["prefix"] = True
        return said
    return {**said, "continue_final_message": True, "add_generation_prompt": False}


def _choices(settings: OpenAISettings, call: PromptCall) -> dict[str, JSON]:
    if settings.choices == "guided":
        return {"guided_choice": list(call.choices)}
    if settings.choices == "text":
        return {}
    if call.response_schema is not None:
        raise WorkbenchError("a prompt has either `choices` or a `response_schema`")
    shape = {
        "type": "object",
        "properties": {"choice": {"type": "string", "enum": list(call.choices)}},
        "required": ["choice"],
        "additionalProperties": False,
    }
    return {"response_format": _schema(CHOICE, shape)}


def _schema(name: str, shape: JSON) -> JSON:
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": shape}}
