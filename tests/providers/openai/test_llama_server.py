"""llama.cpp's own server, with a small model: `make llama`."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.answers.prefill import continues_prefill
from workbench.answers.read import read_answer
from workbench.conversation import Conversation, Message
from workbench.model import Completion, Model, PromptCall, Request, open_provider

HOME = os.environ.get("WORKBENCH_LLAMA", "")
pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(not HOME, reason="needs llama.cpp's server: make llama"),
]
PREFILLS = ["Answer: ", "yes", '{"a": "', " It  is", "Line one.\n", "<think>\n", "Ünï 日本", "A"]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server in the environment that `make llama` has made."""
    program = Path(__file__).with_name("llama_server.py")
    command = [Path(HOME, "bin", "python"), program, Path(HOME, "smollm2.gguf")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout
        yield process.stdout.readline().strip()
        process.terminate()


def ask(address: str, prefill: str, **settings: str) -> Completion:
    merged = {"base_url": f"{address}/v1", "prefill": "continue_final_message", **settings}
    provider = open_provider(Model("openai", "m", settings=merged))
    turns = (Message("user", "Is the sky blue?"), Message("assistant", prefill))
    prepared = provider.prepare(PromptCall(Conversation(turns), {"max_tokens": 4}))
    (completion,) = provider.complete([Request.from_body(prefill, prepared.body, prefill)])
    return completion


@pytest.mark.parametrize("prefill", PREFILLS)
def test_repeated_prefill_is_cut(address: str, prefill: str) -> None:
    received = ask(address, prefill)
    assert received.text.startswith(prefill)
    assert not continues_prefill(received)
    read = read_answer(received, "{}", reasoning="keep", prefill_repeated=True)
    assert read.full_text == received.text
