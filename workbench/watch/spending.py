"""Models whose calls may cost money: a loop asks them only within a limit.

openai:gpt-6-luna                                      may cost money, with a price or without
openai:qwen: {base_url: "http://localhost:8000/v1"}    your own server, unless it has a price
echo:last, transformers:…, a price of 0                free
"""

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from workbench.errors import WorkbenchError, list_first
from workbench.experiment import OpenModel
from workbench.plan import Plan
from workbench.project import Price
from workbench.proxies import is_loopback

LIMIT_FIX = (
    "add --max-cost 0.50 or --max-calls 500, which limits the whole loop, over all saves; a server "
    "of your own is free with the price {input: 0, output: 0} in workbench.yaml"
)


def require_limit(plan: Plan, prices: Mapping[str, Price], *, has_limit: bool) -> None:
    """Check that nothing in a plan can spend without a limit.

    Raises:
        WorkbenchError: a call may cost money, and nothing limits the calls.
    """
    if has_limit:
        return
    if models := list(dict.fromkeys(_costly_models(plan, prices))):
        raise WorkbenchError(
            f"each save would send calls that may cost money, to {list_first(models, 3)}",
            where=plan.experiment.path,
            fix=LIMIT_FIX,
        )
    if granted := uncounted_evaluators(plan):
        raise WorkbenchError(
            f"each save would run {list_first(granted, 3)}, which may make calls of their own: "
            "they are granted variables by `env:`",
            where=plan.experiment.path,
            fix="add --max-cost or --max-calls for the other calls, which counts none of theirs",
        )


def uncounted_evaluators(plan: Plan) -> list[str]:
    """Names of evaluators that may make calls of their own, which no budget counts."""
    specs = ((each.name, each.spec) for each in plan.experiment.evaluators)
    return [name for name, spec in specs if spec and spec.env]


def _costly_models(plan: Plan, prices: Mapping[str, Price]) -> Iterator[str]:
    models = [variant.model for variant in plan.variants]
    models += [model for each in plan.experiment.scorers.values() for model in each.models]
    return (model.model.ref for model in models if _may_cost(model, prices))


def _may_cost(model: OpenModel, prices: Mapping[str, Price]) -> bool:
    price = prices.get(model.model.ref)
    if price is not None:
        return bool(price.input or price.output)
    address = getattr(model.provider, "address", "")
    is_local = bool(address) and is_loopback(urlsplit(address).hostname or "")
    return model.provider.billed and not is_local
