"""From a model's name to a folder with its weights, and the digests that identify them.

smollm2-135m-instruct     a name of the catalogue
./models/mine             a folder
HuggingFaceTB/SmolLM2-1.7B-Instruct     a model on the Hugging Face hub
"""

import hashlib
import json
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from workbench.canonical import digest
from workbench.catalog.models import cache_dir, list_models
from workbench.errors import WorkbenchError, unknown_name

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
)


@dataclass(frozen=True)
class Weights:
    """A model that was found.

    Attributes:
        folder: holds config and tokenizer, and the weights unless it is a hub model's.
        pinned: digest known without reading the weights; empty for a folder of the user's own.
        hub_id: the model's name on the hub; empty where it isn't from there.
    """

    folder: Path
    pinned: str = ""
    hub_id: str = ""

    @property
    def digest(self) -> str:
        """What identifies the weights: a pinned SHA-256, a commit, or the files' own SHA-256."""
        return self.pinned or _folder_digest(self.folder)

    @property
    def tokenizer_digest(self) -> str:
        """SHA-256 over the tokenizer's files, the chat template among them."""
        files = [self.folder / name for name in TOKENIZER_FILES]
        return digest({path.name: _sha256(path) for path in files if path.is_file()})

    @property
    def chat_template(self) -> str:
        """The template's source, empty where the model has none."""
        file = self.folder / "chat_template.jinja"
        if file.is_file():
            return file.read_text(encoding="utf-8")
        template = _json(self.folder / "tokenizer_config.json").get("chat_template") or ""
        if isinstance(template, list):  # named templates, as some older models have them
            named = {item["name"]: item["template"] for item in template}
            template = named.get("default", "")
        return str(template)


def to_be_fetched(name: str) -> bool:
    """Whether `name` stands in the catalogue and is not on this machine."""
    return any(model.name == name and not model.added for model in list_models())


def find_weights(name: str, revision: str) -> Weights:
    """The model called `name`, on this machine or, its weights not yet fetched, on the hub.

    Raises:
        WorkbenchError: there is none, or it has no safetensors.
    """
    models = {model.name: model for model in list_models()}
    is_path = name.startswith((".", "/", "~")) or ("/" in name and Path(name).is_dir())
    if not is_path and name.count("/") == 1:
        from workbench.providers.transformers.hub import find_snapshot

        folder = find_snapshot(name, revision or "main")
        return Weights(folder, pinned=f"commit:{folder.name}", hub_id=name)
    if revision:
        said = f"model {name!r} is not on the hub and has no revision {revision!r}"
        raise WorkbenchError(said, fix="leave `revision:` out")
    if is_path:
        home = name.startswith("~/")  # another user's home is nobody's business here
        return Weights(_checked(Path(name).expanduser() if home else Path(name)))
    if name not in models:
        raise unknown_name("model", name, models)
    if not models[name].added:
        raise WorkbenchError(
            f"model {name!r} has not been fetched", fix=f"workbench models add {name}"
        )
    return Weights(models[name].folder, pinned=f"sha256:{models[name].sha256}")


def weights_folder(weights: Weights) -> Path:
    """The folder with everything in it, a hub model's weights downloaded where they weren't.

    Raises:
        WorkbenchError: the hub can't be reached, or the model has no safetensors.
    """
    if weights.hub_id and not has_safetensors(weights.folder):
        from workbench.providers.transformers.hub import download

        return _checked(download(weights.hub_id, weights.folder.name))
    return _checked(weights.folder)


def has_safetensors(folder: Path) -> bool:
    """Whether all weights are there, every shard of them."""
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        return all((folder / shard).is_file() for shard in _json(index)["weight_map"].values())
    return any(folder.glob("*.safetensors"))


def needs_own_code(folder: Path) -> bool:
    """Whether the model is of a kind that transformers can't build without the folder's code."""
    config = _json(folder / "config.json")
    package = find_spec("transformers")
    if not config.get("auto_map") or package is None or package.origin is None:
        return False
    # Many models that bring code don't need it any more. The library's list of kinds is read as
    # text, because importing it takes seconds.
    lists = Path(package.origin).parent.glob("models/auto/*.py")
    named = f'"{config.get("model_type")}"'
    return not any(named in listed.read_text(encoding="utf-8") for listed in lists)


def _checked(folder: Path) -> Path:
    if not folder.is_dir():
        raise WorkbenchError(
            "no such folder",
            where=str(folder),
            fix="a path is seen from the folder the command is called in; "
            "`workbench models list` names models that can be fetched",
        )
    if not (folder / "config.json").is_file():
        raise WorkbenchError(
            "not a model's folder: it has no config.json",
            where=str(folder),
            fix="name the folder that save_pretrained() wrote",
        )
    if needs_own_code(folder):
        raise WorkbenchError(
            "the model needs code of its own (`auto_map` in config.json), which is never run",
            where=str(folder),
            fix="take a model that transformers itself knows, or serve it and name it as openai:",
        )
    if not has_safetensors(folder):
        raise WorkbenchError(
            "the weights are not there as safetensors, all shards of them",
            where=str(folder),
            fix="convert with save_pretrained(); .bin and .pt files can run code when loaded",
        )
    return folder


def _folder_digest(folder: Path) -> str:
    files = [folder / "config.json", folder / "generation_config.json"]
    found = {path.name: _sha256(path) for path in files if path.is_file()}
    known = _json(cache_dir() / "digests.json")
    for path in sorted(folder.glob("*.safetensors")):
        stat = path.stat()
        seen = f"{path.resolve()}:{stat.st_size}:{stat.st_mtime_ns}"
        if seen not in known:
            known[seen] = _sha256(path)
            _remember(seen, known[seen])
        found[path.name] = known[seen]
    return f"sha256:{digest(found)}"


def _remember(seen: str, sha256: str) -> None:
    """Keep a digest for next time; two processes at once lose one entry, never the file."""
    file = cache_dir() / "digests.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f"digests.{os.getpid()}.part")
    aside.write_text(json.dumps(_json(file) | {seen: sha256}), encoding="utf-8")
    aside.replace(file)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return found if isinstance(found, dict) else {}
