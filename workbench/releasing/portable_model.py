"""A model as a package describes it: without keys, and without a path of this machine.

transformers:/home/me/models/mine, {dtype: auto}
->  model "mine", {dtype: bfloat16, device: cpu}, weights in $WORKBENCH_WEIGHTS or in the package
"""

import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.experiment import OpenModel
from workbench.model import RECORDED, Model
from workbench.plan import Variant
from workbench.providers.openai import OpenAIProvider
from workbench.providers.transformers import TransformersProvider
from workbench.providers.transformers.weights import folder_digest, weights_folder
from workbench.secrets import SECRET_NAME, Redactor, is_private, mask_text
from workbench.serving.packaged_model import CERTIFICATES, WEIGHTS_FOLDER
from workbench.serving.variant_spec import WeightsSpec

CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.DOTALL)
HEADERS = ("headers",)  # settings whose names are headers: their own names tell what is secret


def refuse_other_answers(variant: Variant) -> None:
    """Raise WorkbenchError if a variant's answers were made elsewhere."""
    if variant.reads_answers or variant.model.model.provider == RECORDED:
        message = f"{variant.name} can't be packaged: its answers were made elsewhere, and no "
        message += "model is known that answers new rows"
        fix = "package a variant of a model: openai:…, transformers:…"
        raise WorkbenchError(message, fix=fix)


def refuse_keys(variant: Variant, redactor: Redactor) -> None:
    """Raise WorkbenchError if a setting or a parameter of a variant holds a key itself."""
    model = variant.model.model
    values = {**model.settings, **variant.parameters}
    for path, text in _texts(values, ()):
        name = path[-1]
        names_secret = SECRET_NAME.search(name) if path[0] in HEADERS else is_private(name)
        is_reference = name == "api_key_env" or "${" in text
        is_secret = mask_text(text) != text or redactor.redact(text) != text
        if (names_secret and not is_reference) or is_secret:
            shown = ".".join(path)
            message = f"{variant.name}: {shown} may hold a key, and a package must hold none"
            fix = f'name a variable: {name}: "${{NAME}}", in `headers` or `base_url`, or '
            raise WorkbenchError(message, fix=f"{fix}`api_key_env: NAME`")


def _texts(value: JSON, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _texts(entry, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _texts(entry, path)


def portable_model(
    model: OpenModel, folder: Path, *, with_weights: bool
) -> tuple[Model, WeightsSpec | None]:
    """Return the model for a package, and its weights; files that it needs go into `folder`.

    Raises:
        WorkbenchError: its certificates or weights can't be read.
    """
    provider = model.provider
    if isinstance(provider, OpenAIProvider):
        return _portable_endpoint(model.model, provider, folder), None
    if isinstance(provider, TransformersProvider):
        return _portable_weights(model.model, provider, folder, with_weights=with_weights)
    return model.model, None


def _portable_endpoint(model: Model, provider: OpenAIProvider, folder: Path) -> Model:
    settings = dict(model.settings)
    if not provider.settings.base_url and provider.settings.url:
        # OPENAI_BASE_URL may be another one where it is served.
        settings |= {
            "base_url": provider.settings.url,
            "api_key_env": provider.settings.key_variable,
        }
    if ca_file := provider.settings.ca_file:
        certificates = CERTIFICATE.findall(Path(ca_file).read_text(encoding="utf-8"))
        (folder / CERTIFICATES).write_text("".join(certificates), encoding="utf-8")
        settings["ca_file"] = CERTIFICATES
    return replace(model, settings=settings)


def _portable_weights(
    model: Model, provider: TransformersProvider, folder: Path, *, with_weights: bool
) -> tuple[Model, WeightsSpec]:
    """The model with the dtype and the device that `auto` means here."""
    weights = provider.weights
    source = weights_folder(weights)
    identity = provider.identity
    settings = {**model.settings, "dtype": identity["dtype"], "device": identity["device"]}
    is_folder = not weights.pinned
    if with_weights:
        shutil.copytree(source, folder / WEIGHTS_FOLDER)
        settings.pop("revision", None)
    elif weights.hub_id:
        settings["revision"] = source.name  # the commit
    name = Path(model.name).resolve().name if is_folder else model.name
    place: Literal["inside", "folder", "name"]
    place = "inside" if with_weights else "folder" if is_folder else "name"
    spec = WeightsSpec(
        place=place, digest=folder_digest(source), tokenizer=weights.tokenizer_digest
    )
    return replace(model, name=name, settings=settings), spec
