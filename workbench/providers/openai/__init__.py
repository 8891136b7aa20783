"""Any OpenAI-compatible endpoint: `openai:gpt-4o-mini`, or a server of one's own.

settings.py  where it is and how it is spoken to     body.py    a call -> the exact request body
client.py    retrying, many at once                  reply.py   a reply's body -> a Completion
wire.py      sending the bytes                       package.py what the openai package decides
"""

from workbench.providers.openai.provider import OpenAIProvider

__all__ = ["OpenAIProvider"]
