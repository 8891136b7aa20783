"""Models on the Hugging Face hub: the local cache first, then the network."""

from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from workbench.errors import WorkbenchError

SMALL_FILES = ["*.json", "*.jinja", "tokenizer.model", "vocab.txt", "merges.txt"]
ALL_FILES = [*SMALL_FILES, "*.safetensors"]
# Second copies of the weights in their author's own layout.
DUPLICATES = ["consolidated*", "original/*"]


def find_snapshot(name: str, revision: str) -> Path:
    """A folder named by the commit, with config and tokenizer; weights are not downloaded.

    Raises:
        WorkbenchError: not in the local cache, and not on the hub or the hub can't be reached.
    """
    try:
        folder = Path(snapshot_download(name, revision=revision, local_files_only=True))
    except HFValidationError as error:
        raise WorkbenchError(f"model {name!r}: {error}") from error
    except LocalEntryNotFoundError:
        return download(name, revision, SMALL_FILES)
    complete = (folder / "config.json").is_file() and (folder / "tokenizer_config.json").is_file()
    return folder if complete else download(name, folder.name, SMALL_FILES)


def download(name: str, revision: str, patterns: Sequence[str] = ALL_FILES) -> Path:
    """The folder of the model, with the files of these patterns.

    Raises:
        WorkbenchError: the hub can't be reached, or refuses access.
    """
    model = f"model {name!r} at {revision!r}"
    try:
        return Path(
            snapshot_download(
                name, revision=revision, allow_patterns=list(patterns), ignore_patterns=DUPLICATES
            )
        )
    except GatedRepoError as error:
        raise WorkbenchError(
            f"{model} is gated", fix="accept its terms on the hub and set HF_TOKEN"
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise WorkbenchError(f"{model} is not on the hub, or is private") from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise WorkbenchError(
            f"{model} is not in the local cache, and the hub can't be reached",
            fix="check the network, or give a local folder",
        ) from error
