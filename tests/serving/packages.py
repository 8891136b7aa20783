"""Packages for tests, and the simplest answerer: a template, and a model that is asked at once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import workbench
from workbench.model import Completion, Model, Request, open_provider
from workbench.prompt import Renderer, load_prompt
from workbench.prompt.write import template_text
from workbench.serving.deployment import Deployments
from workbench.serving.interfaces import TextPiece
from workbench.serving.served_variant import VARIANT_FOLDER, ServedVariant
from workbench.serving.variant_spec import (
    PROMPT_FILE,
    ModelSpec,
    PromptSpec,
    VariantSpec,
    write_spec,
)


def write_package(
    folder: Path, template: str, renderer: Renderer, *, model: str = "echo:last", **fields: Any
) -> Path:
    """A package with this template; `fields` are further ones of its description."""
    provider, _, name = model.partition(":")
    prompt = load_prompt("qa", "plain", {"qa/plain.jinja": template.encode()}.get, renderer)
    opened = open_provider(Model(provider, name, settings=fields.pop("settings", {})))
    spec = VariantSpec(
        task="qa",
        name=f"plain · {model}",
        prompt=PromptSpec(
            name="plain",
            digest=prompt.digest,
            uri="prompts:/qa.plain/4",
            variables=dict(prompt.variables),
            choice_variables=prompt.choice_variables,
            splits=not isinstance(prompt.template, str) or not prompt.settings.chat,
        ),
        model=ModelSpec.of(Model(provider, name)),
        workbench_version=workbench.__version__,
        **{"identity": dict(opened.identity), **fields},
    )
    inside = folder / VARIANT_FOLDER
    inside.mkdir(parents=True)
    (inside / PROMPT_FILE).write_text(template_text(prompt), encoding="utf-8")
    write_spec(spec, inside)
    return folder


class ProviderAnswerer:
    """Asks the provider itself; a closed one answers no more."""

    def __init__(self, variant: ServedVariant) -> None:
        self._variant = variant
        self._closed = False

    async def answer(self, request: Request) -> Completion:
        await asyncio.sleep(0.002)
        assert not self._closed, "closed while it answers"
        (completion,) = self._variant.provider.complete([request])
        return self._variant.read(request, completion)

    async def stream(self, request: Request) -> AsyncIterator[TextPiece | Completion]:
        yield await self.answer(request)

    async def close(self) -> None:
        self._closed = True


async def open_answerer(variant: ServedVariant) -> ProviderAnswerer:
    return ProviderAnswerer(variant)


async def answer(deployments: Deployments, **inputs: str) -> str:
    """The answer of the version that is current at the beginning."""
    deployment = deployments.current
    assert deployment
    with deployment.lease():
        request = await deployment.prepare(inputs)
        return (await deployment.answerer.answer(request)).text
