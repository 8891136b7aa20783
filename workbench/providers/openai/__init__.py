"""Any OpenAI-compatible endpoint: `openai:gpt-4o-mini`, or a server of one's own.

settings.py  where it is and how it is spoken to     body.py    a call -> the exact request body
client.py    sending, retrying, many at once         reply.py   a reply's body -> a Completion
"""

from workbench.providers.openai.provider import OpenAIProvider

__all__ = ["OpenAIProvider"]
