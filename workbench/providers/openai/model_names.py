"""Names of the models at an endpoint, for the message about one that it doesn't have.

>>> read_names('{"data": [{"id": "qwen2.5:7b"}, {"id": "llama3.2:3b"}]}')
['qwen2.5:7b', 'llama3.2:3b']
>>> model_name_fix("qwen2.5-7b", ["llama3.2:3b", "qwen2.5:7b"])
"did you mean 'qwen2.5:7b'? the server has: qwen2.5:7b, llama3.2:3b"
"""

import asyncio
from contextlib import suppress
from difflib import get_close_matches

from workbench.answers.reply_body import parse_reply
from workbench.providers.openai.errors import CALL_ERRORS
from workbench.providers.openai.transport import Transport

MOST_NAMES = 10
LIST_S = 5.0  # for a server to list its models


async def list_names(transport: Transport, url: str) -> list[str]:
    """Names of the models that the server lists; empty if it doesn't."""
    try:
        async with asyncio.timeout(LIST_S):
            address, mark, query = url.partition("?")
            reply = await transport.get(f"{address}/models{mark}{query}")
            return read_names(reply.text)
    except (*CALL_ERRORS, TimeoutError, ValueError):
        return []


def read_names(reply: str) -> list[str]:
    """Return the names in the reply to GET /models; empty if it has none."""
    with suppress(ValueError):
        parsed = parse_reply(reply)
        models = parsed.get("data") or parsed.get("models") if isinstance(parsed, dict) else parsed
        models = models if isinstance(models, list) else []
        objects = [model for model in models if isinstance(model, dict)]
        names = [model.get("id") or model.get("name") for model in objects]
        return [name for name in names if isinstance(name, str)]
    return []


def model_name_fix(model: str, names: list[str]) -> str:
    """Return the names at the server, nearest first, as the fix for an unknown `model`."""
    near = get_close_matches(model, names, MOST_NAMES)
    names = list(dict.fromkeys([*near, *names]))
    suggestion = f"did you mean {near[0]!r}? " if near else ""
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{suggestion}the server has: {', '.join(names[:MOST_NAMES])}{more}"
