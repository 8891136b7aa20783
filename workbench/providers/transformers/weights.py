"""The folder with a model's weights, and the digests that identify them.

smollm2-135m-instruct                   a name of the catalog
./models/mine                           a folder
HuggingFaceTB/SmolLM2-1.7B-Instruct     a model on the Hugging Face hub
"""

import hashlib
import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from workbench.canonical import JSON, digest
from workbench.catalog.cache import add_to_json, cache_dir, read_json
from workbench.catalog.models import list_models
from workbench.errors import NotFoundError, WorkbenchError, unknown_name

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
    """The files of a model.

    Attributes:
        folder: with config and tokenizer; weights of a hub model may be missing.
        pinned: digest that needs no reading of the weights; empty for a user's folder.
        hub_id: name on the hub; empty if it isn't from the hub.
    """

    folder: Path
    pinned: str = ""
    hub_id: str = ""

    @property
    def digest(self) -> str:
        """Pinned SHA-256 or commit, or the SHA-256 of the files."""
        return self.pinned or folder_digest(self.folder)

    @property
    def tokenizer_digest(self) -> str:
        """SHA-256 of the tokenizer's files, chat template included."""
        files = [self.folder / name for name in TOKENIZER_FILES]
        return digest({path.name: _sha256(path) for path in files if path.is_file()})

    @property
    def model_type(self) -> str:
        """Name of the architecture in transformers."""
        return str(read_json(self.folder / "config.json").get("model_type", ""))

    @property
    def appends_eos(self) -> bool:
        """True if the tokenizer is set to end every text with a special token."""
        if read_json(self.folder / "tokenizer_config.json").get("add_eos_token"):
            return True
        file = self.folder / "tokenizer.json"
        content = file.read_bytes() if file.is_file() else b""
        name = b'"post_processor":'
        if (start := content.find(name)) < 0:
            return False
        text = content[start + len(name) : content.find(b'"model":', start)]  # a long vocabulary
        processor = json.JSONDecoder().raw_decode(text.decode().lstrip())[0] or {}
        steps = processor.get("processors") or [processor]
        return any(
            "SpecialToken" in (step.get("single") or [{}])[-1] or "sep" in step for step in steps
        )

    @property
    def special_tokens(self) -> dict[str, JSON]:
        """Texts of the special tokens by their names, as `bos_token`, for the chat template."""
        entries = {
            **read_json(self.folder / "special_tokens_map.json"),
            **read_json(self.folder / "tokenizer_config.json"),
        }
        texts = {
            name: entry.get("content") if isinstance(entry, dict) else entry
            for name, entry in entries.items()
            if name.endswith("_token")
        }
        return {name: text for name, text in texts.items() if isinstance(text, str)}

    @property
    def chat_template(self) -> str:
        """Source of the chat template; empty if the model has none."""
        file = self.folder / "chat_template.jinja"
        if file.is_file():
            return file.read_text(encoding="utf-8")
        template = read_json(self.folder / "tokenizer_config.json").get("chat_template") or ""
        if isinstance(template, list):  # named templates, in some older models
            named = {entry["name"]: entry["template"] for entry in template}
            template = named.get("default", "")
        return str(template)


def must_be_fetched(name: str) -> bool:
    """True if `name` is in the catalog and not on this machine."""
    return any(model.name == name and not model.added for model in list_models())


def find_weights(name: str, revision: str) -> Weights:
    """The model called `name`; weights of a hub model are not downloaded yet.

    Raises:
        WorkbenchError: there is none, or it has no safetensors.
    """
    is_path = name.startswith((".", "/", "~")) or ("/" in name and Path(name).is_dir())
    if not is_path and name.count("/") == 1:
        from workbench.providers.transformers.hub import find_snapshot

        folder = find_snapshot(name, revision or "main")
        return Weights(folder, pinned=f"commit:{folder.name}", hub_id=name)
    if revision:
        raise WorkbenchError(
            f"model {name!r} is not on the hub and has no revision {revision!r}",
            fix="remove `revision:`",
        )
    if is_path:
        # ~name, another user's home, is not expanded.
        folder = Path(name).expanduser() if name.startswith("~/") else Path(name)
        return Weights(_check_folder(folder))
    models = {model.name: model for model in list_models()}
    if name not in models:
        raise unknown_name("model", name, models)
    if not models[name].added:
        raise NotFoundError(
            f"model {name!r} has not been fetched", fix=f"workbench models add {name}"
        )
    return Weights(models[name].folder, pinned=f"sha256:{models[name].sha256}")


def weights_folder(weights: Weights) -> Path:
    """The folder with the weights; those of a hub model are downloaded if they are missing.

    Raises:
        WorkbenchError: the hub can't be reached, or the model has no safetensors.
    """
    if weights.hub_id and not has_safetensors(weights.folder):
        from workbench.providers.transformers.hub import download

        return _check_folder(download(weights.hub_id, weights.folder.name))
    return _check_folder(weights.folder)


def has_safetensors(folder: Path) -> bool:
    """True if every shard of the weights is there."""
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        return all((folder / shard).is_file() for shard in read_json(index)["weight_map"].values())
    return any(folder.glob("*.safetensors"))


def needs_remote_code(folder: Path) -> bool:
    """True if transformers can't build the model without Python code of the folder."""
    config = read_json(folder / "config.json")
    package = find_spec("transformers")
    if not config.get("auto_map") or package is None or package.origin is None:
        return False
    # Many models that come with code don't need it any more. The library's lists of model types
    # are read as text, because importing them takes seconds.
    lists = Path(package.origin).parent.glob("models/auto/*.py")
    model_type = f'"{config.get("model_type")}"'
    return not any(model_type in file.read_text(encoding="utf-8") for file in lists)


def _check_folder(folder: Path) -> Path:
    if not folder.is_dir():
        raise WorkbenchError(
            "no such folder",
            where=str(folder),
            fix="a path is relative to the current folder; "
            "`workbench models list` shows the models that can be fetched",
        )
    if not (folder / "config.json").is_file():
        raise WorkbenchError(
            "not the folder of a model: it has no config.json",
            where=str(folder),
            fix="name the folder that save_pretrained() wrote",
        )
    if needs_remote_code(folder):
        raise WorkbenchError(
            "the model needs its own Python code (`auto_map` in config.json), which is never run",
            where=str(folder),
            fix="use a model that transformers supports, or serve it and name it as openai:",
        )
    if not has_safetensors(folder):
        raise WorkbenchError(
            "some or all weights are missing as safetensors",
            where=str(folder),
            fix="convert with save_pretrained(); .bin and .pt files can run code when loaded",
        )
    return folder


def folder_digest(folder: Path) -> str:
    """Return the SHA-256 of the files with the weights and their configuration."""
    files = [folder / "config.json", folder / "generation_config.json"]
    digests = {path.name: _sha256(path) for path in files if path.is_file()}
    cached = read_json(cache_dir() / "digests.json")
    for path in sorted(folder.glob("*.safetensors")):
        stat = path.stat()
        key = f"{path.resolve()}:{stat.st_size}:{stat.st_mtime_ns}"
        if key not in cached:
            cached[key] = _sha256(path)
            add_to_json(cache_dir() / "digests.json", key, cached[key])
        digests[path.name] = cached[key]
    return f"sha256:{digest(digests)}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
