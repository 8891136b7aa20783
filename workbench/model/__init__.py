"""A model, the requests it gets, its completions, and the provider that reaches it.

types.py       Model, PromptCall, Request, Completion, and the permission for its calls
provider.py    the protocol of a provider
open_model.py  a model with its provider
"""

from workbench.model.open_model import OpenModel
from workbench.model.provider import ENTRY_POINT_GROUP, Provider, check_provider, open_provider
from workbench.model.types import (
    MODEL_KEYS,
    RECORDED,
    SCORED_STATES,
    UNBILLED_STATES,
    Completion,
    FailedCall,
    Model,
    Permit,
    PreparedCall,
    PromptCall,
    Reasoning,
    Request,
    Sampling,
    ScoredState,
    State,
    UnlimitedPermit,
    Usage,
)

__all__ = [
    "ENTRY_POINT_GROUP",
    "MODEL_KEYS",
    "RECORDED",
    "SCORED_STATES",
    "UNBILLED_STATES",
    "Completion",
    "FailedCall",
    "Model",
    "OpenModel",
    "Permit",
    "PreparedCall",
    "PromptCall",
    "Provider",
    "Reasoning",
    "Request",
    "Sampling",
    "ScoredState",
    "State",
    "UnlimitedPermit",
    "Usage",
    "check_provider",
    "open_provider",
]
