"""A model with the provider that reaches it.

OpenModel(Model("openai", "gpt-6-luna"), OpenAIProvider(…))
"""

from dataclasses import dataclass

from workbench.model.provider import Provider
from workbench.model.types import Model


@dataclass(frozen=True)
class OpenModel:
    """A model and the provider that reaches it."""

    model: Model
    provider: Provider
