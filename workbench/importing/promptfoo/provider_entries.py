"""Providers of a configuration as models of an experiment file.

{"id": "openrouter:qwen/qwen3-32b", "config": {"temperature": 0}}   ->
{"openai:qwen/qwen3-32b": {"base_url": "https://openrouter.ai/api/v1",
                           "api_key_env": "OPENROUTER_API_KEY", "parameters": {"temperature": 0}}}
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.errors import WorkbenchError
from workbench.importing.foreign_values import quoted
from workbench.importing.promptfoo.import_notes import ImportNotes
from workbench.importing.promptfoo.source_keys import PROVIDER, SourceKeys, type_name
from workbench.parameters import check_parameters

# Address and key of services that speak OpenAI's API, by the provider's name.
SERVICES = {
    "openrouter": ("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "groq": ("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "mistral": ("https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    "deepseek": ("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "togetherai": ("https://api.together.xyz/v1", "TOGETHER_API_KEY"),
    "fireworks": ("https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"),
    "xai": ("https://api.x.ai/v1", "XAI_API_KEY"),
    "perplexity": ("https://api.perplexity.ai", "PERPLEXITY_API_KEY"),
    "cerebras": ("https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    "github": ("https://models.github.ai/inference", "GITHUB_TOKEN"),
    "ollama": ("http://localhost:11434/v1", ""),
    "localai": ("http://localhost:8080/v1", ""),
    "llamafile": ("http://localhost:8080/v1", ""),
    "llama": ("http://localhost:8080/v1", ""),
    "vllm": ("http://localhost:8000/v1", ""),
    "litellm": ("http://localhost:4000", ""),
}
PARAMETERS = (
    *("temperature", "top_p", "max_tokens", "max_completion_tokens", "stop", "seed", "user"),
    *("frequency_penalty", "presence_penalty", "response_format", "reasoning_effort", "verbosity"),
    *("service_tier", "logit_bias", "tool_choice", "parallel_tool_calls", "logprobs"),
)
ADDRESSES = ("apiBaseUrl", "apiHost", "apiKeyEnvar", "apiKey", "headers", "organization")
COSTS = ("cost", "inputCost", "outputCost")
NO_CHAT = re.compile(r"davinci|babbage|curie|ada$|instruct")
REASONING = re.compile(r"^(?:o\d|gpt-5|codex)")
LOCAL = re.compile(r"^https?://(?:localhost|127\.|\[::1\]|0\.0\.0\.0)")
LABEL = re.compile(r"[^A-Za-z0-9 _.:+-]+")
DEFAULT_MAX_TOKENS = 1024
OTHER = "name a server that speaks OpenAI's API: openai:NAME: {base_url: …, api_key_env: …}"


@dataclass(frozen=True)
class ProviderEntry:
    """A model with what else its provider says.

    Attributes:
        entry: of `models:`.
        label: its name in tables.
        ids: the provider's id and label, by which tests and results name it.
        prompts: labels of the prompts that it gets; None: all.
        tools: functions that it may call.
    """

    entry: Mapping[str, Mapping[str, Any]]
    label: str
    ids: tuple[str, ...]
    prompts: tuple[str, ...] | None = None
    tools: Any = None
    key: tuple[str, ...] = field(default=(), compare=False)

    @property
    def ref(self) -> str:
        """`provider:name`."""
        return next(iter(self.entry))


def read_provider(provider: Any, where: str, notes: ImportNotes) -> ProviderEntry | None:
    """The model of a provider; None: it is left out, and the notes say so."""
    if isinstance(provider, Mapping) and "id" not in provider and len(provider) == 1:
        ((name, settings),) = provider.items()
        provider = {"id": name, **(settings if isinstance(settings, Mapping) else {})}
    if isinstance(provider, str):
        provider = {"id": provider}
    if not isinstance(provider, Mapping) or not isinstance(provider.get("id"), str):
        notes.left_out(where, f"provider {quoted(provider)}", OTHER)
        return None
    identifier = provider["id"]
    provider = SourceKeys(notes).readable(provider, PROVIDER, where)
    config = dict(provider.get("config", {}))
    label = provider.get("label", "")
    prompts = provider.get("prompts")
    ref, settings = _model(identifier, config, where, notes)
    if not ref:
        return None
    if ref != "echo:last":
        _add_address(settings, config, identifier, where, notes)
        parameters = _parameters(ref.partition(":")[2], config, identifier, where, notes)
        if parameters:
            settings["parameters"] = parameters
    if label:
        settings["as"] = " ".join(LABEL.sub(" ", label).split())[:60] or identifier
    notes.carried(where, f"provider {identifier}")
    names = tuple(filter(None, (identifier, label)))
    wanted = tuple(map(str, prompts)) if isinstance(prompts, list) else None
    shown = settings.get("as") or ref.partition(":")[2].rpartition("/")[2]
    return ProviderEntry({ref: settings}, shown, names, wanted, config.get("tools"))


def _model(
    identifier: str, config: Mapping[str, Any], where: str, notes: ImportNotes
) -> tuple[str, dict[str, Any]]:
    """Return `provider:name` and its address; an empty name: it is left out."""
    kind, _, name = identifier.partition(":")
    if kind == "echo":
        return "echo:last", {}
    family, _, rest = name.partition(":")
    if kind == "openai":
        return _openai_model(identifier, family, rest, where, notes)
    if kind in ("azure", "azureopenai"):
        host = (
            str(config.get("apiHost") or config.get("apiBaseUrl") or "").split("//")[-1].rstrip("/")
        )
        deployment = rest or name
        if family in ("chat", "responses") and host:
            version = config.get("apiVersion") or "2024-10-21"
            url = f"https://{host}/openai/deployments/{deployment}?api-version={version}"
            headers = {"api-key": "${AZURE_API_KEY}"}
            return f"openai:{deployment}", {"base_url": url, "headers": headers}
    elif kind in SERVICES and name:
        model = rest if family in ("chat", "completion") and rest else name
        base_url, key = SERVICES[kind]
        if kind == "ollama" or family == "completion":
            notes.changed(where, f"provider {identifier}: by its endpoint that speaks OpenAI's API")
        return f"openai:{model}", {"base_url": base_url, **({"api_key_env": key} if key else {})}
    notes.left_out(where, f"provider {identifier}", OTHER)
    return "", {}


def _openai_model(
    identifier: str, family: str, rest: str, where: str, notes: ImportNotes
) -> tuple[str, dict[str, Any]]:
    if family == "responses" and rest:
        return f"openai:{rest}", {"api": "responses"}
    if family == "completion" or (not rest and NO_CHAT.search(family)):
        fix = "set `api: completions` at the model, and `chat: false` in the prompts"
        notes.left_out(where, f"provider {identifier}: raw text", fix)
        return "", {}
    if family == "chat" and rest:
        return f"openai:{rest}", {}
    if family in ("assistant", "realtime", "image", "embedding", "embeddings", "agents", "video"):
        notes.left_out(where, f"provider {identifier}", OTHER)
        return "", {}
    name = f"{family}:{rest}" if rest else family
    return (f"openai:{name}", {}) if name else ("", {})


def _add_address(
    settings: dict[str, Any],
    config: Mapping[str, Any],
    identifier: str,
    where: str,
    notes: ImportNotes,
) -> None:
    if identifier.startswith("azure"):
        return
    base_url = str(config.get("apiBaseUrl") or "")
    if not base_url and config.get("apiHost"):
        base_url = f"https://{config['apiHost']}/v1"
    if base_url:
        base_url = re.sub(r"\{\{\s*env\.(\w+)\s*\}\}", r"${\1}", base_url)
        settings["base_url"] = base_url.rstrip("/")
        if not LOCAL.match(base_url):
            settings.setdefault("api_key_env", "OPENAI_API_KEY")
    if config.get("apiKeyEnvar"):
        settings["api_key_env"] = str(config["apiKeyEnvar"])
    reference = re.fullmatch(r"\{\{\s*env\.(\w+)\s*\}\}", str(config.get("apiKey") or ""))
    if reference:
        settings["api_key_env"] = reference[1]
    elif config.get("apiKey") and not (base_url and LOCAL.match(base_url)):
        fix = f"put it into .env: {settings.get('api_key_env', 'OPENAI_API_KEY')}=…"
        notes.left_out(where, f"`apiKey` of {identifier}: no key is written into a file", fix)
    headers = config.get("headers")
    if isinstance(headers, Mapping) and headers:
        values = {
            k: re.sub(r"\{\{\s*env\.(\w+)\s*\}\}", r"${\1}", str(v)) for k, v in headers.items()
        }
        literal = [
            k for k, v in values.items() if "$" not in v and re.search("auth|key|token", k, re.I)
        ]
        for name in literal:
            del values[name]
            fix = f"put it into .env as NAME=…, and write headers: {{{name}: ${{NAME}}}}"
            notes.left_out(where, f"the header {name} of {identifier}", fix)
        if values:
            settings["headers"] = values
    if config.get("organization"):
        organization = {"OpenAI-Organization": str(config["organization"])}
        settings["headers"] = {**settings.get("headers", {}), **organization}


def _parameters(
    name: str, config: Mapping[str, Any], identifier: str, where: str, notes: ImportNotes
) -> dict[str, Any]:
    """The parameters as promptfoo sends them, its own limit of an answer included."""
    parameters = {key: config[key] for key in PARAMETERS if config.get(key) is not None}
    is_reasoning = bool(REASONING.match(name))
    if is_reasoning:
        for key in ("max_tokens", "temperature"):
            if parameters.pop(key, None) is not None:
                notes.changed(where, f"`{key}` of {identifier}: promptfoo doesn't send it either")
    elif "max_tokens" not in parameters:
        parameters["max_tokens"] = DEFAULT_MAX_TOKENS
    if isinstance(config.get("passthrough"), Mapping):
        parameters["extra_body"] = dict(config["passthrough"])
    if isinstance(parameters.get("response_format"), str):
        del parameters["response_format"]
        notes.left_out(where, "`response_format` in a file", "write it under `parameters:`")
    for name in list(parameters):
        try:
            check_parameters({name: parameters[name]})
        except WorkbenchError as error:
            del parameters[name]
            notes.left_out(where, f"{error.message}, for {identifier}", error.fix)
    _name_unread(config, identifier, where, notes)
    return parameters


def _name_unread(
    config: Mapping[str, Any], identifier: str, where: str, notes: ImportNotes
) -> None:
    """Name the keys of a provider's `config` that are not carried, whatever their type."""
    for key in ("headers", "passthrough"):
        if not isinstance(config.get(key), Mapping | None):
            text = f"`{key}` of {identifier} is {type_name(config[key])}"
            notes.left_out(where, text, "write a mapping")
    read_keys = {*PARAMETERS, *ADDRESSES, "headers", "passthrough", "tools"}
    if identifier.startswith("azure"):
        read_keys.add("apiVersion")
    for key in config:
        if key in COSTS:
            notes.left_out(where, f"`{key}` of {identifier}", "prices: in workbench.yaml")
        elif key not in read_keys:
            notes.left_out(where, f"`{key}` of {identifier}", "parameters: {extra_body: …}")
