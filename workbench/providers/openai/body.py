"""A prompt call as the exact JSON body that is sent.

{"model": "gpt-6-luna", "messages": [{"role": "user", "content": "Hi"}], "reasoning_effort": "low"}
"""

from workbench.answers.read import CHOICE_SCHEMA
from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.model import PreparedCall, PromptCall, Sampling
from workbench.prompt.tools import chat_tools, chosen_tool
from workbench.providers.openai.embeddings_api import embedding_body
from workbench.providers.openai.request_rules import check_call
from workbench.providers.openai.responses_api import responses_body
from workbench.providers.openai.settings import OpenAISettings


def make_body(model: str, settings: OpenAISettings, call: PromptCall) -> PreparedCall:
    """Return the body of `call` for `model`.

    Raises:
        WorkbenchError: this endpoint doesn't take such a call.
    """
    if settings.api == "embeddings":
        return embedding_body(model, call)
    body: dict[str, JSON] = {"model": model, **_conversation(settings, call)}
    if settings.stream:
        body["stream"] = True
    if settings.stream is True:
        body["stream_options"] = {"include_usage": True}
    parameters = dict(call.parameters)
    if call.tools:
        body["tools"] = chat_tools(call.tools)
        if name := chosen_tool(parameters.get("tool_choice", "auto")):
            parameters["tool_choice"] = {"type": "function", "function": {"name": name}}
    extra = parameters.pop("extra_body", None) or {}
    if call.response_schema is not None:
        body["response_format"] = _response_format("answer", call.response_schema)
    if call.choices:
        body |= _choices(settings, call)
    for key, value in parameters.items():
        field = settings.rename.get(key, key)
        if field in body:
            message = f"{field!r} is set twice, once by the parameter {key!r}"
            raise WorkbenchError(message, fix=f"remove {key!r} from the parameters")
        body[field] = value
    body = responses_body(body) if settings.api == "responses" else body
    if repeated := sorted(extra.keys() & body.keys()):
        message = f"{repeated[0]!r} is set in extra_body and outside of it"
        raise WorkbenchError(message, fix="keep one")
    sampling: Sampling = "greedy" if call.parameters.get("temperature") == 0 else "sampled"
    method = settings.choices if call.choices else ""
    return PreparedCall(body | extra, sampling, method, check_call(settings, call))


def _conversation(settings: OpenAISettings, call: PromptCall) -> dict[str, JSON]:
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
    fields: dict[str, JSON] = {"messages": [turn.as_json() for turn in conversation.messages]}
    if not conversation.prefill:
        return fields
    if settings.prefill == "refuse" or settings.api == "responses":
        raise WorkbenchError(
            "the prompt begins the answer, and this endpoint is not known to continue one",
            fix="`prefill: continue_final_message` (vLLM, SGLang), `prefill: prefix` or `prefill: "
            "as_is` for the model, or exclude the pair",
        )
    if settings.prefill == "as_is":
        return fields
    if settings.prefill == "prefix":
        fields["messages"][-1]["prefix"] = True
        return fields
    return {**fields, "continue_final_message": True, "add_generation_prompt": False}


def _choices(settings: OpenAISettings, call: PromptCall) -> dict[str, JSON]:
    if settings.choices == "guided":
        return {"guided_choice": list(call.choices)}
    if settings.choices == "structured":
        return {"structured_outputs": {"choice": list(call.choices)}}
    if settings.choices == "text":
        return {}
    if call.response_schema is not None:
        raise WorkbenchError("a prompt has either `choices` or a `response_schema`")
    schema = {
        "type": "object",
        "properties": {"choice": {"type": "string", "enum": list(call.choices)}},
        "required": ["choice"],
        "additionalProperties": False,
    }
    return {"response_format": _response_format(CHOICE_SCHEMA, schema)}


def _response_format(name: str, schema: JSON) -> JSON:
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}
