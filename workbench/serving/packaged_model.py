"""The model of a packaged variant on the machine that serves it: its files, and their digests.

settings {"ca_file": "ca.pem"}                  a file in the package
weights {"place": "inside", "digest": …}        the folder `weights` in the package
weights {"place": "folder", "digest": …}        $WORKBENCH_WEIGHTS/<name of the model>
"""

import os
from dataclasses import replace
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.model import Model, Provider
from workbench.providers.transformers import TransformersProvider
from workbench.providers.transformers.weights import folder_digest, weights_folder
from workbench.serving.variant_spec import VariantSpec

WEIGHTS_VARIABLE = "WORKBENCH_WEIGHTS"
WEIGHTS_FOLDER = "weights"
CERTIFICATES = "ca.pem"


def packaged_model(spec: VariantSpec, folder: Path) -> Model:
    """Return the model of the variant in `folder`, with the places of its files here.

    Raises:
        WorkbenchError: its weights lie in a folder that isn't here.
    """
    model = spec.model.model()
    if spec.weights and spec.weights.place == "inside":
        return replace(model, name=str((folder / WEIGHTS_FOLDER).absolute()))
    if spec.weights and spec.weights.place == "folder":
        return replace(model, name=str(_served_folder(model.name)))
    if model.settings.get("ca_file") == CERTIFICATES:
        settings = {**model.settings, "ca_file": str((folder / CERTIFICATES).absolute())}
        return replace(model, settings=settings)
    return model


def _served_folder(name: str) -> Path:
    parent = os.environ.get(WEIGHTS_VARIABLE, "")
    folder = Path(parent, name).absolute()
    if parent and folder.is_dir():
        return folder
    message = f"the package refers to the weights {name!r}, and " + (
        f"{folder} is no folder" if parent else f"{WEIGHTS_VARIABLE} is not set"
    )
    fix = f"copy the folder with the weights to this machine, and export {WEIGHTS_VARIABLE}=its "
    fix += "parent folder; or package the variant with --with-weights"
    raise WorkbenchError(message, fix=fix)


def check_weights(spec: VariantSpec, provider: Provider) -> None:
    """Return if the weights on this machine are those that were evaluated.

    Raises:
        WorkbenchError: they have another digest.
    """
    if not spec.weights or not isinstance(provider, TransformersProvider):
        return
    weights = provider.weights
    folder = weights_folder(weights)
    digests = {"weights": folder_digest(folder), "tokenizer": weights.tokenizer_digest}
    packaged = {"weights": spec.weights.digest, "tokenizer": spec.weights.tokenizer}
    for part, digest in digests.items():
        if digest != packaged[part]:
            message = f"the {part} have the digest {digest}, and {packaged[part]} was evaluated"
            message = message if part == "weights" else message.replace(" have ", " has ", 1)
            fix = "put the evaluated files there, or evaluate these and package the variant again"
            raise WorkbenchError(message, where=str(folder), fix=fix)
