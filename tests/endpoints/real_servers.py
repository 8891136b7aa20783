"""Starts the servers that install.py has installed, on loopback, and asks them as a run does."""

import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from install import HOME, python_of

from workbench.answers.prefill import continues_prefill
from workbench.answers.read import read_answer
from workbench.conversation import Conversation, Message
from workbench.model import Completion, Model, PromptCall, Request, open_provider

START_S = 300
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "NO_PROXY": "127.0.0.1"}
SERVE = "import sys; from transformers.cli.transformers import main; sys.exit(main())"


@dataclass(frozen=True)
class Endpoint:
    """A server with its model.

    Attributes:
        server: its column in docs/models.md.
        settings: of the model in an experiment file.
        direct: settings of the endpoint behind a gateway; empty for others.
    """

    server: str
    model: str
    settings: Mapping[str, Any]
    direct: Mapping[str, Any] = field(default_factory=dict)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


@contextmanager
def running(command: Sequence[object], url: str, **options: Any) -> Iterator[None]:
    """A server's process, from the time at which `url` answers."""
    environment = {**os.environ, **OFFLINE, **options.pop("env", {})}
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log, **options) as process,
    ):
        try:
            until = time.monotonic() + START_S
            while not answers(url):
                if process.poll() is not None or time.monotonic() > until:
                    log.seek(0)
                    raise AssertionError(f"{command[0]} didn't start: {log.read()[-2000:]}")
                time.sleep(0.2)
            yield
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


@contextmanager
def llama_server() -> Iterator[Endpoint]:
    program = Path(__file__).with_name("llama_server.py")
    command = [python_of("llama"), program, HOME / "smollm2.gguf"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        yield Endpoint("llama.cpp", "smollm2", {"base_url": f"{url}/v1", "concurrency": 1})
        process.terminate()


@contextmanager
def transformers_serve(weights: Path, folder: Path) -> Iterator[Endpoint]:
    (folder / "smollm2").symlink_to(weights)
    port = free_port()
    arguments = ["--dtype", "float32", "--device", "cpu", "--host", "127.0.0.1"]
    command = [python_of("serve"), "-c", SERVE, "serve", "smollm2", *arguments, "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    with running(command, f"{url}/health", cwd=folder, env={"HF_HOME": str(folder / "hub")}):
        yield Endpoint("transformers serve", "smollm2", {"base_url": f"{url}/v1"})


@contextmanager
def litellm_proxy(behind: str, folder: Path) -> Iterator[Endpoint]:
    """A proxy in front of the OpenAI-compatible server at `behind`."""
    port, config = free_port(), folder / "litellm.json"
    route = {"model": "openai/m", "api_base": behind, "api_key": "behind"}
    settings = {
        "model_list": [{"model_name": "m", "litellm_params": route}],
        "general_settings": {"master_key": "sk-proxy"},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
    }
    config.write_text(json.dumps(settings))  # JSON is YAML
    command = [HOME / "litellm" / "bin" / "litellm", "--config", config, "--host", "127.0.0.1"]
    url = f"http://127.0.0.1:{port}"
    local = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}
    with running([*command, "--port", str(port)], f"{url}/health/liveliness", env=local):
        proxied = {"base_url": f"{url}/v1", "api_key_env": "LITELLM_KEY", "backoff_s": 0.05}
        yield Endpoint("LiteLLM", "m", proxied, {"base_url": behind, "backoff_s": 0.05})


def call(
    *turns: str | tuple[str, str], choices: Sequence[str] = (), **parameters: Any
) -> PromptCall:
    """A chat of turns, those of a user as texts, or of one raw text with `raw=True`."""
    raw = parameters.pop("raw", False)
    messages = [
        Message("user", turn) if isinstance(turn, str) else Message(*turn) for turn in turns
    ]
    conversation = Conversation(text=messages[0].content) if raw else Conversation(tuple(messages))
    merged = {"max_tokens": 12, "temperature": 0, **parameters}
    return PromptCall(conversation, merged, tuple(choices))


def ask(model: Model, calls: Sequence[PromptCall]) -> list[Completion]:
    """The answers to `calls`, in their order, as evaluators read them."""
    provider = open_provider(model)
    provider.check_ready()
    requests = [
        replace(
            Request.from_body(str(n), provider.prepare(each).body),
            prefill=each.conversation.prefill,
        )
        for n, each in enumerate(calls)
    ]
    received = {completion.key: completion for completion in provider.complete(requests)}
    return [
        read_answer(
            received[request.key],
            request.text,
            prefill_repeated=not continues_prefill(received[request.key]),
        )
        for request in requests
    ]


def ask_endpoint(endpoint: Endpoint, *calls: PromptCall, **settings: Any) -> list[Completion]:
    merged = {**endpoint.settings, **settings}
    return ask(Model("openai", endpoint.model, settings=merged), calls)
