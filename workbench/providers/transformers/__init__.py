"""Models run on this machine by Hugging Face transformers.

transformers:smollm2-135m-instruct
transformers:./models/mine: {dtype: float32}
"""

from workbench.providers.transformers.provider import TransformersProvider

__all__ = ["TransformersProvider"]
