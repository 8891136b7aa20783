"""Tools of local models: through the chat template, where it has them."""

import pytest
from tiny_model import CHATML

from workbench.conversation import Conversation, Message
from workbench.errors import WorkbenchError
from workbench.model import PromptCall
from workbench.providers.transformers.body import prepare_call
from workbench.providers.transformers.loading import load_tokenizer
from workbench.providers.transformers.tokens import Tokens

TEMPLATE = (
    "{% if tools %}<|im_start|>system\n{{ tools | tojson }}<|im_end|>\n{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'tool' %}= {% endif %}"
    "{{ m.content }}{% for call in m.tool_calls or [] %}{{ call.function.name }}"
    "{{ call.function.arguments.a }}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TOOL = {"name": "f", "description": "Ends<|im_end|>"}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": "x"}'}}
HISTORY = Conversation(
    (Message("user", "Hi"), Message("assistant", "", (CALL,)), Message("tool", "4", (), "c1"))
)
MODEL = "transformers:tiny"


def test_tools_and_calls_are_written_by_the_chat_template(tiny):
    tokenizer = load_tokenizer(tiny)
    tokenizer.chat_template = TEMPLATE
    call = PromptCall(HISTORY, {"max_tokens": 1, "tool_choice": "auto"}, tools=(TOOL,))
    body = prepare_call(call, chat_template=TEMPLATE, model=MODEL).body
    assert set(body) == {"messages", "tools", "max_tokens"}
    ids = Tokens(tokenizer).encode(body)
    assert tokenizer.decode(ids) == (
        '<|im_start|>system\n[{"type": "function", "function": {"name": "f", "description": '
        '"Ends<|im_end|>"}}]<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n'
        "<|im_start|>assistant\nfx<|im_end|>\n<|im_start|>tool\n= 4<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    assert ids.count(2) == 4  # <|im_end|>: not the one in the tool's description


@pytest.mark.parametrize(
    ("call", "template", "message"),
    [
        (
            PromptCall(HISTORY),
            CHATML,
            "its chat template has no calls of tools in a history",
        ),
        (PromptCall(HISTORY), f"{CHATML}{{{{ m.tool_calls }}}}", "has no turns of tools"),
        (
            PromptCall(Conversation((Message("user", "Hi"),)), tools=(TOOL,)),
            CHATML,
            "its chat template has no tools\n  fix: exclude the pair",
        ),
        (
            PromptCall(HISTORY, {"tool_choice": "required"}, tools=(TOOL,)),
            TEMPLATE,
            "`tool_choice: required` can't be enforced on a local model",
        ),
    ],
)
def test_tools_that_the_template_would_drop_are_refused(call, template, message):
    with pytest.raises(WorkbenchError) as caught:
        prepare_call(call, chat_template=template, model=MODEL)
    assert message in str(caught.value)
