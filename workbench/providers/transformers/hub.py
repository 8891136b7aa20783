"""Models on the Hugging Face hub: the local cache first, then the network."""

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

DESCRIPTION = ["*.json", "*.jinja", "tokenizer.model", "vocab.txt", "merges.txt"]
# Second copies of the weights in the maker's own layout.
DUPLICATES = ["consolidated*", "original/*"]


def find_snapshot(name: str, revision: str) -> Path:
    """A folder, named by the commit, with at least config and tokenizer; small files only.

    Raises:
        WorkbenchError: not in the local cache, and the hub doesn't have it or can't be reached.
    """
    try:
        folder = Path(snapshot_download(name, revision=revision, local_files_only=True))
    except HFValidationError as error:
        raise WorkbenchError(f"model {name!r}: {error}") from error
    except LocalEntryNotFoundError:
        return _fetch(name, revision, DESCRIPTION)
    complete = (folder / "config.json").is_file() and (folder / "tokenizer_config.json").is_file()
    return folder if complete else _fetch(name, folder.name, DESCRIPTION)


def download(name: str, commit: str) -> Path:
    """The folder with the weights too.

    Raises:
        WorkbenchError: the hub can't be reached or refuses.
    """
    return _fetch(name, commit, [*DESCRIPTION, "*.safetensors"])


def _fetch(name: str, revision: str, patterns: list[str]) -> Path:
    at = f"model {name!r} at {revision!r}"
    try:
        return Path(
            snapshot_download(
                name, revision=revision, allow_patterns=patterns, ignore_patterns=DUPLICATES
            )
        )
    except GatedRepoError as error:
        raise WorkbenchError(
            f"{at} is gated", fix="accept its terms on the hub and set HF_TOKEN"
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise WorkbenchError(f"{at} is not on the hub, or is private") from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise WorkbenchError(
            f"{at} is not in the local cache, and the hub can't be reached",
            fix="check the network, or give a local folder",
        ) from error
