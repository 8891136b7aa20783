"""Models of other tools as entries of `models:`.

>>> model_entry("openai", "gpt-6-luna")
'openai:gpt-6-luna'
>>> model_entry("ollama", "qwen3")
{'openai:qwen3': {'base_url': 'http://localhost:11434/v1'}}
"""

from typing import Any

from workbench.importing.import_log import ImportLog
from workbench.importing.imported import Entry

STAND_IN = "echo:prompt"
# Providers with an endpoint that speaks OpenAI's API, and the usual variable of its key.
_ENDPOINTS = {
    "anthropic": ("https://api.anthropic.com/v1", "ANTHROPIC_API_KEY"),
    "google": ("https://generativelanguage.googleapis.com/v1beta/openai", "GOOGLE_API_KEY"),
    "mistral": ("https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    "groq": ("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "grok": ("https://api.x.ai/v1", "GROK_API_KEY"),
    "together": ("https://api.together.xyz/v1", "TOGETHER_API_KEY"),
    "fireworks": ("https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"),
    "deepseek": ("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "openrouter": ("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "ollama": ("http://localhost:11434/v1", ""),
    "vllm": ("http://localhost:8000/v1", ""),
    "sglang": ("http://localhost:30000/v1", ""),
    "llama-cpp-python": ("http://localhost:8000/v1", ""),
}


def model_entry(provider: str, name: str) -> Entry | None:
    """The entry of a provider's model; None: the provider has no endpoint that is known here."""
    if not name.strip():
        return None
    if provider == "openai":
        return f"openai:{name}"
    if provider in ("hf", "hf-auto", "huggingface"):
        return f"transformers:{name}"
    if provider not in _ENDPOINTS:
        return None
    url, variable = _ENDPOINTS[provider]
    return endpoint_entry(name, base_url=url, api_key_env=variable)


def endpoint_entry(name: str, **settings: Any) -> Entry:
    """The entry of a model at an endpoint; empty settings are left out."""
    filled = {key: value for key, value in settings.items() if value}
    return {f"openai:{name}": filled} if filled else f"openai:{name}"


def azure_entry(deployment: str, endpoint: str, version: str) -> Entry:
    """The entry of a deployment on Azure."""
    base = endpoint.rstrip("/")
    query = f"?api-version={version}" if version else ""
    return endpoint_entry(
        deployment,
        base_url=f"{base}/openai/deployments/{deployment}{query}",
        headers={"api-key": "${AZURE_OPENAI_API_KEY}"},
    )


def entry_name(entry: Entry) -> str:
    """The entry's name: `openai:gpt-6-luna`."""
    return entry if isinstance(entry, str) else next(iter(entry))


def stand_in_model(where: str, log: ImportLog, reason: str = "no model is named") -> Entry:
    """A model that needs no key, where the source has none that can be asked; it is reported."""
    fix = "put a model in its place in experiment.yaml, such as openai:gpt-6-luna"
    log.changed(where, f"{reason}: `{STAND_IN}` stands in, which shows what is sent", fix=fix)
    return STAND_IN


def report_no_evaluator(where: str, log: ImportLog) -> None:
    """Report that the source has no evaluator that could be carried."""
    fix = "name what a good answer is under `evaluators:`; `workbench evaluators` lists them"
    log.left_out(where, "no evaluator: answers are shown, and not scored", fix=fix)
